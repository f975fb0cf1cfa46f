//! What callers are told whose requests are not carried out.

use crate::wire;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

/// An error of API Gateway's own.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Bytes> {
    wire::response(status.as_u16(), "application/json", json!({ "message": message }).to_string())
}

/// The answer to a request that is not carried out, by its status.
#[must_use]
pub fn refused(status: StatusCode) -> Response<Bytes> {
    let message = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or("Error"),
    };
    error(status, message)
}
