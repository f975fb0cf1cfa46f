//! `sin(Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "sin",
    since: SqlVersion::V2015,
    summary: "The sine of a number in radians. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example_2015("sin(0)", "0.0"),
        example("sin(1)", "0.8414709848078965"),
        example("sin(true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.sin()))
}
