//! `isNull()`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "isNull",
    since: SqlVersion::V2015,
    summary: "Whether the argument is `Null`.",
    parameters: &[required("value", "Any")],
    returns: "Boolean",
    examples: &[
        example("isNull(5)", "false"),
        example("isNull(Null)", "true"),
        example("isNull(1.5)", "false"),
        example("isNull(true)", "false"),
        example("isNull('null')", "false"),
        example("isNull([])", "false"),
        example("isNull({})", "false"),
        example("isNull(missing)", "false"),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(Value::Bool(matches!(call.value(0), Value::Null)))
}
