//! Checks a document against its shape, and says what is wrong in AWS's words.
//!
//! A value of the wrong JSON type is an error of its own, and ends the check. Everything else is a violated constraint; all
//! of them are reported at once, in the form `2 validation errors detected: Value 'x' at 'thingName' failed to satisfy
//! constraint: Member must …; Value …`. The words, and the brackets for what a list or a map holds, are those of AWS IoT's
//! own answers (seen, for one, in issue 666 of aws/aws-sdk-java).

mod constraint;

use crate::schema::{Kind, Member, Shape};
use crate::wire::{At, JsonError, Wire, fetch};
use bytes::Bytes;
use drydock_core::Timestamp;
use serde_json::Value;

/// Checks a document against a shape: types, then required members, lengths, ranges, patterns and enums.
///
/// # Errors
/// The message that AWS would answer with.
pub fn validate(shape: &'static Shape, document: &Value) -> Result<(), String> {
    let mut violations = Vec::new();
    check(shape, document, &At::ROOT, &mut violations)
        .map_err(|error| format!("the request cannot be deserialized: {error}"))?;
    match violations.len() {
        0 => Ok(()),
        1 => Err(format!("1 validation error detected: {}", violations.concat())),
        count => Err(format!("{count} validation errors detected: {}", violations.join("; "))),
    }
}

/// Checks one value, and whatever is in it.
fn check(shape: &'static Shape, value: &Value, at: &At<'_>, violations: &mut Vec<String>) -> Result<(), JsonError> {
    well_typed(shape, value, at)?;
    for constraint in constraint::violated(shape, value) {
        report(shape, value, at, &constraint, violations);
    }
    match (shape.kind, value) {
        (Kind::Structure(members), Value::Object(object)) => {
            for member in members {
                check_member(member, fetch(object, member.name), &at.member(member.name), violations)?;
            }
        }
        (Kind::List(element), Value::Array(elements)) => {
            let mut wrong = false;
            for (index, value) in elements.iter().enumerate() {
                wrong |= check_element(element, value, &at.position(index), violations)?;
            }
            if wrong {
                let constraints = constraint::all(element).join(", ");
                report(shape, value, at, &format!("Member must satisfy constraint: [{constraints}]"), violations);
            }
        }
        (Kind::Map(key, element), Value::Object(object)) => {
            let is_wrong = |name: &String| !constraint::violated(key, &Value::String(name.clone())).is_empty();
            if object.keys().any(is_wrong) {
                let constraints = constraint::all(key).join(", ");
                report(shape, value, at, &format!("Map keys must satisfy constraint: [{constraints}]"), violations);
            }
            let mut wrong = false;
            for (name, value) in object {
                wrong |= check_element(element, value, &at.key(name), violations)?;
            }
            if wrong {
                let constraints = constraint::all(element).join(", ");
                report(shape, value, at, &format!("Map value must satisfy constraint: [{constraints}]"), violations);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Checks a member of a structure, which may be absent.
fn check_member(
    member: &'static Member,
    value: &Value,
    at: &At<'_>,
    violations: &mut Vec<String>,
) -> Result<(), JsonError> {
    if !value.is_null() {
        return check(member.shape, value, at, violations);
    }
    if member.required {
        report(member.shape, value, at, constraint::NOT_NULL, violations);
    }
    Ok(())
}

/// Checks what a list or map holds. A plain value's constraints are reported once, for the list or map: says whether one is
/// violated. What holds values itself is reported where it is.
fn check_element(
    shape: &'static Shape,
    value: &Value,
    at: &At<'_>,
    violations: &mut Vec<String>,
) -> Result<bool, JsonError> {
    if value.is_null() {
        report(shape, value, at, constraint::NOT_NULL, violations);
        return Ok(false);
    }
    match shape.kind {
        Kind::Structure(_) | Kind::List(_) | Kind::Map(..) => {
            check(shape, value, at, violations)?;
            Ok(false)
        }
        _ => {
            well_typed(shape, value, at)?;
            Ok(!constraint::violated(shape, value).is_empty())
        }
    }
}

/// Whether a value is of the JSON type that its shape has.
fn well_typed(shape: &'static Shape, value: &Value, at: &At<'_>) -> Result<(), JsonError> {
    match shape.kind {
        Kind::String { .. } => String::read(value, at).map(drop),
        Kind::Integer => i32::read(value, at).map(drop),
        Kind::Long => i64::read(value, at).map(drop),
        Kind::Double { .. } => f64::read(value, at).map(drop),
        Kind::Boolean => bool::read(value, at).map(drop),
        Kind::Timestamp => Timestamp::read(value, at).map(drop),
        Kind::Blob => Bytes::read(value, at).map(drop),
        Kind::List(_) => value.as_array().map(drop).ok_or_else(|| at.expected("a list", value)),
        Kind::Map(..) | Kind::Structure(_) => {
            value.as_object().map(drop).ok_or_else(|| at.expected("an object", value))
        }
    }
}

fn report(shape: &'static Shape, value: &Value, at: &At<'_>, constraint: &str, violations: &mut Vec<String>) {
    let shown = shown(shape, value);
    violations.push(format!("Value{shown} at '{at}' failed to satisfy constraint: {constraint}"));
}

/// The value as AWS shows it in a message: null bare, others quoted, nothing of what is sensitive or binary.
fn shown(shape: &Shape, value: &Value) -> String {
    match value {
        Value::Null => " null".to_owned(),
        _ if shape.sensitive || matches!(shape.kind, Kind::Blob) => String::new(),
        value => format!(" '{}'", java(value)),
    }
}

/// A value as Java prints it: `[a, b]`, `{k=v}`.
fn java(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => format!("[{}]", elements.iter().map(java).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let entries: Vec<String> = object.iter().map(|(key, value)| format!("{key}={}", java(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
