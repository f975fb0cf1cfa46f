//! MQTT, by a client that knows nothing of the gateway, or byte by byte.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use crate::DEADLINE;
use rumqttc::{
    Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS, RecvTimeoutError, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Message {
    /// The payload as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|e| panic!("no JSON on {}: {e}", self.topic))
    }
}

/// A connection of MQTT 3.1.1 over mutual TLS.
pub struct Mqtt {
    client: Client,
    connection: Connection,
    /// What has arrived and was not asked for yet.
    pub inbox: VecDeque<Message>,
    /// Whether there was a session of it.
    pub resumed: bool,
}

/// What a client may ask for when it connects.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// A user name and a password.
    pub credentials: Option<(&'a str, &'a str)>,
    /// What is to be published when it is lost: a topic and a payload.
    pub will: Option<(&'a str, &'a str)>,
    /// Whether its session outlives the connection.
    pub stays: bool,
}

impl Mqtt {
    /// Connects; the first CONNACK decides.
    ///
    /// # Errors
    /// How it was refused.
    pub fn connect(client_id: &str, port: u16, tls: Arc<ClientConfig>) -> Result<Self, String> {
        Self::connect_as(client_id, port, tls, None)
    }

    /// Connects with a user name and a password; the first CONNACK decides.
    ///
    /// # Errors
    /// How it was refused.
    pub fn connect_as(
        client_id: &str,
        port: u16,
        tls: Arc<ClientConfig>,
        credentials: Option<(&str, &str)>,
    ) -> Result<Self, String> {
        Self::connect_wishing(client_id, port, tls, Wish { credentials, ..Wish::default() })
    }

    /// Connects with what is wished for; the first CONNACK decides.
    ///
    /// # Errors
    /// How it was refused.
    pub fn connect_wishing(client_id: &str, port: u16, tls: Arc<ClientConfig>, wish: Wish<'_>) -> Result<Self, String> {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
        // As long as may be: tests move the clock while their clients are silent.
        options.set_keep_alive(Duration::from_secs(1200)).set_max_packet_size(256 * 1024, 256 * 1024);
        options.set_clean_session(!wish.stays);
        if let Some((user_name, password)) = wish.credentials {
            options.set_credentials(user_name, password);
        }
        if let Some((topic, payload)) = wish.will {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, false));
        }
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
        let (client, connection) = Client::new(options, 64);
        let mut this = Self { client, connection, inbox: VecDeque::new(), resumed: false };
        let event = this.until("CONNACK", |event| matches!(event, Event::Incoming(Packet::ConnAck(_))))?;
        this.resumed = matches!(event, Event::Incoming(Packet::ConnAck(ack)) if ack.session_present);
        Ok(this)
    }

    /// Subscribes and waits for the SUBACK.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn subscribe(&mut self, filter: &str) {
        self.client.subscribe(filter, QoS::AtLeastOnce).unwrap_or_else(|e| panic!("no SUBSCRIBE: {e}"));
        match self.until("SUBACK", |event| matches!(event, Event::Incoming(Packet::SubAck(_)))) {
            Ok(Event::Incoming(Packet::SubAck(ack))) if !ack.return_codes.contains(&SubscribeReasonCode::Failure) => {}
            other => panic!("`{filter}` was refused: {other:?}"),
        }
    }

    /// Publishes at QoS 1 and waits for the PUBACK.
    ///
    /// # Errors
    /// How the connection ended instead.
    pub fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) -> Result<(), String> {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).map_err(|e| e.to_string())?;
        self.until("PUBACK", |event| matches!(event, Event::Incoming(Packet::PubAck(_)))).map(|_| ())
    }

    /// The next message on a topic that starts like this.
    ///
    /// # Panics
    /// Where none comes.
    pub fn receive(&mut self, prefix: &str) -> Message {
        loop {
            if let Some(at) = self.inbox.iter().position(|message| message.topic.starts_with(prefix))
                && let Some(message) = self.inbox.remove(at)
            {
                return message;
            }
            let arrived = self.until("a message", |event| matches!(event, Event::Incoming(Packet::Publish(_))));
            arrived.unwrap_or_else(|e| panic!("nothing on {prefix}: {e}; arrived: {:?}", self.inbox));
        }
    }

    /// Waits until the other side ends the connection.
    ///
    /// # Panics
    /// Where it does not.
    pub fn ended(mut self) {
        if let Ok(event) = self.until("the end", |_| false) {
            panic!("{event:?} instead of the end");
        }
    }

    /// Says goodbye.
    ///
    /// # Panics
    /// Where the connection ended before.
    pub fn disconnect(mut self) {
        self.client.disconnect().unwrap_or_else(|e| panic!("no DISCONNECT: {e}"));
        let gone = self.until("DISCONNECT", |event| matches!(event, Event::Outgoing(Outgoing::Disconnect)));
        gone.unwrap_or_else(|e| panic!("no goodbye: {e}"));
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event, String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.connection.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(event)) => {
                    if let Event::Incoming(Packet::Publish(publish)) = &event {
                        let message = Message { topic: publish.topic.clone(), payload: publish.payload.to_vec() };
                        self.inbox.push_back(message);
                    }
                    if wanted(&event) {
                        return Ok(event);
                    }
                }
                Ok(Err(error)) => return Err(error.to_string()),
                Err(RecvTimeoutError::Timeout) => panic!("{what} did not come within {DEADLINE:?}"),
                Err(RecvTimeoutError::Disconnected) => return Err("the client has ended".to_owned()),
            }
        }
    }
}

