//! When each field was last set: the `metadata` of "Device Shadow service documents", a tree of the state's form. A
//! plain value has `{"timestamp": SECONDS}`, an array the metadata of its elements.

use crate::document::{Object, object};
use serde_json::Value;

/// The metadata of a value that is set at this time; a null, which deletes, has it as well.
pub(crate) fn stamp(value: &Value, at: i64) -> Value {
    match value {
        Value::Object(fields) => Value::Object(stamp_fields(fields, at)),
        Value::Array(items) => items.iter().map(|item| stamp(item, at)).collect(),
        _ => Value::Object(object([("timestamp", at.into())])),
    }
}

/// The metadata of fields that are set at this time.
pub(crate) fn stamp_fields(fields: &Object, at: i64) -> Object {
    fields.iter().map(|(key, value)| (key.clone(), stamp(value, at))).collect()
}

/// The metadata of some of a section's fields, such as those of its delta.
pub(crate) fn of_fields(metadata: &Object, fields: &Object) -> Object {
    let of_field = |(key, value): (&String, &Value)| {
        let of_value = match (metadata.get(key)?, value) {
            (Value::Object(metadata), Value::Object(fields)) => Value::Object(of_fields(metadata, fields)),
            (metadata, _) => metadata.clone(),
        };
        Some((key.clone(), of_value))
    };
    fields.iter().filter_map(of_field).collect()
}

/// Whether metadata has the state's form; a row of which that is not so is corrupt.
pub(crate) fn fits(metadata: &Object, state: &Object) -> bool {
    metadata.len() == state.len()
        && state.iter().all(|(key, value)| metadata.get(key).is_some_and(|metadata| fits_value(metadata, value)))
}

fn fits_value(metadata: &Value, value: &Value) -> bool {
    match (metadata, value) {
        (_, Value::Null) => false,
        (Value::Object(metadata), Value::Object(fields)) => fits(metadata, fields),
        (Value::Array(metadata), Value::Array(items)) => {
            metadata.len() == items.len() && metadata.iter().zip(items).all(|(m, item)| fits_value(m, item))
        }
        (_, Value::Object(_) | Value::Array(_)) => false,
        (Value::Object(leaf), _) => leaf.len() == 1 && leaf.get("timestamp").is_some_and(Value::is_i64),
        _ => false,
    }
}
