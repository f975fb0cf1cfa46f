//! `ceil(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::number::Round;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "ceil",
    since: SqlVersion::V2015,
    summary: "A number rounded up to the nearest whole one.",
    parameters: &[required("value", "Decimal")],
    returns: "Int",
    examples: &[
        example("ceil(1.2)", "2"),
        example("ceil(-1.2)", "-1"),
        example("ceil('1.2')", "2"),
        example("ceil(3)", "3"),
        example("ceil(true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.number(0).map(|number| Value::Number(number.rounded(Round::Ceiling)))
}
