//! `sourceip()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "sourceip",
    since: SqlVersion::V2016,
    summary: "The address from which the message came.",
    parameters: &[],
    returns: "String",
    examples: &[
        example(r#"sourceip()"#, r#""192.158.1.38""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    call.context.message.source_ip.map(|ip| ip.to_string().into())
}
