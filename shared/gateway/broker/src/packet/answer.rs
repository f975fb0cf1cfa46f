//! What the server answers: CONNACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT.

use super::reason;
use crate::message::Protocol;
use mqtt_protocol_core::mqtt::packet::{Properties, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, SubackReasonCode, SubackReturnCode, UnsubackReasonCode,
};

/// PINGRESP.
pub(crate) const PINGRESP: [u8; 2] = [0xD0, 0];

/// Appends a CONNACK; `code` is MQTT 5's. MQTT 3.1.1 has none for some codes.
pub(crate) fn put_connack(
    out: &mut Vec<u8>,
    protocol: Protocol,
    session_present: bool,
    code: u8,
    properties: Properties,
) {
    match protocol {
        Protocol::V311 => {
            let Some(Ok(code)) = reason::connack_v3(code).map(ConnectReturnCode::try_from) else { return };
            let packet = v3_1_1::Connack::builder().session_present(session_present).return_code(code).build();
            if let Ok(packet) = packet {
                out.extend_from_slice(&packet.to_continuous_buffer());
            }
        }
        Protocol::V5 => {
            let code = ConnectReasonCode::try_from(code).unwrap_or(ConnectReasonCode::UnspecifiedError);
            let packet =
                v5_0::Connack::builder().session_present(session_present).reason_code(code).props(properties).build();
            if let Ok(packet) = packet {
                out.extend_from_slice(&packet.to_continuous_buffer());
            }
        }
    }
}

/// Appends a SUBACK; `codes` are MQTT 5's.
pub(crate) fn put_suback(out: &mut Vec<u8>, protocol: Protocol, id: u16, codes: &[u8]) {
    match protocol {
        Protocol::V311 => {
            let codes =
                codes.iter().map(|c| SubackReturnCode::try_from(*c).unwrap_or(SubackReturnCode::Failure)).collect();
            if let Ok(packet) = v3_1_1::Suback::builder().packet_id(id).return_codes(codes).build() {
                out.extend_from_slice(&packet.to_continuous_buffer());
            }
        }
        Protocol::V5 => {
            let codes = codes
                .iter()
                .map(|c| SubackReasonCode::try_from(*c).unwrap_or(SubackReasonCode::UnspecifiedError))
                .collect();
            if let Ok(packet) = v5_0::Suback::builder().packet_id(id).reason_codes(codes).build() {
                out.extend_from_slice(&packet.to_continuous_buffer());
            }
        }
    }
}

/// Appends an UNSUBACK.
pub(crate) fn put_unsuback(out: &mut Vec<u8>, protocol: Protocol, id: u16, codes: &[u8]) {
    match protocol {
        Protocol::V311 => {
            if let Ok(packet) = v3_1_1::Unsuback::builder().packet_id(id).build() {
                out.extend_from_slice(&packet.to_continuous_buffer());
            }
        }
        Protocol::V5 => {
            let codes = codes
                .iter()
                .map(|c| UnsubackReasonCode::try_from(*c).unwrap_or(UnsubackReasonCode::UnspecifiedError))
                .collect();
            if let Ok(packet) = v5_0::Unsuback::builder().packet_id(id).reason_codes(codes).build() {
                out.extend_from_slice(&packet.to_continuous_buffer());
            }
        }
    }
}

/// Appends a DISCONNECT; MQTT 3.1.1 has none for servers.
pub(crate) fn put_disconnect(out: &mut Vec<u8>, protocol: Protocol, code: u8) {
    if protocol == Protocol::V5 {
        let code = DisconnectReasonCode::try_from(code).unwrap_or(DisconnectReasonCode::UnspecifiedError);
        if let Ok(packet) = v5_0::Disconnect::builder().reason_code(code).build() {
            out.extend_from_slice(&packet.to_continuous_buffer());
        }
    }
}
