//! `sha384(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::sha2::{Digest as _, Sha384};

pub(super) static FUNCTION: Function = Function {
    name: "sha384",
    since: SqlVersion::V2015,
    summary: "The SHA-384 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"sha384('hello')"#, r#""59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f""#),
        example("sha384(true) = sha384('true')", "true"),
        example("sha384(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Sha384::digest(text.as_bytes())).into())
}
