//! `rtrim(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "rtrim",
    since: SqlVersion::V2015,
    summary: "The text without the spaces and tabs that trail it.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"rtrim(' h i ')"#, r#"" h i""#),
        example(r#"rtrim(2.5)"#, r#""2.5""#),
        example(r#"rtrim({'a': 1})"#, r#""{\"a\":1}""#),
        example("rtrim(missing)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| text.trim_end_matches([' ', '\t']).into())
}
