//! `tan(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "tan",
    since: SqlVersion::V2015,
    summary: "The tangent of a number in radians. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example("tan(3)", "-0.1425465430742778"),
        example("tan(missing)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.tan()))
}
