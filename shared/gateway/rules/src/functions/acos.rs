//! `acos(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "acos",
    since: SqlVersion::V2015,
    summary: "The inverse cosine of a number, in radians. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example("acos(0)", "1.5707963267948966"),
        example("acos(2)", ""),
        example("acos('0')", "1.5707963267948966"),
        example("acos(true)", ""),
        example("acos(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.acos()))
}
