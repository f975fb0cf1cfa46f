//! `traceid()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "traceid",
    since: SqlVersion::V2015,
    summary: "The trace id of an MQTT message; `Undefined` where the message did not come over MQTT.",
    parameters: &[],
    returns: "String",
    examples: &[
        example(r#"traceid()"#, r#""12345678-1234-1234-1234-123456789012""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.context.message.trace_id.clone().map(Value::String)
}
