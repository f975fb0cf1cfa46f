//! The pieces of AWS's wire protocols that the stand-ins share.

pub(crate) mod event_stream;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod query;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// A response with a content type and a body.
pub(crate) fn response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Sets a header to a text; what cannot stand in a header is replaced by `?`.
pub(crate) fn set_header(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    let clean: String = value.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).collect();
    if let Ok(value) = HeaderValue::from_str(&clean) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// An error as the REST protocols in JSON have it: its name in a header, the rest in the body.
pub(crate) fn rest_error(status: u16, code: &str, body: &serde_json::Value) -> Response<Bytes> {
    let mut answer = response(status, "application/json", body.to_string());
    set_header(&mut answer, "x-amzn-errortype", code);
    answer
}

/// Tags as CloudFormation writes them: a list of `Key` and `Value`, or a map (SAM).
pub(crate) fn tags_of_properties(
    value: &serde_json::Value,
) -> Result<std::collections::BTreeMap<String, String>, String> {
    use serde_json::Value;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Object(map) => Ok(map.iter().map(|(key, value)| (key.clone(), text(value))).collect()),
        Value::Array(list) => list
            .iter()
            .map(|tag| match (tag.get("Key").and_then(Value::as_str), tag.get("Value")) {
                (Some(key), Some(value)) => Ok((key.to_owned(), text(value))),
                _ => Err(format!("the tag `{tag}` has no `Key` and `Value`")),
            })
            .collect(),
        other => Err(format!("`Tags` is neither a list nor a map: `{other}`")),
    }
}
