//! DISCONNECT of a client.

use super::error::PacketError;
use super::fields::{MISPLACED, Reader, once};
use super::{frame, reason};
use crate::message::Protocol;
use mqtt_protocol_core::mqtt::packet::Property;
use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode;

/// What a client says with its DISCONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disconnect {
    /// Whether its will is to be published all the same (MQTT 5, reason 0x04).
    pub(crate) with_will: bool,
    /// A new Session Expiry Interval, in seconds.
    pub(crate) session_expiry: Option<u32>,
}

/// Decodes a DISCONNECT.
pub(crate) fn decode(first: u8, body: &[u8], protocol: Protocol) -> Result<Disconnect, PacketError> {
    let mut said = Disconnect { with_will: false, session_expiry: None };
    if protocol == Protocol::V311 {
        frame::expect_empty(first, body)?;
        return Ok(said);
    }
    frame::expect_flags(first, 0)?;
    let mut reader = Reader::new(body);
    if reader.rest().is_empty() {
        return Ok(said);
    }
    let code = reader.byte()?;
    DisconnectReasonCode::try_from(code).map_err(|_| PacketError::Malformed("the reason code of a DISCONNECT"))?;
    // MQTT 5 lets a client give any reason but those of a server; all but a normal end publish the will.
    said.with_will = code != reason::SUCCESS;
    if !reader.rest().is_empty() {
        let mut string = None;
        for property in &reader.properties()? {
            match property {
                Property::SessionExpiryInterval(p) => once(&mut said.session_expiry, p.val())?,
                Property::ReasonString(_) => once(&mut string, ())?,
                Property::UserProperty(_) => {}
                _ => return Err(MISPLACED),
            }
        }
    }
    reader.end()?;
    Ok(said)
}
