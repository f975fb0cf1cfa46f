//! Forms that AWS uses for one value: a number, the same number as text, or null. What devices may write into an event is read
//! however it comes: it is for the function to turn the device away, not for its event to fail.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serializer};

/// A time that AWS writes as text, sometimes as a number, sometimes as null.
pub(crate) mod text_millis {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(i64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(value: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
        match Option::<Form>::deserialize(deserializer)? {
            None => Ok(None),
            Some(Form::Number(value)) => Ok(Some(value)),
            Some(Form::Text(text)) => text
                .parse()
                .map(Some)
                .map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &"milliseconds since 1970 as text")),
        }
    }
}

/// Bytes that travel as base64 (the standard alphabet, padded).
pub(crate) mod base64_bytes {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    pub(crate) fn serialize<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(&text).map_err(|error| D::Error::custom(format_args!("not base64: {error}")))
    }
}

/// The same where there may be none.
pub(crate) mod optional_base64_bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => base64_bytes::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// What is not base64 is not a password.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        use base64::Engine;
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok()))
    }
}

/// `null` in place of a value.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Texts by name, where a device may write anything: numbers and truth values as text, and nothing for what is neither.
pub(crate) fn texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<std::collections::BTreeMap<String, String>, D::Error> {
    use serde_json::Value;
    let all: std::collections::BTreeMap<String, Value> = or_default(deserializer)?;
    let text = |value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}
