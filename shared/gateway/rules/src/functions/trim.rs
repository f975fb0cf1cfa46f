//! `trim(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "trim",
    since: SqlVersion::V2015,
    summary: "The text without white space at either end.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"Trim(' hi ')"#, r#""hi""#),
        example(r#"trim(false)"#, r#""false""#),
        example("trim(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| text.trim().into())
}
