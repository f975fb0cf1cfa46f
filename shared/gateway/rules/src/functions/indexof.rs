//! `indexof(String, String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "indexof",
    since: SqlVersion::V2016,
    summary: "The index, from 0, of the first place where a text holds another; -1 where it does not.",
    parameters: &[required("text", "String"), required("part", "String")],
    returns: "Int",
    examples: &[
        example("indexof('abcd', 'bc')", "1"),
        example("indexof('abcd', 'x')", "-1"),
        example("indexof('€uro', 'u')", "1"),
        example("indexof(1234, 34)", "2"),
        example("indexof(NULL, 'a')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    let at = text.find(part.as_str()).and_then(|at| text.get(..at));
    Some(Value::int(at.map_or(-1, |before| before.chars().count() as i128)))
}
