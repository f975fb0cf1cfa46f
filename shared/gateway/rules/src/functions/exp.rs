//! `exp(Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "exp",
    since: SqlVersion::V2015,
    summary: "e raised to a number. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example("exp(1)", "2.718281828459045"),
        example_2015("exp(0)", "1.0"),
        example("exp('one')", ""),
        example("exp(10000)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.exp()))
}
