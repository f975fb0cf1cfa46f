//! PUBLISH and PUBACK, in both directions, without allocation.

use super::error::PacketError;
use super::fields::{MISPLACED, MessageProperties, Reader, property_error};
use super::frame::{length_size, put_length};
use super::{frame, reason};
use crate::message::{Message, Properties, Protocol, Qos};
use drydock_core::Timestamp;
use mqtt_protocol_core::mqtt::packet::{self as codec, PropertiesParse, Property};

/// A PUBLISH whose parts still lie in the buffer that it arrived in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publish<'a> {
    /// `None` for QoS 2.
    pub(crate) qos: Option<Qos>,
    pub(crate) retain: bool,
    /// Not checked yet: neither UTF-8 nor wildcards.
    pub(crate) topic: &'a [u8],
    /// 0 for QoS 0.
    pub(crate) packet_id: u16,
    /// The properties' length and bytes; empty for MQTT 3.1.1.
    properties: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// Decodes a PUBLISH.
pub(crate) fn decode(first: u8, body: &[u8], protocol: Protocol) -> Result<Publish<'_>, PacketError> {
    let level = (first >> 1) & 0b11;
    if level == 3 {
        return Err(PacketError::Malformed("a message of QoS 3"));
    }
    if first & 0b1000 != 0 && level == 0 {
        return Err(PacketError::Malformed("DUP on a message of QoS 0"));
    }
    let mut reader = Reader::new(body);
    let topic_length = usize::from(reader.number()?);
    let topic = reader.take(topic_length)?;
    let packet_id = if level == 0 { 0 } else { reader.packet_id()? };
    let properties = if protocol == Protocol::V5 { reader.raw_properties()? } else { &[] };
    Ok(Publish {
        qos: Qos::from_number(level),
        retain: first & 1 != 0,
        topic,
        packet_id,
        properties,
        payload: reader.rest(),
    })
}

impl Publish<'_> {
    /// The MQTT 5 properties; `None` where there are none.
    pub(crate) fn properties(&self) -> Result<Option<MessageProperties>, PacketError> {
        if self.properties.len() <= 1 {
            return Ok(None);
        }
        let (list, used) = codec::Properties::parse(self.properties).map_err(property_error)?;
        if used != self.properties.len() {
            return Err(PacketError::Malformed("the length of the properties"));
        }
        if list.iter().any(|p| matches!(p, Property::SubscriptionIdentifier(_))) {
            // MQTT-3.3.4-6: a client never sends one in a PUBLISH.
            return Err(PacketError::Protocol("a subscription identifier in a PUBLISH"));
        }
        MessageProperties::of(&list, false).map(Some)
    }
}

/// Decodes a PUBACK into its packet identifier. What the client says besides is not used.
pub(crate) fn decode_ack(first: u8, body: &[u8], protocol: Protocol) -> Result<u16, PacketError> {
    frame::expect_flags(first, 0)?;
    let mut reader = Reader::new(body);
    let id = reader.packet_id()?;
    if protocol == Protocol::V5 && !reader.rest().is_empty() {
        let code = reader.byte()?;
        if !matches!(code, 0x00 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99) {
            return Err(PacketError::Malformed("the reason code of a PUBACK"));
        }
        if !reader.rest().is_empty() {
            let mut seen = None;
            for property in &reader.properties()? {
                match property {
                    Property::ReasonString(_) => super::fields::once(&mut seen, ())?,
                    Property::UserProperty(_) => {}
                    _ => return Err(MISPLACED),
                }
            }
        }
    }
    reader.end()?;
    Ok(id)
}

/// Appends a PUBACK.
pub(crate) fn put_ack(out: &mut Vec<u8>, packet_id: u16, code: u8) {
    let [high, low] = packet_id.to_be_bytes();
    if code == reason::SUCCESS {
        out.extend_from_slice(&[0x40, 2, high, low]);
    } else {
        out.extend_from_slice(&[0x40, 3, high, low, code]);
    }
}

/// How a message is to look on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) protocol: Protocol,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// 0 for QoS 0.
    pub(crate) packet_id: u16,
    /// For what is left of an expiry.
    pub(crate) now: Timestamp,
}

/// The size of a message's PUBLISH packet.
pub(crate) fn size(message: &Message, form: Form) -> usize {
    let body = body_size(message, form);
    1 + length_size(body) + body
}

