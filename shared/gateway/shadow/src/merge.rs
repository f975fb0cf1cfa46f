//! A request's fields put into a section: "Interacting with shadows" and "Array values in shadow documents".

use crate::document::{Object, Section};
use crate::metadata::stamp;
use serde_json::Value;

/// Merges a request's fields into a section. Objects are merged field by field; arrays and plain values replace what
/// was there, of whatever type; null deletes. What was set gets metadata of this time, in seconds.
///
/// As in AWS IoT Greengrass's shadow manager, an object of which deletions leave nothing stays, empty, and an object
/// that holds nothing but nulls does not come into being. Where such an object meets a plain value, that is deleted.
pub(crate) fn merge(section: &mut Section, patch: &Object, at: i64) {
    merge_fields(&mut section.state, &mut section.metadata, patch, at);
}

fn merge_fields(state: &mut Object, metadata: &mut Object, patch: &Object, at: i64) {
    for (key, value) in patch {
        match (value, state.get_mut(key), metadata.get_mut(key)) {
            (Value::Object(patch), Some(Value::Object(state)), Some(Value::Object(metadata))) => {
                merge_fields(state, metadata, patch, at);
            }
            _ => match without_nulls(value) {
                Some(value) => {
                    metadata.insert(key.clone(), stamp(&value, at));
                    state.insert(key.clone(), value);
                }
                None => {
                    metadata.remove(key);
                    state.remove(key);
                }
            },
        }
    }
}

/// A value as it is set where no object is to merge it with; none where nothing but nulls was in it. Arrays have no
/// nulls.
fn without_nulls(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let kept = |(key, value): (&String, &Value)| Some((key.clone(), without_nulls(value)?));
            let kept: Object = fields.iter().filter_map(kept).collect();
            (fields.is_empty() || !kept.is_empty()).then_some(Value::Object(kept))
        }
        _ => Some(value.clone()),
    }
}
