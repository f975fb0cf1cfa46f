//! `ln(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "ln",
    since: SqlVersion::V2015,
    summary: "The natural logarithm of a number. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example("ln(1)", "0"),
        example("ln(2.718281828459045)", "1"),
        example("ln(0)", ""),
        example("ln(-1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.ln()))
}
