//! `abs(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "abs",
    since: SqlVersion::V2015,
    summary: "The absolute value of a number.",
    parameters: &[required("value", "Decimal")],
    returns: "Int or Decimal",
    examples: &[
        example("abs(-5)", "5"),
        example("abs('-5.123')", "5.123"),
        example("abs(-2.5)", "2.5"),
        example("abs(true)", ""),
        example("abs([1])", ""),
        example("abs({})", ""),
        example("abs(NULL)", ""),
        example("abs('x')", ""),
        example("abs()", ""),
        example("abs(1, 2)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let number = call.number(0)?;
    Some(Value::Number(if number.is_negative() { number.negated() } else { number }))
}
