//! `get_secret(secretId, secretType, key, roleArn)`.

use super::{Body, Call, Function, optional, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "get_secret",
    since: SqlVersion::V2015,
    summary: "The current version of a secret, or one key of it.",
    parameters: &[required("secretId", "String"), required("secretType", "String"), optional("key", "String"), required("roleArn", "String")],
    returns: "Any",
    examples: &[

    ],
    body: Body::External(External::GetSecret, arguments),
};

fn arguments(call: &Call<'_>) -> Option<Vec<Value>> {
    call.text(1).filter(|kind| kind == "SecretString" || kind == "SecretBinary")?;
    let texts: Option<Vec<Value>> = call.arguments.iter().map(|argument| argument.to_text().map(Value::String)).collect();
    texts
}
