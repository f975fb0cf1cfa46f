//! The two formats of payloads over MQTT. A topic names one; what is asked in it is answered in it.

use serde_json::Value;

/// A payload's format, as it stands in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `json`.
    Json,
    /// `cbor`.
    Cbor,
}

impl Format {
    /// The format that a level of a topic names.
    #[must_use]
    pub fn of(level: &str) -> Option<Self> {
        match level {
            "json" => Some(Self::Json),
            "cbor" => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Its name in topics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Cbor => "cbor",
        }
    }

    /// Writes an answer.
    #[must_use]
    pub fn write(self, answer: &Value) -> Vec<u8> {
        match self {
            Self::Json => answer.to_string().into_bytes(),
            Self::Cbor => {
                let mut bytes = Vec::new();
                // Plain values are written to memory: that does not fail.
                let _ = ciborium::into_writer(answer, &mut bytes);
                bytes
            }
        }
    }
}
