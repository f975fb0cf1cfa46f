//! `lower(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "lower",
    since: SqlVersion::V2015,
    summary: "The text in lower case.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"lower('HELLO')"#, r#""hello""#),
        example(r#"lower(['HELLO'])"#, r#""[\"hello\"]""#),
        example(r#"lower(TRUE)"#, r#""true""#),
        example("lower(NULL)", ""),
        example("lower(missing)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| text.to_lowercase().into())
}
