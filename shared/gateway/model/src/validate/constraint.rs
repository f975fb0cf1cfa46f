//! The constraints of one shape, in AWS's words.

use crate::schema::{Kind, Shape};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What a required member that is absent violates.
pub(super) const NOT_NULL: &str = "Member must not be null";

/// The constraints of its shape that a value violates; the value is of the shape's type.
pub(super) fn violated(shape: &Shape, value: &Value) -> Vec<String> {
    let mut violated = Vec::new();
    if let Kind::Double { min, max } = shape.kind {
        let number = value.as_f64().unwrap_or_default();
        violated.extend(max.filter(|max| number > *max).map(|max| format!("Member must have value {AT_MOST} {max}")));
        violated.extend(min.filter(|min| number < *min).map(|min| format!("Member must have value {AT_LEAST} {min}")));
        return violated;
    }
    if let Some(measure) = measure(shape, value) {
        let what = measured(shape);
        violated.extend(shape.max.filter(|max| measure > *max).map(|max| format!("{what} {AT_MOST} {max}")));
        violated.extend(shape.min.filter(|min| measure < *min).map(|min| format!("{what} {AT_LEAST} {min}")));
    }
    if let (Kind::String { pattern, values }, Value::String(text)) = (shape.kind, value) {
        violated.extend(pattern.filter(|pattern| !pattern.matches(text)).map(|pattern| matching(pattern.aws)));
        if !values.is_empty() && !values.contains(&text.as_str()) {
            violated.push(one_of(values));
        }
    }
    violated
}

/// Every constraint of a shape, as AWS lists them for what a list or a map holds: a length that is bounded above is bounded
/// below as well.
pub(super) fn all(shape: &Shape) -> Vec<String> {
    let mut all = Vec::new();
    let what = measured(shape);
    let least = match shape.kind {
        Kind::String { .. } | Kind::Blob => shape.min.or(shape.max.map(|_| 0)),
        _ => shape.min,
    };
    all.extend(shape.max.map(|max| format!("{what} {AT_MOST} {max}")));
    all.extend(least.map(|min| format!("{what} {AT_LEAST} {min}")));
    match shape.kind {
        Kind::Double { min, max } => {
            all.extend(max.map(|max| format!("Member must have value {AT_MOST} {max}")));
            all.extend(min.map(|min| format!("Member must have value {AT_LEAST} {min}")));
        }
        Kind::String { pattern, values } => {
            all.extend(pattern.map(|pattern| matching(pattern.aws)));
            all.extend((!values.is_empty()).then(|| one_of(values)));
        }
        _ => {}
    }
    all
}

const AT_MOST: &str = "less than or equal to";
const AT_LEAST: &str = "greater than or equal to";

fn matching(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn one_of(values: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

fn measured(shape: &Shape) -> &'static str {
    match shape.kind {
        Kind::Integer | Kind::Long => "Member must have value",
        _ => "Member must have length",
    }
}

/// What a shape's bounds apply to: the value of an integer, the characters of a text, the bytes of a blob, the size of a list
/// or map.
fn measure(shape: &Shape, value: &Value) -> Option<i64> {
    let length = match (shape.kind, value) {
        (Kind::Integer | Kind::Long, value) => {
            // A whole number written with a fraction was let through by the check of the type; far beyond every bound it saturates.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the fraction is zero, and saturating is what is wanted"
            )]
            return value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
        }
        (Kind::String { .. }, Value::String(text)) if shape.min.or(shape.max).is_some() => text.chars().count(),
        (Kind::Blob, Value::String(text)) if shape.min.or(shape.max).is_some() => STANDARD.decode(text).ok()?.len(),
        (Kind::List(_), Value::Array(elements)) => elements.len(),
        (Kind::Map(..), Value::Object(object)) => object.len(),
        _ => return None,
    };
    i64::try_from(length).ok()
}
