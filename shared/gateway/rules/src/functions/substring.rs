//! `substring(String, Int[, Int])`.

use super::{Body, Call, Function, example, optional, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "substring",
    since: SqlVersion::V2015,
    summary: "The part of a text from one index, from 0, up to another, not included, or to the end. An index outside the text is moved to its nearest end.",
    parameters: &[required("text", "String"), required("from", "Int"), optional("to", "Int")],
    returns: "String",
    examples: &[
        example(r#"substring('012345', 0)"#, r#""012345""#),
        example(r#"substring('012345', 2)"#, r#""2345""#),
        example(r#"substring('012345', 2.745)"#, r#""2345""#),
        example(r#"substring(123, 2)"#, r#""3""#),
        example(r#"substring('012345', -1)"#, r#""012345""#),
        example(r#"substring(true, 1.2)"#, r#""rue""#),
        example(r#"substring(false, -2.411E247)"#, r#""false""#),
        example(r#"substring('012345', 1, 3)"#, r#""12""#),
        example(r#"substring('012345', -50, 50)"#, r#""012345""#),
        example(r#"substring('012345', 3, 1)"#, r#""""#),
        example(r#"substring('012345', '2')"#, r#""2345""#),
        example("substring('012345', true)", ""),
        example("substring(NULL, 1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let text = call.text(0)?;
    let length = i64::try_from(text.chars().count()).ok()?;
    let from = call.floor(1)?.clamp(0, length);
    let to = if call.has(2) { call.floor(2)?.clamp(0, length) } else { length };
    let (from, count) = (usize::try_from(from).ok()?, usize::try_from(to - from).unwrap_or(0));
    Some(text.chars().skip(from).take(count).collect::<String>().into())
}
