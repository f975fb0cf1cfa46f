//! `replace(String, String, String)`.

use super::{Body, Call, Function, MAX_REPLACED, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "replace",
    since: SqlVersion::V2015,
    summary: "The text with every occurrence of a part replaced.",
    parameters: &[required("text", "String"), required("part", "String"), required("by", "String")],
    returns: "String",
    examples: &[
        example(r#"replace('abcd', 'bc', 'x')"#, r#""axd""#),
        example(r#"replace('abcdabcd', 'b', 'x')"#, r#""axcdaxcd""#),
        example(r#"replace(1234, 23, true)"#, r#""1true4""#),
        example("replace('a', NULL, 'x')", ""),
        example("replace(missing, 'a', 'x')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let (text, part, by) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let grown = text.matches(part.as_str()).count().saturating_mul(by.len()).saturating_add(text.len());
    if grown > MAX_REPLACED {
        return None;
    }
    Some(text.replace(part.as_str(), &by).into())
}
