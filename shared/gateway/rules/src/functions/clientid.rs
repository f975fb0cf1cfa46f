//! `clientid()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "clientid",
    since: SqlVersion::V2015,
    summary: "The MQTT client that sent the message; `n/a` where it did not come over MQTT.",
    parameters: &[],
    returns: "String",
    examples: &[
        example(r#"clientid()"#, r#""client-1""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(call.context.message.client_id.as_deref().unwrap_or("n/a").into())
}
