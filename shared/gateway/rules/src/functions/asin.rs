//! `asin(Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "asin",
    since: SqlVersion::V2015,
    summary: "The inverse sine of a number, in radians. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example_2015("asin(0)", "0.0"),
        example("asin(0)", "0"),
        example("asin(1)", "1.5707963267948966"),
        example("asin(-2)", ""),
        example("asin('x')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.asin()))
}
