//! MQTT packets as bytes, right or wrong, over any stream.

use std::io::{Read, Write};

/// A connection that says what a test wants.
pub(super) struct Wire<S>(pub(super) S);

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut rest = body.len();
    loop {
        let byte = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        packet.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

/// A CONNECT with a clean session.
pub(super) fn connect(client_id: &str, keep_alive: u16, version: u8) -> Vec<u8> {
    let mut body = [&text("MQTT")[..], &[version, 2], &keep_alive.to_be_bytes()].concat();
    if version == 5 {
        body.push(0);
    }
    body.extend(text(client_id));
    packet(0x10, &body)
}

/// A PUBLISH of MQTT 3.1.1; `flags` are those of the first byte.
pub(super) fn publish(topic: &str, payload: &[u8], flags: u8) -> Vec<u8> {
    let mut body = text(topic);
    if flags & 0b110 != 0 {
        body.extend([0, 1]);
    }
    body.extend_from_slice(payload);
    packet(0x30 | flags, &body)
}

/// A PUBLISH of MQTT 5 and QoS 0 with a user property.
pub(super) fn publish_with(topic: &str, (name, value): (&str, &str)) -> Vec<u8> {
    let property = [&[0x26][..], &text(name), &text(value)].concat();
    // The length in seven bits at a time.
    let (low, high) = (u8::try_from(property.len() % 128).unwrap(), u8::try_from(property.len() / 128).unwrap());
    packet(0x30, &[&text(topic)[..], &[low | 0x80, high], &property].concat())
}

/// A SUBSCRIBE of MQTT 3.1.1.
pub(super) fn subscribe(filter: &str, qos: u8) -> Vec<u8> {
    packet(0x82, &[&[0, 1][..], &text(filter), &[qos]].concat())
}

impl<S: Read + Write> Wire<S> {
    /// Sends bytes; the other side may have gone.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).and_then(|()| self.0.flush());
    }

    /// Connects with MQTT 3.1.1, which must be let in.
    pub(super) fn open(stream: S, client_id: &str) -> Self {
        let mut wire = Self(stream);
        wire.send(&connect(client_id, 60, 4));
        assert_eq!(wire.read(4), [0x20, 2, 0, 0], "CONNACK");
        wire
    }

    /// The next bytes.
    pub(super) fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whatever comes until the other side closes.
    pub(super) fn rest(&mut self) {
        let _ = self.0.read_to_end(&mut Vec::new());
    }
}

/// A ClientHello of TLS 1.2 that offers one cipher suite, which has no forward secrecy.
pub(super) fn old_hello() -> Vec<u8> {
    let extension = |kind: u16, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
    };
    let extensions = [
        extension(10, &[0, 2, 0, 0x17]),
        extension(11, &[1, 0]),
        extension(13, &[0, 4, 4, 3, 4, 1]),
        extension(23, &[]),
    ]
    .concat();
    let length = u16::try_from(extensions.len()).unwrap();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0], &length.to_be_bytes(), &extensions].concat();
    let short = u8::try_from(body.len()).unwrap();
    [&[0x16, 3, 1, 0, short + 4, 1, 0, 0, short][..], &body].concat()
}
