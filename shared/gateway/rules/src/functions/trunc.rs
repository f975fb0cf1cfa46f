//! `trunc(Decimal, Int)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::number::Round;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "trunc",
    since: SqlVersion::V2015,
    summary: "A number cut to a number of decimal places, from 0 to 34, without trailing zeros.",
    parameters: &[required("value", "Decimal"), required("places", "Int")],
    returns: "Int or Decimal",
    examples: &[
        example("trunc(2.3, 0)", "2"),
        example("trunc(2.3123, 2)", "2.31"),
        example("trunc(2.888, 2)", "2.88"),
        example("trunc(2.00, 5)", "2"),
        example("trunc(-2.888, 1)", "-2.8"),
        example("trunc('2.888', 1.9)", "2.8"),
        example("trunc(2.888, -3)", "2"),
        example("trunc(5, 2)", "5"),
        example("trunc(2.888, '1')", ""),
        example("trunc(true, 1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let Value::Number(places) = call.value(1) else { return None };
    let places = i32::try_from(places.index(Round::Floor).clamp(0, 34)).ok()?;
    call.number(0).map(|number| Value::Number(number.truncated(places)))
}
