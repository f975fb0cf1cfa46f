//! CONNECT.

use super::error::PacketError;
use super::fields::{MISPLACED, MessageProperties, Reader, once, text};
use super::{frame, reason};
use crate::message::{Properties, Protocol, Qos};
use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{self as codec, Property};
use smol_str::SmolStr;

/// A CONNECT, as the client sent it.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) protocol: Protocol,
    /// Clean Session of MQTT 3.1.1, Clean Start of MQTT 5.
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    pub(crate) client_id: SmolStr,
    pub(crate) will: Option<Will>,
    pub(crate) username: Option<SmolStr>,
    pub(crate) password: Option<Bytes>,
    pub(crate) session_expiry: Option<u32>,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) maximum_packet_size: Option<u32>,
    pub(crate) authentication_method: bool,
    pub(crate) user: Vec<(SmolStr, SmolStr)>,
}

/// A will, as the client sent it.
#[derive(Debug)]
pub(crate) struct Will {
    pub(crate) topic: SmolStr,
    pub(crate) payload: Bytes,
    /// `None` for QoS 2.
    pub(crate) qos: Option<Qos>,
    pub(crate) retain: bool,
    pub(crate) properties: Properties,
    pub(crate) expiry_seconds: Option<u32>,
}

const WILL: u8 = 0b0000_0100;
const WILL_QOS: u8 = 0b0001_1000;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USERNAME: u8 = 0b1000_0000;

/// The version in which to refuse a CONNECT that does not decode: the level stands behind the protocol's name, which is of
/// any length, as MQTT 3.1's `MQIsdp` is. Bridges of mosquitto set its highest bit, and ask again without where they are
/// refused in the words of MQTT 3.1.1.
pub(crate) fn spoken(body: &[u8]) -> Protocol {
    let mut reader = Reader::new(body);
    let level = reader.number().and_then(|length| reader.take(usize::from(length))).and_then(|_| reader.byte());
    if level.is_ok_and(|level| (5..0x80).contains(&level)) { Protocol::V5 } else { Protocol::V311 }
}

/// Decodes a CONNECT.
pub(crate) fn decode(first: u8, body: &[u8]) -> Result<Connect, PacketError> {
    frame::expect_flags(first, 0)?;
    let mut reader = Reader::new(body);
    let name_length = usize::from(reader.number()?);
    let name = reader.take(name_length)?;
    let level = reader.byte()?;
    let protocol = match (name, level) {
        (b"MQTT", 4) => Protocol::V311,
        (b"MQTT", 5) => Protocol::V5,
        (b"MQTT" | b"MQIsdp", level) => return Err(PacketError::Level(level)),
        // MQTT 5 has a code for it, MQTT 3.1.1 closes without one.
        (_, 5..) => {
            return Err(PacketError::Unsupported(reason::UNSUPPORTED_VERSION, "a protocol name other than MQTT"));
        }
        _ => return Err(PacketError::Protocol("the protocol name is not MQTT")),
    };
    let flags = reader.byte()?;
    check_flags(flags, protocol)?;
    let keep_alive = reader.number()?;
    let mut connect = Connect {
        protocol,
        clean: flags & 0b10 != 0,
        keep_alive,
        client_id: SmolStr::default(),
        will: None,
        username: None,
        password: None,
        session_expiry: None,
        receive_maximum: None,
        maximum_packet_size: None,
        authentication_method: false,
        user: Vec::new(),
    };
    if protocol == Protocol::V5 {
        connect.sort(&reader.properties()?)?;
    }
    connect.client_id = reader.string()?;
    if flags & WILL != 0 {
        let found = match protocol {
            Protocol::V311 => MessageProperties::default(),
            Protocol::V5 => MessageProperties::of(&reader.properties()?, true)?,
        };
        connect.will = Some(Will {
            topic: reader.string()?,
            payload: reader.binary()?,
            qos: Qos::from_number((flags & WILL_QOS) >> 3),
            retain: flags & WILL_RETAIN != 0,
            properties: found.properties,
            expiry_seconds: found.expiry_seconds,
        });
    }
    if flags & USERNAME != 0 {
        connect.username = Some(reader.string()?);
    }
    if flags & PASSWORD != 0 {
        connect.password = Some(reader.binary()?);
    }
    reader.end()?;
    Ok(connect)
}

fn check_flags(flags: u8, protocol: Protocol) -> Result<(), PacketError> {
    if flags & 1 != 0 {
        return Err(PacketError::Malformed("the reserved connect flag is set"));
    }
    if flags & WILL_QOS == WILL_QOS {
        return Err(PacketError::Malformed("a will of QoS 3"));
    }
    if flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(PacketError::Malformed("flags of a will without a will"));
    }
    if protocol == Protocol::V311 && flags & (USERNAME | PASSWORD) == PASSWORD {
        return Err(PacketError::Malformed("a password without a user name"));
    }
    Ok(())
}

impl Connect {
    fn sort(&mut self, list: &codec::Properties) -> Result<(), PacketError> {
        let (mut aliases, mut response, mut problem, mut data) = (None, None, None, None);
        let mut method = None;
        for property in list {
            match property {
                Property::SessionExpiryInterval(p) => once(&mut self.session_expiry, p.val())?,
                Property::ReceiveMaximum(p) => once(&mut self.receive_maximum, p.val())?,
                Property::MaximumPacketSize(p) => once(&mut self.maximum_packet_size, p.val())?,
                Property::TopicAliasMaximum(p) => once(&mut aliases, p.val())?,
                Property::RequestResponseInformation(p) => once(&mut response, p.val())?,
                Property::RequestProblemInformation(p) => once(&mut problem, p.val())?,
                Property::AuthenticationMethod(_) => once(&mut method, ())?,
                Property::AuthenticationData(_) => once(&mut data, ())?,
                Property::UserProperty(p) => self.user.push((text(p.key())?, text(p.val())?)),
                _ => return Err(MISPLACED),
            }
        }
        if self.receive_maximum == Some(0) || self.maximum_packet_size == Some(0) {
            return Err(PacketError::Protocol("a Receive Maximum or Maximum Packet Size of 0"));
        }
        if data.is_some() && method.is_none() {
            return Err(PacketError::Protocol("authentication data without a method"));
        }
        self.authentication_method = method.is_some();
        Ok(())
    }
}
