//! `bitand(Int, Int)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::number::Round;
use crate::value::{Number, Value};

/// An argument as a whole number: texts become decimals, decimals are rounded down.
pub(super) fn whole(call: &Call<'_>, index: usize) -> Option<i128> {
    match call.number(index)?.rounded(Round::Floor) {
        Number::Int(value) => Some(value),
        Number::Decimal(_) => None,
    }
}

pub(super) static FUNCTION: Function = Function {
    name: "bitand",
    since: SqlVersion::V2015,
    summary: "The bitwise AND of two whole numbers; others are rounded down first.",
    parameters: &[required("left", "Int"), required("right", "Int")],
    returns: "Int",
    examples: &[
        example("bitand(13, 5)", "5"),
        example("bitand(13.9, 5)", "5"),
        example("bitand('13', 5)", "5"),
        example("bitand('x', 5)", ""),
        example("bitand(true, 5)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(Value::int(whole(call, 0)? & whole(call, 1)?))
}
