//! `length(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "length",
    since: SqlVersion::V2016,
    summary: "The number of characters of a text.",
    parameters: &[required("text", "String")],
    returns: "Int",
    examples: &[
        example("length('hi')", "2"),
        example("length(false)", "5"),
        example("length('€')", "1"),
        example("length([1, 2])", "5"),
        example("length(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| Value::int(text.chars().count() as i128))
}
