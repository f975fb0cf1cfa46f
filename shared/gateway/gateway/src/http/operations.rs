//! A request handed to the operations of AWS IoT.

use super::answer::with_request_id;
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_services::call::Call;
use http::{HeaderValue, Request, Response, StatusCode};

/// Hands a request to the operations of AWS IoT.
pub(super) async fn iot(
    gateway: &Gateway,
    call: Call,
    service: drydock_model::Service,
    request: Request<Bytes>,
) -> Response<Bytes> {
    with_request_id(gateway, routed(&gateway.router, call, service, request).await)
}

/// The answer of the operation that a request means.
pub(crate) async fn routed(
    router: &drydock_model::Router<Call>,
    call: Call,
    service: drydock_model::Service,
    request: Request<Bytes>,
) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let request = drydock_model::Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    };
    let answer = router.call(call, service, &request).await;
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
