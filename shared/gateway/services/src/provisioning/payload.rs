//! The two formats of the MQTT API. A topic names one; the answer is in the same.

use serde_json::Value;

/// A payload's format, as it stands in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `json`.
    Json,
    /// `cbor`.
    Cbor,
}

impl Format {
    pub(super) fn of(level: &str) -> Option<Self> {
        match level {
            "json" => Some(Self::Json),
            "cbor" => Some(Self::Cbor),
            _ => None,
        }
    }

    /// Reads a payload; an empty one is an empty object.
    pub(super) fn read(self, payload: &[u8]) -> Result<Value, String> {
        if payload.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let value: Value = match self {
            Self::Json => {
                serde_json::from_slice(payload).map_err(|error| format!("the payload is not JSON: {error}"))?
            }
            Self::Cbor => {
                let mut rest = payload;
                let value = ciborium::from_reader(&mut rest)
                    .map_err(|error| format!("the payload is not CBOR of JSON's types: {error}"))?;
                if !rest.is_empty() {
                    return Err(format!("{} bytes follow the CBOR value of the payload", rest.len()));
                }
                value
            }
        };
        if value.is_object() { Ok(value) } else { Err("the payload is not an object".to_owned()) }
    }

    /// Writes an answer.
    pub(super) fn write(self, value: &Value) -> Vec<u8> {
        match self {
            Self::Json => value.to_string().into_bytes(),
            Self::Cbor => {
                let mut bytes = Vec::new();
                // Writing plain values to memory does not fail.
                let _ = ciborium::into_writer(value, &mut bytes);
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({ "certificateId": "c0", "deviceConfiguration": {}, "statusCode": 400 });
        for format in [Format::Json, Format::Cbor] {
            assert_eq!(format.read(&format.write(&value)), Ok(value.clone()));
            assert_eq!(format.read(b""), Ok(json!({})));
            for malformed in [&b"\xff\xff"[..], b"{", b"\x01", b"\xa1", b"\xa0\xa0"] {
                assert!(format.read(malformed).is_err(), "{format:?} {malformed:?}");
            }
        }
    }
}
