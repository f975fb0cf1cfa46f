//! `md2(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use ::md2::{Digest as _, Md2};

pub(super) static FUNCTION: Function = Function {
    name: "md2",
    since: SqlVersion::V2015,
    summary: "The MD2 of a text, in lower-case hexadecimal digits.",
    parameters: &[required("text", "String")],
    returns: "String",
    examples: &[
        example(r#"md2('hello')"#, r#""a9046c73e00331af68917d3804f70655""#),
        example("md2(true) = md2('true')", "true"),
        example("md2(NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.text(0).map(|text| hex::encode(Md2::digest(text.as_bytes())).into())
}
