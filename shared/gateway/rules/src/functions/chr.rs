//! `chr(String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "chr",
    since: SqlVersion::V2015,
    summary: "The ASCII character of a code.",
    parameters: &[required("code", "Int")],
    returns: "String",
    examples: &[
        example(r#"chr(65)"#, r#""A""#),
        example(r#"chr(49)"#, r#""1""#),
        example(r#"chr('65.9')"#, r#""A""#),
        example("chr(200)", ""),
        example("chr(-1)", ""),
        example("chr(true)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let code = u8::try_from(call.floor(0)?).ok().filter(u8::is_ascii)?;
    Some(char::from(code).to_string().into())
}
