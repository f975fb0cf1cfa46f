//! `sign(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "sign",
    since: SqlVersion::V2015,
    summary: "The sign of a number: 1, 0 or -1.",
    parameters: &[required("value", "Decimal")],
    returns: "Int",
    examples: &[
        example("sign(-7)", "-1"),
        example("sign(0)", "0"),
        example("sign(13)", "1"),
        example("sign('-0.5')", "-1"),
        example("sign(true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let number = call.number(0)?;
    Some(Value::int(if number.is_zero() { 0 } else if number.is_negative() { -1 } else { 1 }))
}
