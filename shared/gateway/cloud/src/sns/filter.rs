//! Subscription filter policies on message attributes ("Amazon SNS subscription filter policies"): every key has to match,
//! each by one of its conditions. What is not implemented (`cidr`, `wildcard`, `$or`, nested policies on the message's body)
//! is refused when the policy is set.

use super::error::{Code, SnsError};
use crate::sqs::message::Attribute;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A filter policy that was checked when it was set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Filter(Map<String, Value>);

impl Filter {
    /// Reads a policy; an empty one is none.
    ///
    /// # Errors
    /// `InvalidParameter` where it is malformed, `NotImplemented` naming what is not done.
    pub fn parse(text: &str) -> Result<Option<Self>, SnsError> {
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |why: &str| SnsError::invalid(&format!("FilterPolicy: {why}"));
        let Ok(Value::Object(policy)) = serde_json::from_str(text) else {
            return Err(wrong("it is not a JSON object"));
        };
        for (key, conditions) in &policy {
            if key == "$or" {
                return Err(not_implemented("$or"));
            }
            let Value::Array(conditions) = conditions else {
                return Err(wrong(&format!("\"{key}\" must be an object or an array")));
            };
            if conditions.is_empty() {
                return Err(wrong("Empty arrays are not allowed"));
            }
            for condition in conditions {
                check(condition)?;
            }
        }
        Ok((!policy.is_empty()).then_some(Self(policy)))
    }

