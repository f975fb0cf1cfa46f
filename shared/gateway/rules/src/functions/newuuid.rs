//! `newuuid()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "newuuid",
    since: SqlVersion::V2015,
    summary: "A random UUID.",
    parameters: &[],
    returns: "String",
    examples: &[
        example("length(newuuid())", "36"),
        example("regexp_matches(newuuid(), '^[0-9a-f-]{36}$')", "true"),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(call.context.env.ids.uuid().to_string().into())
}
