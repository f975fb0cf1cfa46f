//! `get_thing_shadow(thingName, shadowName, roleArn)`.

use super::{Body, Call, Function, optional, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "get_thing_shadow",
    since: SqlVersion::V2016,
    summary: "The shadow document of a thing, classic or named.",
    parameters: &[required("thing", "String"), optional("shadow", "String"), required("roleArn", "String")],
    returns: "Object",
    examples: &[

    ],
    body: Body::External(External::GetThingShadow, arguments),
};

fn arguments(call: &Call<'_>) -> Option<Vec<Value>> {
    let texts: Option<Vec<Value>> = call.arguments.iter().map(|argument| argument.to_text().map(Value::String)).collect();
    texts
}
