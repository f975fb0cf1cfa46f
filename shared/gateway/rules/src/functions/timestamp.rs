//! `timestamp()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "timestamp",
    since: SqlVersion::V2015,
    summary: "The time at which the rules engine saw the message, in milliseconds since 1970.",
    parameters: &[],
    returns: "Int",
    examples: &[
        example("timestamp()", "1481825251155"),
        example("timestamp() % 12 = 0", "false"),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(Value::int(call.context.message.timestamp.millis().into()))
}
