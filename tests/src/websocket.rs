//! A WebSocket, frame by frame.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use crate::http::Answer;
use std::io::{Read, Write};

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// A kind of frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A continued message.
    Continuation = 0,
    /// Text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// The end.
    Close = 8,
    /// A question whether the other side is there.
    Ping = 9,
    /// The answer.
    Pong = 10,
}

/// An open WebSocket.
pub struct WebSocket<S> {
    stream: S,
}

impl<S: Read + Write> WebSocket<S> {
    /// Opens one at a path with its query.
    ///
    /// # Errors
    /// The answer, where it is another than the switch of protocols.
    ///
    /// # Panics
    /// Where there is no answer.
    pub fn open(mut stream: S, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).unwrap_or_else(|e| panic!("no request: {e}"));
        stream.flush().unwrap_or_else(|e| panic!("no request: {e}"));
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap_or_else(|e| panic!("no answer: {e}"));
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let mut answer = Answer { status, head, body: String::new() };
        if status == 101 {
            assert_eq!(answer.header("sec-websocket-accept"), "s3pplmbitxaq9kygzzhzrbk+xoo=");
            assert_eq!(answer.header("sec-websocket-protocol"), "mqtt", "MQTT-6.0.0-4");
            return Ok(Self { stream });
        }
        let mut body = vec![0; answer.header("content-length").parse().unwrap_or_default()];
        stream.read_exact(&mut body).unwrap_or_else(|e| panic!("half an answer: {e}"));
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Err(answer)
    }

    /// Sends a frame, the last of its message where `last`.
    ///
    /// # Panics
    /// Where it cannot.
    pub fn send(&mut self, kind: Kind, last: bool, payload: &[u8]) {
        let length = u8::try_from(payload.len()).unwrap_or_else(|e| panic!("a long frame: {e}"));
        assert!(length < 126, "a long frame");
        let mut frame = vec![if last { 0x80 } else { 0 } | kind as u8, 0x80 | length];
        frame.extend_from_slice(&MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).unwrap_or_else(|e| panic!("no frame: {e}"));
        self.stream.flush().unwrap_or_else(|e| panic!("no frame: {e}"));
    }

    /// Sends bytes in one binary frame.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.send(Kind::Binary, true, bytes);
    }

    /// The next frame: its opcode and payload.
    ///
    /// # Panics
    /// Where none comes, or one that a server must not send.
    pub fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 2];
        self.stream.read_exact(&mut header).unwrap_or_else(|e| panic!("no frame: {e}"));
        let [first, length] = header;
        assert!(first & 0xf0 == 0x80 && length < 126, "a frame that is not a short and whole one: {header:?}");
        let mut payload = vec![0; usize::from(length)];
        self.stream.read_exact(&mut payload).unwrap_or_else(|e| panic!("half a frame: {e}"));
        (first & 0x0f, payload)
    }

    /// The bytes of the next frame, which must be binary.
    ///
    /// # Panics
    /// Where it is another.
    pub fn receive_bytes(&mut self) -> Vec<u8> {
        let (kind, payload) = self.receive();
        assert_eq!(kind, Kind::Binary as u8, "{payload:?}");
        payload
    }
}
