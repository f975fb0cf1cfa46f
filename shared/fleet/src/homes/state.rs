//! What a device is wanted to be, and whether it is: the device's shadow, whose `desired` the API sets and whose `reported` the
//! device does.

use crate::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How many members an object may have, and how many items a list.
pub const MOST_MEMBERS: usize = 32;
/// The longest text.
pub const LONGEST_TEXT: usize = 256;
/// How deep objects may be in each other.
pub const DEEPEST: usize = 3;
/// The longest name of a member.
pub const LONGEST_NAME: usize = 64;

/// What a device is wanted to be: members as a shadow has them, but none that is null, which would take members away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Desired(Map<String, Value>);

impl Desired {
    /// The members.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl TryFrom<Map<String, Value>> for Desired {
    type Error = String;

    fn try_from(members: Map<String, Value>) -> Result<Self, String> {
        if members.is_empty() {
            return Err("the desired state must have a member".to_owned());
        }
        valid_object(&members, 1)?;
        Ok(Self(members))
    }
}

fn valid_object(members: &Map<String, Value>, depth: usize) -> Result<(), String> {
    if members.len() > MOST_MEMBERS {
        return Err(format!("an object may have {MOST_MEMBERS} members"));
    }
    for (name, value) in members {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_known) {
            return Err(format!("names of members are up to {LONGEST_NAME} of A-Z a-z 0-9 _ -"));
        }
        match value {
            Value::Object(inner) if depth < DEEPEST => valid_object(inner, depth.saturating_add(1))?,
            Value::Object(_) => return Err(format!("objects may be {DEEPEST} deep")),
            Value::Array(items) if items.len() > MOST_MEMBERS => {
                return Err(format!("a list may have {MOST_MEMBERS} items"));
            }
            Value::Array(items) => items.iter().try_for_each(valid_scalar)?,
            scalar => valid_scalar(scalar)?,
        }
    }
    Ok(())
}

fn valid_scalar(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.chars().count() > LONGEST_TEXT => {
            Err(format!("a text may have {LONGEST_TEXT} characters"))
        }
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::Null => Err("null is not a state".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("lists hold texts, numbers, true and false".to_owned()),
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for Desired {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Desired".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let scalar = serde_json::json!({ "anyOf": [
            { "type": "boolean" }, { "type": "number" }, { "type": "string", "maxLength": LONGEST_TEXT },
        ] });
        let list = serde_json::json!({ "type": "array", "maxItems": MOST_MEMBERS, "items": scalar });
        let object = |inner: Value, least: usize| {
            serde_json::json!({
                "type": "object", "minProperties": least, "maxProperties": MOST_MEMBERS, "additionalProperties": inner,
                "propertyNames": { "pattern": format!("^[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}$") },
            })
        };
        let mut value = serde_json::json!({ "anyOf": [scalar, list] });
        for _ in 1..DEEPEST {
            value = serde_json::json!({ "anyOf": [scalar, list, object(value, 0)] });
        }
        schemars::Schema::try_from(object(value, 1)).unwrap_or_default()
    }
}

/// A device's shadow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shadow {
    /// What the device is wanted to be.
    pub desired: Map<String, Value>,
    /// What it says that it is.
    pub reported: Map<String, Value>,
    /// Counts the changes.
    pub version: i64,
}

impl Shadow {
    /// A document as AWS IoT has it ("Device Shadow service documents").
    #[must_use]
    pub fn read(document: &Value) -> Option<Self> {
        let part = |name: &str| match document.get("state").and_then(|state| state.get(name)) {
            Some(Value::Object(members)) => members.clone(),
            _ => Map::new(),
        };
        Some(Self { desired: part("desired"), reported: part("reported"), version: document.get("version")?.as_i64()? })
    }
}

/// Whether a device has done what it was wanted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The device has not reported it yet.
    Pending,
    /// The device reports what was desired.
    Confirmed,
    /// Something else is desired by now.
    Superseded,
}

/// How a change stands: what the device reports counts first.
#[must_use]
pub fn status(desired: &Map<String, Value>, shadow: &Shadow) -> Status {
    if contains(&shadow.reported, desired) {
        Status::Confirmed
    } else if contains(&shadow.desired, desired) {
        Status::Pending
    } else {
        Status::Superseded
    }
}

/// Whether all these members are there with these values.
#[must_use]
pub fn contains(all: &Map<String, Value>, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(name, wanted)| match (all.get(name), wanted) {
        (Some(Value::Object(all)), Value::Object(wanted)) => contains(all, wanted),
        // A shadow keeps no empty objects.
        (None, Value::Object(wanted)) => contains(&Map::new(), wanted),
        (Some(known), wanted) => is_same(known, wanted),
        (None, _) => false,
    })
}

/// 1 and 1.0 are one value to a device.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}

/// Whether a device is connected, and since when that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Whether it is connected.
    pub connected: bool,
    /// When that changed, in milliseconds since 1970.
    pub since: EpochMillis,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn members(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_a_device_may_be_wanted_to_be() {
        for good in
            [json!({"on": true}), json!({"a": {"b": {"c": [1, "x", false]}}}), json!({"level": 0.5, "mode": ""})]
        {
            assert!(Desired::try_from(members(&good)).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({"on": null}),
            json!({"a": {"b": {"c": {"d": 1}}}}),
            json!({"a": [[1]]}),
            json!({"a": [null]}),
            json!({"a.b": 1}),
            json!({"": 1}),
            json!({"a": "x".repeat(257)}),
            json!({"a": vec![1; 33]}),
        ] {
            assert!(Desired::try_from(members(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_device_has_confirmed_what_it_reports() {
        let shadow = |desired: Value, reported: Value| {
            Shadow::read(&json!({"state": {"desired": desired, "reported": reported}, "version": 3})).unwrap()
        };
        let wanted = members(&json!({"on": true, "at": {"level": 5}}));
        for (desired, reported, expected) in [
            (json!({"on": true, "at": {"level": 5}}), json!({}), Status::Pending),
            (json!({"on": true, "at": {"level": 5}}), json!({"on": true, "at": {"level": 4}}), Status::Pending),
            (
                json!({"on": true, "at": {"level": 5}}),
                json!({"on": true, "at": {"level": 5.0, "x": 1}}),
                Status::Confirmed,
            ),
            (json!({"on": false}), json!({"on": true, "at": {"level": 5}}), Status::Confirmed),
            (json!({"on": false, "at": {"level": 5}}), json!({"on": false}), Status::Superseded),
        ] {
            assert_eq!(status(&wanted, &shadow(desired.clone(), reported.clone())), expected, "{desired} {reported}");
        }
        assert_eq!(Shadow::read(&json!({"state": {}})), None);
    }
}
