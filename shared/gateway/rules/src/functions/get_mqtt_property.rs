//! `get_mqtt_property(name)`.

use super::{Body, Call, Function, example, required};
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "get_mqtt_property",
    since: SqlVersion::V2016,
    summary: "An MQTT 5 property of the message: `content_type`, `format_indicator`, `response_topic` or `correlation_data`, the last as base64. The format indicator is `UNSPECIFIED_BYTES` where there is none.",
    parameters: &[required("name", "String")],
    returns: "String",
    examples: &[
        example(r#"get_mqtt_property('content_type')"#, r#""application/json""#),
        example(r#"get_mqtt_property('format_indicator')"#, r#""UTF8_DATA""#),
        example(r#"get_mqtt_property('response_topic')"#, r#""answers/1""#),
        example(r#"get_mqtt_property('correlation_data')"#, r#""cnVsZQ==""#),
        example("get_mqtt_property('some_invalid_name')", ""),
    ],
    body: Body::Value(evaluate),
};

fn evaluate(call: &Call<'_>) -> Option<Value> {
    let properties = &call.context.message.mqtt;
    match call.text(0)?.as_str() {
        "content_type" => properties.content_type.as_deref().map(Into::into),
        "format_indicator" => Some(if properties.utf8 == Some(true) { "UTF8_DATA" } else { "UNSPECIFIED_BYTES" }.into()),
        "response_topic" => properties.response_topic.as_deref().map(Into::into),
        "correlation_data" => properties.correlation_data.as_ref().map(|data| crate::base64(data).into()),
        _ => None,
    }
}
