//! SUBSCRIBE and UNSUBSCRIBE.

use super::error::PacketError;
use super::fields::{MISPLACED, Reader, text};
use super::{frame, reason};
use crate::message::Protocol;
use drydock_core::topic::of_share;
use mqtt_protocol_core::mqtt::packet::{Property, RetainHandling, SubEntry};
use smol_str::SmolStr;

/// One filter of a SUBSCRIBE with its options.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) filter: SmolStr,
    /// 0 to 2, as asked for.
    pub(crate) qos: u8,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    /// 0: send retained messages; 1: only for a new subscription; 2: never.
    pub(crate) retain_handling: u8,
}

/// Decodes a SUBSCRIBE into its packet identifier and filters, and the bytes of its User Properties.
pub(crate) fn decode_subscribe(
    first: u8,
    body: &[u8],
    protocol: Protocol,
) -> Result<(u16, Vec<Entry>, usize), PacketError> {
    frame::expect_flags(first, 0b0010)?;
    let mut reader = Reader::new(body);
    let id = reader.packet_id()?;
    let user = properties(&mut reader, protocol)?;
    let mut entries = Vec::new();
    while !reader.rest().is_empty() {
        let (entry, used) =
            SubEntry::parse(reader.rest()).map_err(|_| PacketError::Malformed("a filter or its options"))?;
        let raw = reader.take(used)?;
        if protocol == Protocol::V311 && raw.last().is_some_and(|options| options & !0b11 != 0) {
            return Err(PacketError::Malformed("reserved bits of a requested QoS"));
        }
        let options = entry.sub_opts();
        let filter = text(entry.topic_filter())?;
        if options.nl() && of_share(&filter).is_some() {
            return Err(PacketError::Protocol("No Local on a shared subscription"));
        }
        entries.push(Entry {
            filter,
            qos: options.qos() as u8,
            no_local: options.nl(),
            retain_as_published: options.rap(),
            retain_handling: match options.rh() {
                RetainHandling::SendRetained => 0,
                RetainHandling::SendRetainedIfNotExists => 1,
                RetainHandling::DoNotSendRetained => 2,
            },
        });
    }
    if entries.is_empty() {
        return Err(PacketError::Protocol("a SUBSCRIBE without a filter"));
    }
    Ok((id, entries, user))
}

/// Decodes an UNSUBSCRIBE into its packet identifier and filters, and the bytes of its User Properties.
pub(crate) fn decode_unsubscribe(
    first: u8,
    body: &[u8],
    protocol: Protocol,
) -> Result<(u16, Vec<SmolStr>, usize), PacketError> {
    frame::expect_flags(first, 0b0010)?;
    let mut reader = Reader::new(body);
    let id = reader.packet_id()?;
    let user = properties(&mut reader, protocol)?;
    let mut filters = Vec::new();
    while !reader.rest().is_empty() {
        filters.push(reader.string()?);
    }
    if filters.is_empty() {
        return Err(PacketError::Protocol("an UNSUBSCRIBE without a filter"));
    }
    Ok((id, filters, user))
}

fn properties(reader: &mut Reader<'_>, protocol: Protocol) -> Result<usize, PacketError> {
    let mut user = 0;
    if protocol == Protocol::V5 {
        for property in &reader.properties()? {
            match property {
                Property::UserProperty(p) => user += p.key().len() + p.val().len(),
                Property::SubscriptionIdentifier(_) => {
                    return Err(PacketError::Unsupported(
                        reason::SUBSCRIPTION_IDS_NOT_SUPPORTED,
                        "subscription identifiers",
                    ));
                }
                _ => return Err(MISPLACED),
            }
        }
    }
    Ok(user)
}
