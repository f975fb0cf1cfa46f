//! One client's connection: raw MQTT 3.1.1, as few system calls as possible.

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes taken by one read.
const READ: usize = 32 * 1024;

/// Where and how to connect.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    /// Per device; `None` for plain TCP.
    pub(crate) tls: Option<Arc<Vec<Arc<ClientConfig>>>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A connection.
pub(crate) struct Link {
    stream: Box<dyn Stream>,
    /// What was read and not looked at yet, in `start..end`; empty where nothing was.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Acknowledgements to write.
    acks: Vec<u8>,
}

impl Way {
    /// Opens a stream, and does the TLS handshake where there is one.
    pub(crate) async fn open(&self, device: usize) -> Link {
        let socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(socket),
            Some(configs) => {
                let connector = TlsConnector::from(Arc::clone(&configs[device % configs.len()]));
                // By name: a certificate that is registered without its CA is for clients that name the server.
                let name = ServerName::try_from("localhost").unwrap();
                Box::new(connector.connect(name, socket).await.unwrap())
            }
        };
        Link { stream, buffer: Vec::new(), start: 0, end: 0, acks: Vec::new() }
    }

    /// Opens a stream and connects.
    pub(crate) async fn connect(&self, client_id: &str, device: usize) -> Link {
        let mut link = self.open(device).await;
        link.connect(client_id).await;
        link
    }
}

impl Link {
    /// CONNECT with a clean session, and its CONNACK.
    pub(crate) async fn connect(&mut self, client_id: &str) {
        let mut body = b"\x00\x04MQTT\x04\x02\x04\xb0".to_vec();
        put_text(&mut body, client_id);
        self.write(&packet(0x10, &body)).await;
        assert_eq!(self.packet().await, [0x20, 2, 0, 0], "the connect of {client_id} was refused");
        self.rest();
    }

    /// SUBSCRIBE to filters, in packets of eight, and their SUBACKs.
    pub(crate) async fn subscribe(&mut self, filters: &[String], qos: u8) {
        let mut bytes = Vec::new();
        let packets = filters.chunks(8).enumerate().map(|(n, filters)| {
            let mut body = u16::try_from(n + 1).unwrap().to_be_bytes().to_vec();
            for filter in filters {
                put_text(&mut body, filter);
                body.push(qos);
            }
            bytes.extend_from_slice(&packet(0x82, &body));
        });
        let count = packets.count();
        self.write(&bytes).await;
        for _ in 0..count {
            let answer = self.packet().await;
            assert!(answer[0] == 0x90 && answer[4..].iter().all(|code| *code == qos), "a subscribe was refused");
        }
        self.rest();
    }

    /// DISCONNECT, and until the server has closed the stream.
    pub(crate) async fn disconnect(mut self) {
        self.write(&[0xE0, 0]).await;
        self.close().await;
    }

    /// Closes the stream, and waits until the server has.
    pub(crate) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
        let mut rest = [0; 512];
        while self.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }

    /// Writes bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Waits for PUBACKs.
    pub(crate) async fn acknowledged(&mut self, count: usize) {
        for _ in 0..count {
            let found = self.next().await;
            assert_eq!(self.buffer[found.0], 0x40, "a PUBACK is due");
        }
        self.rest();
    }

    /// Waits for messages, shows each one's payload, and acknowledges those of QoS 1.
    pub(crate) async fn receive(&mut self, count: usize, mut show: impl FnMut(&[u8])) {
        for left in (0..count).rev() {
            let (start, body, end) = self.next().await;
            let first = self.buffer[start];
            assert_eq!(first >> 4, 3, "a PUBLISH is due");
            let topic = usize::from(u16::from_be_bytes([self.buffer[body], self.buffer[body + 1]]));
            let mut payload = body + 2 + topic;
            if first & 0b110 != 0 {
                self.acks.extend_from_slice(&[0x40, 2, self.buffer[payload], self.buffer[payload + 1]]);
                payload += 2;
            }
            show(&self.buffer[payload..end]);
            if left == 0 {
                self.acknowledge().await;
            }
        }
        self.rest();
    }

    async fn acknowledge(&mut self) {
        if !self.acks.is_empty() {
            let acks = std::mem::take(&mut self.acks);
            self.write(&acks).await;
            self.acks = acks;
            self.acks.clear();
        }
    }

    async fn packet(&mut self) -> Vec<u8> {
        let (start, _, end) = self.next().await;
        self.buffer[start..end].to_vec()
    }

    /// The next packet: where it, its body and its end are in the buffer. What there is to acknowledge is acknowledged before
    /// more is read.
    async fn next(&mut self) -> (usize, usize, usize) {
        loop {
            if let Some((body, end)) = frame(&self.buffer[self.start..self.end]) {
                let start = self.start;
                self.start += end;
                return (start, start + body, start + end);
            }
            self.acknowledge().await;
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.buffer.len() < self.end + READ {
                self.buffer.resize(self.end + READ, 0);
            }
            let count = self.stream.read(&mut self.buffer[self.end..]).await.unwrap();
            assert!(count > 0, "the server has closed a connection");
            self.end += count;
        }
    }

    /// An idle connection holds no buffer.
    fn rest(&mut self) {
        if self.start == self.end {
            (self.buffer, self.start, self.end) = (Vec::new(), 0, 0);
        }
    }
}

/// Where the body and the end of the packet at the start of some bytes are, if all of it is there.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for at in 1..=4 {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return (bytes.len() > at + length).then_some((at + 1, at + 1 + length));
        }
    }
    panic!("a length of more than four bytes");
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// A packet.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(body);
    out
}

/// A PUBLISH; the packet identifier of one of QoS 1.
pub(crate) fn publish(topic: &str, id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(payload.len() + topic.len() + 4);
    put_text(&mut body, topic);
    body.extend(id.map(u16::to_be_bytes).into_iter().flatten());
    body.extend_from_slice(payload);
    packet(if id.is_some() { 0x32 } else { 0x30 }, &body)
}

/// Publishes written at once, with the identifiers from 1 on.
pub(crate) fn burst(topic: &str, qos: u8, count: usize) -> Vec<u8> {
    let id = |n: usize| (qos > 0).then(|| u16::try_from(n + 1).unwrap());
    (0..count).flat_map(|n| publish(topic, id(n), &[b'x'; PAYLOAD])).collect()
}

/// Bytes of a message's payload.
pub(crate) const PAYLOAD: usize = 256;
