//! `sql_version()`.

use super::{Body, Call, Function, example, example_2015};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "sql_version",
    since: SqlVersion::V2015,
    summary: "The version of the SQL that the rule is written in.",
    parameters: &[],
    returns: "String",
    examples: &[
        example(r#"sql_version()"#, r#""2016-03-23""#),
        example_2015(r#"sql_version()"#, r#""2015-10-08""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(call.context.version.as_str().into())
}
