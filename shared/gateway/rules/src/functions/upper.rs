//! `upper(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "upper",
    since: SqlVersion::V2015,
    summary: "The text in upper case.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"upper('hello')"#, r#""HELLO""#),
        example(r#"upper(['hello'])"#, r#""[\"HELLO\"]""#),
        example(r#"upper(true)"#, r#""TRUE""#),
        example("upper(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| text.to_uppercase().into())
}
