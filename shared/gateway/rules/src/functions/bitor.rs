//! `bitor(Int, Int)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use super::bitand::whole;

pub(super) static FUNCTION: Function = Function {
    name: "bitor",
    since: SqlVersion::V2015,
    summary: "The bitwise OR of two whole numbers; others are rounded down first.",
    parameters: &[required("left", "Int"), required("right", "Int")],
    returns: "Int",
    examples: &[
        example("bitor(8, 5)", "13"),
        example("bitor('8.7', 5)", "13"),
        example("bitor(NULL, 5)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(Value::int(whole(call, 0)? | whole(call, 1)?))
}
