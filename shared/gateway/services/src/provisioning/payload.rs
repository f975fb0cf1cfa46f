//! Reads the payloads of the MQTT API, in either format.

use drydock_model::payload::Format;
use serde_json::Value;

/// Reads a payload; an empty one is an empty object.
pub(super) fn read(format: Format, payload: &[u8]) -> Result<Value, String> {
    if payload.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let value: Value = match format {
        Format::Json => serde_json::from_slice(payload).map_err(|error| format!("the payload is not JSON: {error}"))?,
        Format::Cbor => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({ "certificateId": "c0", "deviceConfiguration": {}, "statusCode": 400 });
        for format in [Format::Json, Format::Cbor] {
            assert_eq!(read(format, &format.write(&value)), Ok(value.clone()));
            assert_eq!(read(format, b""), Ok(json!({})));
            for malformed in [&b"\xff\xff"[..], b"{", b"\x01", b"\xa1", b"\xa0\xa0"] {
                assert!(read(format, malformed).is_err(), "{format:?} {malformed:?}");
            }
        }
    }
}
