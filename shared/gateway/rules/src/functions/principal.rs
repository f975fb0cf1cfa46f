//! `principal()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "principal",
    since: SqlVersion::V2015,
    summary: "Who sent the message: the id of a certificate, an IAM role with its session, or a user id.",
    parameters: &[],
    returns: "String",
    examples: &[
        example(r#"principal()"#, r#""ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.context.message.principal.clone().map(Value::String)
}
