//! `startswith(String, String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "startswith",
    since: SqlVersion::V2015,
    summary: "Whether a text begins with another.",
    parameters: &[required("text", "String"), required("part", "String")],
    returns: "Boolean",
    examples: &[
        example("startswith('ranger', 'ran')", "true"),
        example("startswith('ranger', 'anger')", "false"),
        example("startswith(123, 12)", "true"),
        example("startswith(NULL, 'a')", ""),
        example("startswith('a', missing)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    Some(Value::Bool(text.starts_with(part.as_str())))
}
