//! `endswith(String, String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "endswith",
    since: SqlVersion::V2015,
    summary: "Whether a text ends with another.",
    parameters: &[required("text", "String"), required("part", "String")],
    returns: "Boolean",
    examples: &[
        example("endswith('cat', 'at')", "true"),
        example("endswith('cat', 'ca')", "false"),
        example("endswith(true, 'ue')", "true"),
        example("endswith('cat', NULL)", ""),
        example("endswith(missing, 'at')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    Some(Value::Bool(text.ends_with(part.as_str())))
}
