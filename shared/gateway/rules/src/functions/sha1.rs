//! `sha1(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::sha1::{Digest as _, Sha1};

pub(super) static FUNCTION: Function = Function {
    name: "sha1",
    since: SqlVersion::V2015,
    summary: "The SHA-1 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"sha1('hello')"#, r#""aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d""#),
        example("sha1(true) = sha1('true')", "true"),
        example("sha1(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Sha1::digest(text.as_bytes())).into())
}
