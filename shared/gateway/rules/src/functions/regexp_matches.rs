//! `regexp_matches(String, String)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use fancy_regex::Regex;

pub(super) static FUNCTION: Function = Function {
    name: "regexp_matches",
    since: SqlVersion::V2015,
    summary: "Whether a text holds a match of a regular expression.",
    parameters: &[required("text", "String"), required("pattern", "String")],
    returns: "Boolean",
    examples: &[
        example("regexp_matches('aaaa', 'a{2,}')", "true"),
        example("regexp_matches('aaaa', 'b')", "false"),
        example("regexp_matches('aaa', '(aaa|bbb)')", "true"),
        example("regexp_matches('bbb', '(aaa|bbb)')", "true"),
        example("regexp_matches('ccc', '(aaa|bbb)')", "false"),
        example("regexp_matches(123, '^[0-9]+$')", "true"),
        example("regexp_matches('ab', '(?<=a)b')", "true"),
        example("regexp_matches('a', '(')", ""),
        example("regexp_matches(NULL, 'a')", ""),
    ],
    body: Body::Pattern(evaluate),
};

fn evaluate(call: &Call<'_>, pattern: &Regex) -> Option<Value> {
    pattern.is_match(call.text(0)?.as_str()).ok().map(Value::Bool)
}
