//! Answers that several parts give.

use super::bodies::Unread;
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_core::Ids;
use http::{HeaderValue, Response, StatusCode};

/// An error as AWS's REST-JSON services show it.
#[must_use]
pub(crate) fn json_error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let mut response = json(status, &serde_json::json!({ "message": message }));
    if let Ok(value) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
}

/// A JSON answer.
#[must_use]
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to a request whose body was not read to its end.
pub(crate) fn unread(why: &Unread) -> Response<Bytes> {
    let (status, code) = match why {
        Unread::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException"),
        Unread::Slow => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
        Unread::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException"),
        Unread::BrokeOff(_) => (StatusCode::BAD_REQUEST, "InvalidRequestException"),
    };
    json_error(status, code, &why.to_string())
}

/// Adds the id that AWS's support would ask for.
pub(crate) fn with_request_id(gateway: &Gateway, mut response: Response<Bytes>) -> Response<Bytes> {
    if let Ok(id) = HeaderValue::try_from(gateway.host.books.ids.uuid().to_string()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// What AWS IoT's data plane answers to whom it does not know: the reason is in its logs, not in the answer.
pub(crate) fn forbidden(gateway: &Gateway) -> Response<Bytes> {
    let trace = gateway.host.books.ids.uuid().to_string();
    let mut response = json(StatusCode::FORBIDDEN, &serde_json::json!({ "message": "Forbidden", "traceId": trace }));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static("ForbiddenException"));
    with_request_id(gateway, response)
}

/// What a device gets whom an authorizer turned away, or that shows nothing.
pub(crate) fn unauthorized(why: &str) -> Response<Bytes> {
    json_error(StatusCode::UNAUTHORIZED, "UnauthorizedException", why)
}
