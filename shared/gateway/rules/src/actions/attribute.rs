//! Values as the attributes of DynamoDB.

use crate::value::Value;
use serde_json::{Map, Value as Json, json};

/// A value as an attribute; nothing for `Undefined`, which DynamoDB does not have.
pub(super) fn attribute(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Undefined => return None,
        Value::Null => json!({ "NULL": true }),
        Value::Bool(value) => json!({ "BOOL": value }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text.as_str() }),
        Value::Array(items) => json!({ "L": items.iter().filter_map(attribute).collect::<Vec<Json>>() }),
        Value::Object(_) => json!({ "M": attributes(value) }),
        Value::Raw(bytes) => json!({ "B": crate::base64(bytes) }),
    })
}

/// The members of an object, each an attribute; none where the value is not an object.
pub(super) fn attributes(value: &Value) -> Map<String, Json> {
    match value {
        Value::Object(members) => {
            let attribute = |(key, member): (&smol_str::SmolStr, &Value)| Some((key.to_string(), attribute(member)?));
            members.iter().filter_map(attribute).collect()
        }
        _ => Map::new(),
    }
}
