//! `nanvl(AnyValue, AnyValue)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "nanvl",
    since: SqlVersion::V2015,
    summary: "The first argument, or the second where the first is `Undefined`, `Null` or not a number.",
    parameters: &[required("value", "Any"), required("otherwise", "Any")],
    returns: "Any",
    examples: &[
        example("Nanvl(8, 3)", "8"),
        example("nanvl(missing, 3)", "3"),
        example("nanvl(NULL, 3)", "3"),
        example(r#"nanvl('x', 3)"#, r#""x""#),
        example("nanvl(sqrt(-1), 0)", "0"),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    match call.value(0) {
        Value::Undefined | Value::Null => Some(call.value(1)),
        value => Some(value),
    }
}
