//! Values in both directions.

use aws_sdk_dynamodb::types::AttributeValue;
use fleet::conditional::{Item, Value};
use serde_json::Value as Json;
use std::collections::HashMap;

pub(super) fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Text(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Flag(flag) => AttributeValue::Bool(*flag),
        Value::Numbers(numbers) => AttributeValue::Ns(numbers.iter().map(ToString::to_string).collect()),
        Value::Document(document) => from_json(document),
    }
}

fn from_json(json: &Json) -> AttributeValue {
    match json {
        Json::Null => AttributeValue::Null(true),
        Json::Bool(flag) => AttributeValue::Bool(*flag),
        Json::Number(number) => AttributeValue::N(number.to_string()),
        Json::String(text) => AttributeValue::S(text.clone()),
        Json::Array(items) => AttributeValue::L(items.iter().map(from_json).collect()),
        Json::Object(fields) => {
            AttributeValue::M(fields.iter().map(|(name, value)| (name.clone(), from_json(value))).collect())
        }
    }
}

/// A row as the backend wrote it. Attributes of a kind that it never writes (binary, sets of texts) are left out.
pub(super) fn to_item(row: HashMap<String, AttributeValue>) -> Item {
    Item(row.into_iter().filter_map(|(name, value)| Some((name, to_value(value)?))).collect())
}

fn to_value(value: AttributeValue) -> Option<Value> {
    Some(match value {
        AttributeValue::S(text) => Value::Text(text),
        AttributeValue::N(number) => match number.parse() {
            Ok(whole) => Value::Number(whole),
            Err(_) => Value::Document(serde_json::from_str(&number).ok()?),
        },
        AttributeValue::Bool(flag) => Value::Flag(flag),
        AttributeValue::Ns(numbers) => {
            Value::Numbers(numbers.iter().filter_map(|number| number.parse().ok()).collect())
        }
        AttributeValue::M(_) | AttributeValue::L(_) | AttributeValue::Null(_) => Value::Document(to_json(value)?),
        _ => return None,
    })
}

fn to_json(value: AttributeValue) -> Option<Json> {
    Some(match value {
        AttributeValue::Null(_) => Json::Null,
        AttributeValue::Bool(flag) => Json::Bool(flag),
        AttributeValue::S(text) => Json::String(text),
        AttributeValue::N(number) => serde_json::from_str(&number).ok()?,
        AttributeValue::L(items) => items.into_iter().map(to_json).collect::<Option<_>>()?,
        AttributeValue::M(fields) => {
            fields.into_iter().map(|(name, value)| Some((name, to_json(value)?))).collect::<Option<_>>()?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_what_is_read() {
        let document = json!({"a": [1, 2.5, null, true, {"b": "c"}], "large": u64::MAX});
        for value in [
            Value::Text(String::new()),
            Value::Number(i64::MIN),
            Value::Flag(false),
            Value::Numbers([1, -2].into()),
            Value::Document(document),
        ] {
            assert_eq!(to_value(to_attribute(&value)), Some(value));
        }
    }
}
