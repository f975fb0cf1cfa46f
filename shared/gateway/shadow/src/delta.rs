//! Where `desired` differs from `reported`: "Delta state" of "Device Shadow service documents".

use crate::document::Object;
use serde_json::{Number, Value};

/// The fields of `desired` that are missing in `reported` or have another value there; what is in `reported` alone does
/// not matter. Objects are compared field by field, arrays as wholes. Empty where nothing differs.
pub(crate) fn delta(desired: &Object, reported: &Object) -> Object {
    let differing = |(key, desired): (&String, &Value)| Some((key.clone(), of_field(desired, reported.get(key))?));
    desired.iter().filter_map(differing).collect()
}

fn of_field(desired: &Value, reported: Option<&Value>) -> Option<Value> {
    match (desired, reported) {
        (Value::Object(desired), Some(Value::Object(reported))) => {
            Some(delta(desired, reported)).filter(|fields| !fields.is_empty()).map(Value::Object)
        }
        (desired, Some(reported)) if same(desired, reported) => None,
        (desired, _) => Some(desired.clone()),
    }
}

/// Whether two values are equal, numbers by what they are worth: 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a == b,
        _ => false,
    }
}

/// A number without a fraction, exactly; none for others, and for those that no integer of JSON comes near to.
fn whole(number: &Number) -> Option<i128> {
    if let Some(integer) = number.as_i64() {
        return Some(integer.into());
    }
    if let Some(integer) = number.as_u64() {
        return Some(integer.into());
    }
    number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e20).map(|float| float as i128)
}
