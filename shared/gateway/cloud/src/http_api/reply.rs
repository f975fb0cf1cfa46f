//! What becomes of what a function gives back ("Format of the response"): in format 2.0 a response is made up where the function
//! gives none, in format 1.0 it has to.

use super::refusal::error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

/// The answer, or what is wrong with what the function gave.
pub(super) fn read(payload: &Bytes, is_second: bool) -> Result<Response<Bytes>, String> {
    let value: Value = serde_json::from_slice(payload).map_err(|error| format!("the response is not JSON: {error}"))?;
    match &value {
        Value::Object(object) if object.contains_key("statusCode") => stated(object, is_second),
        _ if !is_second => Err("the response has no `statusCode`, which format 1.0 wants".to_owned()),
        Value::String(text) => Ok(inferred(Bytes::from(text.clone()))),
        _ => Ok(inferred(payload.clone())),
    }
}

fn inferred(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn stated(object: &Map<String, Value>, is_second: bool) -> Result<Response<Bytes>, String> {
    let status = match object.get("statusCode") {
        Some(Value::Number(number)) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let status =
        status.filter(|status| (200..=599).contains(status)).and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or("`statusCode` of the response is not a status")?;
    let body = match (object.get("body"), object.get("isBase64Encoded").and_then(Value::as_bool)) {
        (None | Some(Value::Null), _) => Bytes::new(),
        (Some(Value::String(text)), Some(true)) => {
            STANDARD.decode(text).map_err(|_| "`body` of the response is not base64".to_owned())?.into()
        }
        (Some(Value::String(text)), _) => Bytes::from(text.clone()),
        (Some(_), _) => return Err("`body` of the response is not text".to_owned()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let mut add = |name: &str, value: &Value| -> Result<(), String> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(format!("the header `{name:.64}` of the response is not text")),
        };
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name:.64}` is not the name of a header"))?;
        if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            return Ok(());
        }
        let value =
            HeaderValue::try_from(text).map_err(|_| format!("the header `{name}` of the response is not valid"))?;
        response.headers_mut().append(name, value);
        Ok(())
    };
    let members = |name: &str| object.get(name).and_then(Value::as_object).into_iter().flatten();
    for (name, values) in members("multiValueHeaders").filter(|_| !is_second) {
        for value in values.as_array().into_iter().flatten() {
            add(name, value)?;
        }
    }
    for (name, value) in members("headers") {
        let several = members("multiValueHeaders").any(|(known, _)| !is_second && known.eq_ignore_ascii_case(name));
        if !several {
            add(name, value)?;
        }
    }
    for cookie in object.get("cookies").and_then(Value::as_array).into_iter().flatten().filter(|_| is_second) {
        add(SET_COOKIE.as_str(), cookie)?;
    }
    if !response.headers().contains_key(CONTENT_TYPE) && !response.body().is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
    Ok(response)
}

/// What callers are told of a function that failed.
pub(super) fn failed() -> Response<Bytes> {
    error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &str, is_second: bool) -> String {
        match read(&Bytes::from(payload.to_owned()), is_second) {
            Ok(response) => {
                let headers: Vec<String> = response
                    .headers()
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
                    .collect();
                let body = String::from_utf8_lossy(response.body()).into_owned();
                format!("{} {} {body}", response.status().as_u16(), headers.join(" "))
            }
            Err(why) => why,
        }
    }

    #[test]
    fn responses_of_both_formats() {
        for (payload, second, first) in [
            (
                r#"{"a":1}"#,
                r#"200 content-type=application/json {"a":1}"#,
                "the response has no `statusCode`, which format 1.0 wants",
            ),
            (
                r#""Hello""#,
                "200 content-type=application/json Hello",
                "the response has no `statusCode`, which format 1.0 wants",
            ),
            (r#"{"statusCode":204}"#, "204  ", "204  "),
            (
                r#"{"statusCode":"201","headers":{"X-A":"b"},"cookies":["c=1","d=2"],"body":"t"}"#,
                "201 x-a=b set-cookie=c=1 set-cookie=d=2 content-type=text/plain;charset=UTF-8 t",
                "201 x-a=b content-type=text/plain;charset=UTF-8 t",
            ),
            (
                r#"{"statusCode":200,"headers":{"content-type":"a/b"},"multiValueHeaders":{"x":["1","2"]},"body":"YQ==","isBase64Encoded":true}"#,
                "200 content-type=a/b a",
                "200 x=1 x=2 content-type=a/b a",
            ),
            (
                r#"{"statusCode":"x"}"#,
                "`statusCode` of the response is not a status",
                "`statusCode` of the response is not a status",
            ),
            (
                r#"{"statusCode":200,"body":{}}"#,
                "`body` of the response is not text",
                "`body` of the response is not text",
            ),
            (
                r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
                "`a b` is not the name of a header",
                "`a b` is not the name of a header",
            ),
        ] {
            assert_eq!(shown(payload, true), second, "{payload}");
            assert_eq!(shown(payload, false), first, "{payload}");
        }
    }
}
