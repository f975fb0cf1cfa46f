//! `sinh(Decimal)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "sinh",
    since: SqlVersion::V2015,
    summary: "The hyperbolic sine of a number. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example("sinh(2.3)", "4.936961805545957"),
        example("sinh([])", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.sinh()))
}
