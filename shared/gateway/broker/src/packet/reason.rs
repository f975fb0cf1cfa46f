//! MQTT 5 reason codes that the broker uses, and MQTT 3.1.1's return codes of a CONNACK.

pub(crate) const SUCCESS: u8 = 0x00;
pub(crate) const NO_SUBSCRIPTION_EXISTED: u8 = 0x11;
pub(crate) const UNSPECIFIED: u8 = 0x80;
pub(crate) const MALFORMED: u8 = 0x81;
pub(crate) const PROTOCOL_ERROR: u8 = 0x82;
pub(crate) const UNSUPPORTED_VERSION: u8 = 0x84;
pub(crate) const CLIENT_ID_INVALID: u8 = 0x85;
pub(crate) const BAD_CREDENTIALS: u8 = 0x86;
pub(crate) const NOT_AUTHORIZED: u8 = 0x87;
pub(crate) const SERVER_UNAVAILABLE: u8 = 0x88;
pub(crate) const SHUTTING_DOWN: u8 = 0x8B;
pub(crate) const BAD_AUTHENTICATION_METHOD: u8 = 0x8C;
pub(crate) const KEEP_ALIVE_TIMEOUT: u8 = 0x8D;
pub(crate) const TAKEN_OVER: u8 = 0x8E;
pub(crate) const FILTER_INVALID: u8 = 0x8F;
pub(crate) const TOPIC_INVALID: u8 = 0x90;
pub(crate) const RECEIVE_MAXIMUM_EXCEEDED: u8 = 0x93;
pub(crate) const TOPIC_ALIAS_INVALID: u8 = 0x94;
pub(crate) const PACKET_TOO_LARGE: u8 = 0x95;
pub(crate) const QUOTA_EXCEEDED: u8 = 0x97;
pub(crate) const ADMINISTRATIVE: u8 = 0x98;
pub(crate) const QOS_NOT_SUPPORTED: u8 = 0x9B;
pub(crate) const CONNECTION_RATE_EXCEEDED: u8 = 0x9F;
pub(crate) const MAXIMUM_CONNECT_TIME: u8 = 0xA0;
pub(crate) const SUBSCRIPTION_IDS_NOT_SUPPORTED: u8 = 0xA1;

/// MQTT 3.1.1's CONNACK return code for an MQTT 5 reason code; `None` where 3.1.1 closes the stream without a CONNACK.
pub(crate) fn connack_v3(code: u8) -> Option<u8> {
    match code {
        SUCCESS => Some(0),
        UNSUPPORTED_VERSION => Some(1),
        CLIENT_ID_INVALID => Some(2),
        BAD_CREDENTIALS => Some(4),
        NOT_AUTHORIZED | TOPIC_INVALID => Some(5),
        SERVER_UNAVAILABLE | QUOTA_EXCEEDED | CONNECTION_RATE_EXCEEDED => Some(3),
        _ => None,
    }
}