    /// Whether a message with some attributes is taken.
    #[must_use]
    pub fn takes(&self, attributes: &BTreeMap<String, Attribute>) -> bool {
        self.0.iter().all(|(key, conditions)| {
            let values = attributes.get(key).map(values);
            let conditions = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
            conditions.iter().any(|condition| meets(condition, values.as_deref()))
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Value::Object(self.0.clone()).to_string())
    }
}

fn not_implemented(what: &str) -> SnsError {
    let message = format!("the filter policy operator `{what}` is not implemented by this gateway");
    SnsError::new(Code::NotImplemented, message)
}

fn check(condition: &Value) -> Result<(), SnsError> {
    let wrong = |why: String| Err(SnsError::invalid(&format!("FilterPolicy: {why}")));
    let Value::Object(operator) = condition else {
        return if condition.is_array() { wrong("Match value must be no array".into()) } else { Ok(()) };
    };
    let (Some((name, operand)), 1) = (operator.iter().next(), operator.len()) else {
        return wrong("an operator must be an object with one member".into());
    };
    let fits = match name.as_str() {
        "exists" => operand.is_boolean(),
        "prefix" | "suffix" | "equals-ignore-case" => operand.is_string(),
        "numeric" => numeric(operand).is_some(),
        "anything-but" => match operand {
            Value::Array(list) => !list.is_empty() && list.iter().all(|value| value.is_string() || value.is_number()),
            Value::Object(inner) => {
                if let Some(other) = inner.keys().find(|name| !["prefix", "suffix"].contains(&name.as_str())) {
                    return Err(not_implemented(&format!("anything-but {other}")));
                }
                inner.len() == 1 && inner.values().all(Value::is_string)
            }
            value => value.is_string() || value.is_number(),
        },
        other => return Err(not_implemented(other)),
    };
    if fits { Ok(()) } else { wrong(format!("the operand of \"{name}\" is not valid: {operand}")) }
}

/// The values of an attribute: several for the type `String.Array`.
fn values(attribute: &Attribute) -> Vec<Value> {
    let text = attribute.string_value.as_deref().unwrap_or_default();
    match attribute.data_type.split('.').next() {
        Some("Number") => vec![serde_json::from_str(text).unwrap_or_else(|_| text.into())],
        Some("String") if attribute.data_type == "String.Array" => match serde_json::from_str(text) {
            Ok(Value::Array(values)) => values,
            _ => vec![text.into()],
        },
        Some("String") => vec![text.into()],
        // Filter policies do not see binary attributes.
        _ => Vec::new(),
    }
}

fn meets(condition: &Value, values: Option<&[Value]>) -> bool {
    let Value::Object(operator) = condition else {
        return values.is_some_and(|values| values.iter().any(|value| same(condition, value)));
    };
    let Some((name, operand)) = operator.iter().next() else { return false };
    if name == "exists" {
        return values.is_some() == (*operand == Value::Bool(true));
    }
    let Some(values) = values else { return false };
    if name == "anything-but" {
        return values.iter().any(|value| !excluded(operand, value));
    }
    values.iter().any(|value| operate(name, operand, value))
}

fn operate(name: &str, operand: &Value, value: &Value) -> bool {
    match (name, operand.as_str(), value.as_str()) {
        ("prefix", Some(operand), Some(value)) => value.starts_with(operand),
        ("suffix", Some(operand), Some(value)) => value.ends_with(operand),
        ("equals-ignore-case", Some(operand), Some(value)) => operand.to_lowercase() == value.to_lowercase(),
        ("numeric", ..) => {
            let (Some(bounds), Some(value)) = (numeric(operand), value.as_f64()) else { return false };
            bounds.iter().all(|(comparison, bound)| match *comparison {
                "<" => value < *bound,
                "<=" => value <= *bound,
                ">" => value > *bound,
                ">=" => value >= *bound,
                _ => same_number(value, *bound),
            })
        }
        _ => false,
    }
}

fn excluded(operand: &Value, value: &Value) -> bool {
    match operand {
        Value::Array(list) => list.iter().any(|item| same(item, value)),
        Value::Object(inner) => inner.iter().any(|(name, operand)| operate(name, operand, value)),
        other => same(other, value),
    }
}

/// The comparisons of `{"numeric": [">", 0, "<=", 5]}`.
fn numeric(operand: &Value) -> Option<Vec<(&str, f64)>> {
    let list = operand.as_array()?;
    let pairs: Option<Vec<_>> = list
        .chunks(2)
        .map(|pair| match pair {
            [Value::String(comparison), Value::Number(bound)]
                if ["=", "<", "<=", ">", ">="].contains(&comparison.as_str()) =>
            {
                Some((comparison.as_str(), bound.as_f64()?))
            }
            _ => None,
        })
        .collect();
    pairs.filter(|pairs| (1..=2).contains(&pairs.len()))
}

fn same(condition: &Value, value: &Value) -> bool {
    match (condition.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => same_number(a, b),
        _ => condition == value,
    }
}

/// SNS compares numbers with five digits after the point.
fn same_number(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.000_005
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> BTreeMap<String, Attribute> {
        let of = |kind: &str, value: &str| Attribute { data_type: kind.into(), ..Attribute::string(value) };
        BTreeMap::from([
            ("store".to_owned(), of("String", "example_corp")),
            ("price".to_owned(), of("Number", "210.75")),
            ("interests".to_owned(), of("String.Array", "[\"soccer\", \"rugby\"]")),
        ])
    }

    #[test]
    fn policies_take_what_the_guide_says() {
        // After the examples of "String value matching", "Numeric value matching" and "Key matching" in the SNS guide.
        for (policy, takes) in [
            (r#"{"store": ["example_corp"]}"#, true),
            (r#"{"store": ["other", {"prefix": "example"}]}"#, true),
            (r#"{"store": [{"anything-but": ["example_corp"]}]}"#, false),
            (r#"{"store": [{"anything-but": {"prefix": "exam"}}]}"#, false),
            (r#"{"store": [{"equals-ignore-case": "EXAMPLE_CORP"}]}"#, true),
            (r#"{"store": [{"suffix": "corp"}], "price": [{"numeric": [">", 100, "<=", 210.75]}]}"#, true),
            (r#"{"price": [{"numeric": ["<", 100]}]}"#, false),
            (r#"{"price": [210.75]}"#, true),
            (r#"{"interests": ["rugby"]}"#, true),
            (r#"{"interests": [{"anything-but": ["rugby", "soccer"]}]}"#, false),
            (r#"{"store": [{"exists": false}]}"#, false),
            (r#"{"other": [{"exists": false}]}"#, true),
            (r#"{"other": ["x"]}"#, false),
        ] {
            let filter = Filter::parse(policy).unwrap().unwrap();
            assert_eq!(filter.takes(&attributes()), takes, "{policy}");
        }
    }

    #[test]
    fn what_is_not_done_is_refused() {
        for (policy, word) in [
            (r#"{"ip": [{"cidr": "10.0.0.0/24"}]}"#, "cidr"),
            (r#"{"$or": []}"#, "$or"),
            (r#"{"a": "b"}"#, "must be an object or an array"),
            (r#"{"a": []}"#, "Empty arrays"),
            (r#"{"a": [{"numeric": ["~", 1]}]}"#, "numeric"),
            ("[]", "not a JSON object"),
        ] {
            let error = Filter::parse(policy).unwrap_err();
            assert!(error.message.contains(word), "{policy}: {error}");
        }
        assert_eq!(Filter::parse("{}").unwrap(), None);
    }
}