/// A connection byte by byte.
pub struct Raw(pub TcpStream);

impl Raw {
    /// Sends bytes; the other side may have gone.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Connects with MQTT 3.1.1 and a clean session.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn connect(&mut self, client_id: &str) {
        let length = u8::try_from(client_id.len()).unwrap_or_else(|e| panic!("a long client id: {e}"));
        let mut packet = vec![0x10, 12 + length, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, length];
        packet.extend_from_slice(client_id.as_bytes());
        self.send(&packet);
        let mut ack = [0; 4];
        self.0.read_exact(&mut ack).unwrap_or_else(|e| panic!("no CONNACK: {e}"));
        assert_eq!(ack, [0x20, 2, 0, 0], "CONNACK");
    }

    /// Connects with MQTT 3.1.1, a clean session and a will of QoS 1.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn connect_with_will(&mut self, client_id: &str, topic: &str, payload: &str) {
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b1110, 0, 60];
        for text in [client_id, topic, payload] {
            body.extend([0, u8::try_from(text.len()).unwrap_or_else(|e| panic!("a long text: {e}"))]);
            body.extend_from_slice(text.as_bytes());
        }
        let length = u8::try_from(body.len()).unwrap_or_else(|e| panic!("a long packet: {e}"));
        self.send(&[vec![0x10, length], body].concat());
        assert_eq!(self.packet(), Some((0x20, vec![0, 0])), "CONNACK");
    }

    /// Connects with MQTT 3.1.1 and a session that stays; whether there was one.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn resume(&mut self, client_id: &str) -> bool {
        let length = u8::try_from(client_id.len()).unwrap_or_else(|e| panic!("a long client id: {e}"));
        let mut packet = vec![0x10, 12 + length, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 60, 0, length];
        packet.extend_from_slice(client_id.as_bytes());
        self.send(&packet);
        match self.packet() {
            Some((0x20, body)) if body.get(1) == Some(&0) => body.first() == Some(&1),
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    /// Sends a PUBLISH of QoS 1 with an identifier.
    ///
    /// # Panics
    /// Where topic and payload together are long.
    pub fn publish(&mut self, topic: &str, payload: &str, id: u16) {
        let length = |text: &str| u8::try_from(text.len()).unwrap_or_else(|e| panic!("a long text: {e}"));
        let mut packet = vec![0x32, 4 + length(topic) + length(payload), 0, length(topic)];
        packet.extend_from_slice(topic.as_bytes());
        packet.extend_from_slice(&id.to_be_bytes());
        packet.extend_from_slice(payload.as_bytes());
        self.send(&packet);
    }

    /// The next packet: its first byte and what follows the fixed header; `None` at the end of the stream.
    pub fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut next = || {
            let mut byte = [0];
            self.0.read_exact(&mut byte).ok().map(|()| byte[0])
        };
        let first = next()?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = next()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some((first, body))
    }

    /// Reads until the other side closes; gives what came before.
    ///
    /// # Panics
    /// Where it does not close in time.
    pub fn closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => bytes,
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
}
