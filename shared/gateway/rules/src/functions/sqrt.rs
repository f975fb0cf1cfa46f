//! `sqrt(Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "sqrt",
    since: SqlVersion::V2015,
    summary: "The square root of a number. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example_2015("sqrt(9)", "3.0"),
        example("sqrt(9)", "3"),
        example("sqrt(2)", "1.4142135623730951"),
        example("sqrt('16')", "4"),
        example("sqrt(-1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.sqrt()))
}
