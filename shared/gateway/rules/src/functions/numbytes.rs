//! `numbytes(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "numbytes",
    since: SqlVersion::V2016,
    summary: "The number of bytes of a text in UTF-8.",
    parameters: &[required("text", "String")],
    returns: "Int",
    examples: &[
        example("numbytes('hi')", "2"),
        example("numbytes('€')", "3"),
        example("numbytes(true)", "4"),
        example("numbytes(missing)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| Value::int(text.len() as i128))
}
