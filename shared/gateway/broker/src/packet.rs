//! MQTT packets of a server: what clients send, decoded strictly; what clients get, encoded.
//!
//! - [`frame`](mod@frame): where a packet ends, without waiting for the whole of it.
//! - [`fields`]: numbers, strings and MQTT 5 properties inside a packet.
//! - [`connect`], [`publish`], [`subscribe`], [`disconnect`]: the packets of clients.
//! - [`answer`]: the packets of the server, PUBLISH aside.
//!
//! The codec crate `mqtt-protocol-core` reads strings and properties, and writes acknowledgements. PUBLISH, PUBACK and
//! PINGRESP are done here, without a copy and without an allocation, because they are the hot path; frames are found here,
//! so that a packet can be refused by its length before it has arrived; and what the codec accepts and the texts forbid
//! (reserved flags, U+0000, QoS 3, trailing bytes, a will's flags without a will) is refused here. CONNECT is put together
//! here from the codec's parts because the codec refuses a password without a user name, which MQTT 5 allows.

pub(crate) mod answer;
pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod publish;
pub(crate) mod reason;
pub(crate) mod subscribe;

use crate::message::Protocol;
pub use error::PacketError;

/// Packet types, the upper half of a packet's first byte.
pub(crate) mod kind {
    pub(crate) const CONNECT: u8 = 1;
    pub(crate) const PUBLISH: u8 = 3;
    pub(crate) const PUBACK: u8 = 4;
    pub(crate) const PUBREC: u8 = 5;
    pub(crate) const PUBREL: u8 = 6;
    pub(crate) const PUBCOMP: u8 = 7;
    pub(crate) const SUBSCRIBE: u8 = 8;
    pub(crate) const UNSUBSCRIBE: u8 = 10;
    pub(crate) const PINGREQ: u8 = 12;
    pub(crate) const DISCONNECT: u8 = 14;
    pub(crate) const AUTH: u8 = 15;
}

/// Decodes every whole packet in some bytes as a server would and returns how many bytes they take: the entry for fuzzing
/// and for tools. Nothing is done with the packets.
///
/// # Errors
/// [`PacketError`] for the first packet that is not valid.
pub fn inspect(bytes: &[u8], protocol: Protocol, max_packet: usize) -> Result<usize, PacketError> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = frame::next(rest, protocol, max_packet)? else { break };
        let body = rest.get(found.body.clone()).unwrap_or_default();
        match found.kind() {
            kind::CONNECT => drop(connect::decode(found.first, body)?),
            kind::PUBLISH => drop(publish::decode(found.first, body, protocol)?.properties()?),
            kind::PUBACK => drop(publish::decode_ack(found.first, body, protocol)?),
            kind::SUBSCRIBE => drop(subscribe::decode_subscribe(found.first, body, protocol)?),
            kind::UNSUBSCRIBE => drop(subscribe::decode_unsubscribe(found.first, body, protocol)?),
            kind::PINGREQ => frame::expect_empty(found.first, body)?,
            kind::DISCONNECT => drop(disconnect::decode(found.first, body, protocol)?),
            _ => return Err(PacketError::Protocol("a client does not send this type of packet")),
        }
        at += found.body.end;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_never_panics(kind in 0_u8..=255, bytes in proptest::collection::vec(any::<u8>(), 0..120), five: bool) {
            let protocol = if five { Protocol::V5 } else { Protocol::V311 };
            let mut packet = vec![kind, bytes.len() as u8];
            packet.extend(&bytes);
            let _ = inspect(&packet, protocol, 4096);
            let mut connect = vec![0x10, bytes.len() as u8 + 7, 0, 4, b'M', b'Q', b'T', b'T', if five { 5 } else { 4 }];
            connect.extend(&bytes);
            let _ = inspect(&connect, protocol, 4096);
        }
    }
}
