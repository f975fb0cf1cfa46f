//! `accountid()`.

use super::{Body, Call, Function, example};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "accountid",
    since: SqlVersion::V2015,
    summary: "The account that owns the rule.",
    parameters: &[],
    returns: "String",
    examples: &[
        example(r#"accountid()"#, r#""123456789012""#),
        example("accountid(1)", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(call.context.message.account.clone().into())
}
