//! `sha512(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::sha2::{Digest as _, Sha512};

pub(super) static FUNCTION: Function = Function {
    name: "sha512",
    since: SqlVersion::V2015,
    summary: "The SHA-512 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"sha512('hello')"#, r#""9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043""#),
        example("sha512(true) = sha512('true')", "true"),
        example("sha512(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Sha512::digest(text.as_bytes())).into())
}
