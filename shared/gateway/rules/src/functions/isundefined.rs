//! `isUndefined()`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "isUndefined",
    since: SqlVersion::V2016,
    summary: "Whether the argument is `Undefined`.",
    parameters: &[required("value", "Any")],
    returns: "Boolean",
    examples: &[
        example("isUndefined(5)", "false"),
        example("isUndefined(floor([1, 2, 3]))", "true"),
        example("isUndefined(missing)", "true"),
        example("isUndefined(NULL)", "false"),
        example("isUndefined('')", "false"),
        example("isUndefined([])", "false"),
        example("isUndefined({})", "false"),
        example("isUndefined(false)", "false"),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    Some(Value::Bool(call.value(0).is_undefined()))
}
