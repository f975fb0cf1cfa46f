//! The operators ("Operators" in the guide).

use crate::sql::ast::Binary;
use crate::value::{Number, Value};
use smol_str::SmolStr;
use std::cmp::Ordering;

/// Applies an operator between two values.
pub(super) fn apply(operator: Binary, left: &Value, right: &Value) -> Value {
    match operator {
        Binary::Or => logic(left, right, |a, b| a || b),
        Binary::And => logic(left, right, |a, b| a && b),
        Binary::Equal => equality(left, right).into(),
        Binary::NotEqual => equality(left, right).map(|equal| !equal).into(),
        Binary::Less => order(left, right, Ordering::is_lt),
        Binary::LessOrEqual => order(left, right, Ordering::is_le),
        Binary::Greater => order(left, right, Ordering::is_gt),
        Binary::GreaterOrEqual => order(left, right, Ordering::is_ge),
        Binary::In => is_in(left, right).into(),
        Binary::Add => add(left, right),
        Binary::Subtract => arithmetic(left, right, Number::minus),
        Binary::Multiply => arithmetic(left, right, Number::times),
        Binary::Divide => arithmetic(left, right, Number::divided),
        Binary::Remainder => arithmetic(left, right, Number::remainder),
    }
}

/// Both operands are booleans, or texts that say so; else `Undefined`, even where one operand alone would decide.
fn logic(left: &Value, right: &Value, combine: fn(bool, bool) -> bool) -> Value {
    left.to_bool().zip(right.to_bool()).map(|(a, b)| combine(a, b)).into()
}

/// Nothing where an operand is `Undefined`; values of different types are not equal.
fn equality(left: &Value, right: &Value) -> Option<bool> {
    if left.is_undefined() || right.is_undefined() { None } else { Some(left.equals(right)) }
}

fn order(left: &Value, right: &Value, holds: fn(Ordering) -> bool) -> Value {
    left.to_number().zip(right.to_number()).map(|(a, b)| holds(a.compare(b))).into()
}

fn is_in(left: &Value, right: &Value) -> Option<bool> {
    match right {
        Value::Array(items) if !left.is_undefined() => Some(items.iter().any(|item| item.equals(left))),
        _ => None,
    }
}

/// Texts are joined with what the other operand becomes as a text; numbers are added.
fn add(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::String(_), _) | (_, Value::String(_)) => {
            let joined = left.to_text().zip(right.to_text()).map(|(a, b)| {
                let mut text = String::with_capacity(a.len() + b.len());
                text.push_str(&a);
                text.push_str(&b);
                SmolStr::from(text)
            });
            joined.into()
        }
        (Value::Number(a), Value::Number(b)) => a.plus(*b).into(),
        _ => Value::Undefined,
    }
}

fn arithmetic(left: &Value, right: &Value, apply: fn(Number, Number) -> Option<Number>) -> Value {
    left.to_number().zip(right.to_number()).and_then(|(a, b)| apply(a, b)).into()
}
