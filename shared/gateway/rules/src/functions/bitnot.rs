//! `bitnot(Int)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use super::bitand::whole;

pub(super) static FUNCTION: Function = Function {
    name: "bitnot",
    since: SqlVersion::V2015,
    summary: "The bitwise NOT of a whole number in two's complement; others are rounded down first. The guide's example says 2 for 13, which no width of bits but four gives.",
    parameters: &[required("value", "Int")],
    returns: "Int",
    examples: &[
        example("bitnot(13)", "-14"),
        example("bitnot('0.9')", "-1"),
        example("bitnot(true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(Value::int(!whole(call, 0)?))
}
