//! `md5(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::md5::{Digest as _, Md5};

pub(super) static FUNCTION: Function = Function {
    name: "md5",
    since: SqlVersion::V2015,
    summary: "The MD5 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"md5('hello')"#, r#""5d41402abc4b2a76b9719d911017c592""#),
        example("md5(true) = md5('true')", "true"),
        example("md5(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Md5::digest(text.as_bytes())).into())
}
