//! Numbers, strings and properties inside a packet.

use super::error::PacketError;
use super::reason;
use crate::message::Properties;
use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{self as codec, MqttBinary, MqttString, PropertiesParse, Property};
use smol_str::SmolStr;

/// Reads the fields of a packet's body from front to back.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

const SHORT: PacketError = PacketError::Malformed("the packet ends too early");

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// All that has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], PacketError> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, PacketError> {
        let (&head, tail) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn number(&mut self) -> Result<u16, PacketError> {
        let (&[high, low], tail) = self.rest.split_first_chunk::<2>().ok_or(SHORT)?;
        self.rest = tail;
        Ok(u16::from_be_bytes([high, low]))
    }

    /// A packet identifier, which is never 0 (MQTT-2.3.1-1, MQTT-2.2.1-3).
    pub(crate) fn packet_id(&mut self) -> Result<u16, PacketError> {
        match self.number()? {
            0 => Err(PacketError::Protocol("packet identifier 0")),
            id => Ok(id),
        }
    }

    /// A UTF-8 string.
    pub(crate) fn string(&mut self) -> Result<SmolStr, PacketError> {
        let (string, used) =
            MqttString::decode(self.rest).map_err(|_| PacketError::Malformed("a string is not UTF-8"))?;
        self.take(used)?;
        text(string.as_str())
    }

    /// Binary data.
    pub(crate) fn binary(&mut self) -> Result<Bytes, PacketError> {
        let (data, used) = MqttBinary::decode(self.rest).map_err(|_| SHORT)?;
        self.take(used)?;
        Ok(Bytes::copy_from_slice(data.as_slice()))
    }

    /// A length and the properties that it covers.
    pub(crate) fn properties(&mut self) -> Result<codec::Properties, PacketError> {
        let (properties, used) = codec::Properties::parse(self.rest).map_err(property_error)?;
        self.take(used)?;
        Ok(properties)
    }

    /// A length and the bytes of the properties that it covers, that length included; for a packet whose properties are
    /// looked at later.
    pub(crate) fn raw_properties(&mut self) -> Result<&'a [u8], PacketError> {
        let whole = self.rest;
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                self.take(length)?;
                return Ok(whole.get(..whole.len() - self.rest.len()).unwrap_or_default());
            }
        }
        Err(PacketError::Malformed("the length of the properties has more than four bytes"))
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), PacketError> {
        if self.rest.is_empty() { Ok(()) } else { Err(PacketError::Malformed("bytes behind the packet's last field")) }
    }
}

/// What is wrong with properties: MQTT 5 tells a value that is not allowed from bytes that are not a property.
pub(super) fn property_error(error: mqtt_protocol_core::mqtt::result_code::MqttError) -> PacketError {
    use mqtt_protocol_core::mqtt::result_code::MqttError;
    if error == MqttError::ProtocolError {
        PacketError::Protocol("a property has a value that is not allowed")
    } else {
        PacketError::Malformed("a property")
    }
}

/// A string without U+0000 (MQTT-1.5.3-2, MQTT-1.5.4-2).
pub(crate) fn text(string: &str) -> Result<SmolStr, PacketError> {
    if string.contains('\0') { Err(PacketError::Malformed("a string with U+0000")) } else { Ok(SmolStr::new(string)) }
}

/// Sets a property that may appear once.
pub(crate) fn once<T>(place: &mut Option<T>, value: T) -> Result<(), PacketError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(PacketError::Protocol("a property appears twice")),
    }
}

/// A property of another packet.
pub(crate) const MISPLACED: PacketError = PacketError::Protocol("a property does not belong to this packet");

/// What the properties of a PUBLISH or a will say.
#[derive(Debug, Default)]
pub(crate) struct MessageProperties {
    pub(crate) properties: Properties,
    pub(crate) expiry_seconds: Option<u32>,
    pub(crate) topic_alias: Option<u16>,
}

impl MessageProperties {
    /// Sorts the properties of a message.
    pub(crate) fn of(list: &codec::Properties, is_will: bool) -> Result<Self, PacketError> {
        let mut found = Self::default();
        let mut will_delay = None;
        for property in list {
            match property {
                Property::PayloadFormatIndicator(p) => {
                    // Another number than 0 and 1 was refused by the codec.
                    once(&mut found.properties.payload_is_utf8, codec::PayloadFormatIndicator::val(p) == 1)?;
                }
                Property::MessageExpiryInterval(p) => once(&mut found.expiry_seconds, p.val())?,
                Property::ContentType(p) => once(&mut found.properties.content_type, text(p.val())?)?,
                Property::ResponseTopic(p) => {
                    if p.val().is_empty() || p.val().contains(['+', '#']) {
                        return Err(PacketError::Protocol("the response topic has a wildcard or is empty"));
                    }
                    once(&mut found.properties.response_topic, text(p.val())?)?;
                }
                Property::CorrelationData(p) => {
                    once(&mut found.properties.correlation_data, Bytes::copy_from_slice(p.val()))?;
                }
                Property::UserProperty(p) => found.properties.user.push((text(p.key())?, text(p.val())?)),
                Property::TopicAlias(p) if !is_will => {
                    if p.val() == 0 {
                        return Err(PacketError::Unsupported(reason::TOPIC_ALIAS_INVALID, "topic alias 0"));
                    }
                    once(&mut found.topic_alias, p.val())?;
                }
                Property::WillDelayInterval(p) if is_will => once(&mut will_delay, p.val())?,
                _ => return Err(MISPLACED),
            }
        }
        Ok(found)
    }
}

/// The bytes of User Properties together.
pub(crate) fn user_bytes(list: &[(SmolStr, SmolStr)]) -> usize {
    list.iter().map(|(key, value)| key.len() + value.len()).sum()
}
