//! Why bytes are not a packet.

use super::reason;

/// Why bytes from a client are not a packet that the broker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The bytes do not have the form of the packet.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
    /// The form is right and the packet is not allowed here.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// The packet is larger than the broker takes.
    #[error("the packet has {bytes} bytes behind its fixed header; the limit is {limit}")]
    TooLarge {
        /// Its remaining length.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The protocol name or level of a CONNECT is not one of ours.
    #[error("protocol level {0} is not supported: use 4 (MQTT 3.1.1) or 5")]
    Level(u8),
    /// Something that AWS IoT does not support; the number is MQTT 5's reason code.
    #[error("not supported: {1}")]
    Unsupported(u8, &'static str),
}

impl PacketError {
    /// What to do about it; empty where the error says all there is.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Protocol(_) => "",
            Self::TooLarge { .. } => "send less in a message, or put the data into S3 and publish where it is",
            Self::Level(_) => "choose MQTT 3.1.1 or 5 in the client's options",
            Self::Unsupported(reason::QOS_NOT_SUPPORTED, _) => "use QoS 0 or 1: AWS IoT has no QoS 2",
            Self::Unsupported(reason::TOPIC_ALIAS_INVALID, _) => {
                "use no more aliases than the CONNACK's Topic Alias Maximum"
            }
            Self::Unsupported(..) => "leave it out: AWS IoT does not have it",
        }
    }

    /// MQTT 5's reason code for the error.
    #[must_use]
    pub fn reason_code(self) -> u8 {
        match self {
            Self::Malformed(_) => reason::MALFORMED,
            Self::Protocol(_) => reason::PROTOCOL_ERROR,
            Self::TooLarge { .. } => reason::PACKET_TOO_LARGE,
            Self::Level(_) => reason::UNSUPPORTED_VERSION,
            Self::Unsupported(code, _) => code,
        }
    }
}
