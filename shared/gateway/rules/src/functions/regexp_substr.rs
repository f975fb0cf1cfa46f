//! `regexp_substr(String, String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use fancy_regex::Regex;

pub(super) static FUNCTION: Function = Function {
    name: "regexp_substr",
    since: SqlVersion::V2015,
    summary: "The first match of a regular expression in a text.",
    parameters: &[required("text", "String"), required("pattern", "String")],
    returns: "String",
    examples: &[
        example(r#"regexp_substr('hihihello', 'hi')"#, r#""hi""#),
        example(r#"regexp_substr('hihihello', '(hi)*')"#, r#""hihi""#),
        example("regexp_substr('hello', 'x')", ""),
        example("regexp_substr(missing, 'x')", ""),
    ],
    body: Body::Pattern(evaluate),
};

fn evaluate(call: &Call<'_>, pattern: &Regex) -> Option<Value> {
    let text = call.text(0)?;
    let found = pattern.find(text.as_str()).ok().flatten()?;
    Some(found.as_str().into())
}
