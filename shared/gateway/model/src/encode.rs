//! From the output of an operation to its response.

use crate::http::Response;
use crate::operation::{Operation, OperationMeta};
use crate::schema::{Kind, Location};
use crate::wire::Wire;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

/// The status of a response that must have no body.
const NO_CONTENT: u16 = 204;

/// The response with an operation's output.
#[must_use]
pub fn encode<O: Operation>(mut output: O::Output) -> Response {
    let payload = output.take_payload();
    respond(O::META, output.write(), payload)
}

/// The response with an output's members, each where it travels.
fn respond(operation: &OperationMeta, document: Value, payload: Option<Bytes>) -> Response {
    let (Some(shape), Value::Object(mut document)) = (operation.output_shape, document) else {
        return Response { status: operation.status, headers: Vec::new(), body: Bytes::new() };
    };
    let mut status = operation.status;
    let mut headers = Vec::new();
    let mut body = None;
    for member in shape.members() {
        if member.location == Location::Body {
            continue;
        }
        let value = document.remove(member.name);
        match member.location {
            Location::Status => {
                status =
                    value.and_then(|value| value.as_u64()).and_then(|code| u16::try_from(code).ok()).unwrap_or(status);
            }
            Location::Header(name) => headers.extend(value.map(|value| (name.to_owned(), text(&value)))),
            Location::JsonHeader(name) => {
                headers.extend(value.map(|value| (name.to_owned(), STANDARD.encode(text(&value)))));
            }
            Location::Payload if matches!(member.shape.kind, Kind::Blob) => {
                body = Some(payload.clone().unwrap_or_default())
            }
            Location::Payload => {
                let value = value.unwrap_or_else(|| Value::Object(Map::new()));
                body = Some(Bytes::from(value.to_string()));
            }
            Location::Body | Location::Label(_) | Location::Query(_) => {}
        }
    }
    if status == NO_CONTENT {
        return Response { status, headers, body: Bytes::new() };
    }
    // A blob that is the body is a shadow document in every operation that has one: JSON, as all other bodies.
    let mut response = Response::json(status, &Value::Object(document));
    response.headers.extend(headers);
    if let Some(body) = body {
        response.body = body;
    }
    response
}

/// A value in a header.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
