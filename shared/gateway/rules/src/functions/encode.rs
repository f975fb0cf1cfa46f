//! `encode(value, encodingScheme)`.

use super::{Body, Call, Function, example, example_on, required};
use crate::sql::SqlVersion;
use crate::value::Value;
use std::sync::Arc;

/// Whether a value is the whole payload, not one that looks like it: then its bytes count, not its meaning.
fn is_payload(value: &Value, call: &Call<'_>) -> bool {
    match (value, call.context.message.value(call.context.version)) {
        (Value::Raw(_), _) => true,
        (Value::Object(value), Value::Object(payload)) => Arc::ptr_eq(value, payload),
        (Value::Array(value), Value::Array(payload)) => Arc::ptr_eq(value, payload),
        _ => false,
    }
}

pub(super) static FUNCTION: Function = Function {
    name: "encode",
    since: SqlVersion::V2016,
    summary: "A value as base64; `*` stands for the payload as it came, whether JSON or not, any other value for its text.",
    parameters: &[required("value", "Any"), required("scheme", "String")],
    returns: "String",
    examples: &[
        example_on(r#"{ "temperature": 33 }"#, r#"encode(*, 'base64')"#, r#""eyAidGVtcGVyYXR1cmUiOiAzMyB9""#),
        example(r#"encode('hello', 'base64')"#, r#""aGVsbG8=""#),
        example(r#"encode(5, 'base64')"#, r#""NQ==""#),
        example("encode('hello', 'hex')", ""),
        example("encode(NULL, 'base64')", ""),
        example_on(r#"80"#, r#"encode(*, 'base64')"#, r#""ODA=""#),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    if call.text(1)? != "base64" {
        return None;
    }
    let value = call.value(0);
    let bytes = if is_payload(&value, call) { call.context.message.payload.clone() } else { value.to_text()?.to_string().into() };
    Some(crate::base64(&bytes).into())
}