fn body_size(message: &Message, form: Form) -> usize {
    let id = if form.qos == Qos::AtMostOnce { 0 } else { 2 };
    let properties = match form.protocol {
        Protocol::V311 => 0,
        Protocol::V5 => {
            let size = properties_size(message);
            length_size(size) + size
        }
    };
    2 + message.topic.len() + id + properties + message.payload.len()
}

/// Appends a message as a PUBLISH. DUP is never set, as AWS IoT never does.
pub(crate) fn put(out: &mut Vec<u8>, message: &Message, form: Form) {
    let body = body_size(message, form);
    out.reserve(body + 5);
    out.push(0x30 | ((form.qos as u8) << 1) | u8::from(form.retain));
    put_length(out, body);
    put_data(out, message.topic.as_bytes());
    if form.qos == Qos::AtLeastOnce {
        out.extend_from_slice(&form.packet_id.to_be_bytes());
    }
    if form.protocol == Protocol::V5 {
        put_length(out, properties_size(message));
        put_properties(out, message, form.now);
    }
    out.extend_from_slice(&message.payload);
}

fn put_data(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(data);
}

fn properties_size(message: &Message) -> usize {
    let expiry = if message.expires_at.is_some() { 5 } else { 0 };
    let Some(properties) = message.properties.as_deref() else { return expiry };
    let Properties { payload_is_utf8, content_type, response_topic, correlation_data, user } = properties;
    expiry
        + payload_is_utf8.map_or(0, |_| 2)
        + content_type.as_ref().map_or(0, |v| 3 + v.len())
        + response_topic.as_ref().map_or(0, |v| 3 + v.len())
        + correlation_data.as_ref().map_or(0, |v| 3 + v.len())
        + user.iter().map(|(key, value)| 5 + key.len() + value.len()).sum::<usize>()
}

fn put_properties(out: &mut Vec<u8>, message: &Message, now: Timestamp) {
    if let Some(at) = message.expires_at {
        let left = u32::try_from(at.since(now).max(0) / 1000).unwrap_or(u32::MAX);
        out.push(codec::PropertyId::MessageExpiryInterval as u8);
        out.extend_from_slice(&left.to_be_bytes());
    }
    let Some(properties) = message.properties.as_deref() else { return };
    if let Some(utf8) = properties.payload_is_utf8 {
        out.extend_from_slice(&[codec::PropertyId::PayloadFormatIndicator as u8, u8::from(utf8)]);
    }
    if let Some(value) = &properties.content_type {
        out.push(codec::PropertyId::ContentType as u8);
        put_data(out, value.as_bytes());
    }
    if let Some(value) = &properties.response_topic {
        out.push(codec::PropertyId::ResponseTopic as u8);
        put_data(out, value.as_bytes());
    }
    if let Some(value) = &properties.correlation_data {
        out.push(codec::PropertyId::CorrelationData as u8);
        put_data(out, value);
    }
    for (key, value) in &properties.user {
        out.push(codec::PropertyId::UserProperty as u8);
        put_data(out, key.as_bytes());
        put_data(out, value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_message_reads_as_it_was_written() {
        let properties = Properties {
            payload_is_utf8: Some(true),
            content_type: Some("text/plain".into()),
            response_topic: Some("r".into()),
            correlation_data: Some(Bytes::from_static(b"\0\x01")),
            user: vec![("k".into(), "v".into()), ("k".into(), "w".into())],
        };
        let mut message = Message::new("a/b", "hello").with_qos(Qos::AtLeastOnce).with_properties(properties.clone());
        message.expires_at = Some(Timestamp(9_999));
        for protocol in [Protocol::V311, Protocol::V5] {
            let form = Form { protocol, qos: Qos::AtLeastOnce, retain: true, packet_id: 7, now: Timestamp(1_000) };
            let mut out = Vec::new();
            put(&mut out, &message, form);
            assert_eq!(out.len(), size(&message, form));
            let found = frame::next(&out, protocol, 1000).unwrap().unwrap();
            let read = decode(found.first, &out[found.body], protocol).unwrap();
            assert_eq!((read.topic, read.packet_id, read.retain), (&b"a/b"[..], 7, true));
            assert_eq!((read.payload, read.qos), (&b"hello"[..], Some(Qos::AtLeastOnce)));
            if let Some(list) = read.properties().unwrap() {
                assert_eq!((list.properties, list.expiry_seconds), (properties.clone(), Some(8)));
            } else {
                assert_eq!(protocol, Protocol::V311);
            }
        }
    }
}
