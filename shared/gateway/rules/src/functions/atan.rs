//! `atan(Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "atan",
    since: SqlVersion::V2015,
    summary: "The inverse tangent of a number, in radians. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example_2015("atan(0)", "0.0"),
        example("atan(1)", "0.7853981633974483"),
        example("atan([1])", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.atan()))
}
