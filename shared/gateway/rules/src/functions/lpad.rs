//! `lpad(String, Int)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

/// The spaces that `lpad` and `rpad` add: from 0 to 1000.
pub(super) fn spaces(call: &Call<'_>) -> Option<String> {
    let count = call.floor(1)?.clamp(0, 1000);
    Some(" ".repeat(usize::try_from(count).ok()?))
}

pub(super) static FUNCTION: Function = Function {
    name: "lpad",
    since: SqlVersion::V2015,
    summary: "The text with a number of spaces, from 0 to 1000, before it.",
    parameters: &[required("text", "String"), required("count", "Int")],
    returns: "String",
    examples: &[
        example(r#"lpad('hello', 2)"#, r#""  hello""#),
        example(r#"lpad(1, 3)"#, r#""   1""#),
        example(r#"lpad('a', 1.9)"#, r#"" a""#),
        example(r#"lpad('a', '2')"#, r#""  a""#),
        example(r#"lpad('a', -1)"#, r#""a""#),
        example("lpad('a', 'x')", ""),
        example("lpad('a', true)", ""),
        example("lpad(NULL, 1)", ""),
        example("length(lpad('', 2000))", "1000"),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let text = call.text(0)?;
    Some(format!("{}{text}", spaces(call)?).into())
}
