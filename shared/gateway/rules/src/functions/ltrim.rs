//! `ltrim(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "ltrim",
    since: SqlVersion::V2015,
    summary: "The text without the spaces and tabs that lead it.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"Ltrim(' h i ')"#, r#""h i ""#),
        example(r#"ltrim(5)"#, r#""5""#),
        example(r#"ltrim([1, true])"#, r#""[1,true]""#),
        example("ltrim(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| text.trim_start_matches([' ', '\t']).into())
}
