//! `sha256(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::sha2::{Digest as _, Sha256};

pub(super) static FUNCTION: Function = Function {
    name: "sha256",
    since: SqlVersion::V2015,
    summary: "The SHA-256 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"sha256('hello')"#, r#""2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824""#),
        example("sha256(true) = sha256('true')", "true"),
        example("sha256(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Sha256::digest(text.as_bytes())).into())
}
