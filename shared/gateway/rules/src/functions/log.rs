//! `log(Decimal)`.

use super::{Body, Call, Function, example, example_2015, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "log",
    since: SqlVersion::V2015,
    summary: "The logarithm of a number to base 10. The argument is rounded to double precision; what is not a real number is `Undefined`.",
    parameters: &[required("value", "Decimal")],
    returns: "Decimal",
    examples: &[
        example_2015("log(100)", "2.0"),
        example("log(100)", "2"),
        example("log('1000')", "3"),
        example("log(-1)", ""),
        example("log(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.double(0).map(|value| Value::double(value.log10()))
}
