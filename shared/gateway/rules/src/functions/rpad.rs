//! `rpad(String, Int)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use super::lpad::spaces;

pub(super) static FUNCTION: Function = Function {
    name: "rpad",
    since: SqlVersion::V2015,
    summary: "The text with a number of spaces, from 0 to 1000, after it.",
    parameters: &[required("text", "String"), required("count", "Int")],
    returns: "String",
    examples: &[
        example(r#"rpad('hello', 2)"#, r#""hello  ""#),
        example(r#"rpad(1, 3)"#, r#""1   ""#),
        example(r#"rpad('a', '2.9')"#, r#""a  ""#),
        example("rpad('a', NULL)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let text = call.text(0)?;
    Some(format!("{text}{}", spaces(call)?).into())
}
