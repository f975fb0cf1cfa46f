//! `get_or_default(expression, defaultValue)`.

use super::{Body, Function, example, example_on, optional, required};
use crate::sql::SqlVersion;

pub(super) static FUNCTION: Function = Function {
    name: "get_or_default",
    since: SqlVersion::V2016,
    summary: "The value of an expression, or a default where it is `Undefined`, `Null`, no JSON, or fails. The default may not call outside.",
    parameters: &[required("value", "Any"), optional("otherwise", "Any")],
    returns: "Any",
    examples: &[
        example(r#"get_or_default(missing, 'UNKNOWN')"#, r#""UNKNOWN""#),
        example("get_or_default(NULL, 1)", "1"),
        example("get_or_default(5, 1)", "5"),
        example("get_or_default(missing)", ""),
        example("get_or_default(missing, NULL)", "null"),
        example_on(r#"{"status":"active"}"#, r#"get_or_default(CASE status WHEN 'active' THEN 'GOOD' WHEN 'inactive' THEN 'BAD' ELSE 'UNKNOWN' END, 'UNKNOWN')"#, r#""GOOD""#),
    ],
    body: Body::Default,
};
