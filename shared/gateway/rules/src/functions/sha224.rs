//! `sha224(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::sha2::{Digest as _, Sha224};

pub(super) static FUNCTION: Function = Function {
    name: "sha224",
    since: SqlVersion::V2015,
    summary: "The SHA-224 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"sha224('hello')"#, r#""ea09ae9cc6768c50fcee903ed054556e5bfc8347907f12598aa24193""#),
        example("sha224(true) = sha224('true')", "true"),
        example("sha224(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Sha224::digest(text.as_bytes())).into())
}
