//! A request handed to the operations of AWS IoT.

use super::answer::{json_error, with_request_id};
use super::service::REGION;
use crate::gateway::Gateway;
use bytes::Bytes;
use drydock_identity::sigv4::CredentialScope;
use drydock_services::call::Call;
use http::{HeaderValue, Request, Response, StatusCode};

/// Hands a request to the operations of AWS IoT.
pub(super) async fn iot(
    gateway: &Gateway,
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
    let answer = gateway.router.call(call, service, &request).await;
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    with_request_id(gateway, response)
}

/// State is of one account and region; a caller of another region gets told so instead of an empty world.
pub(super) fn wrong_region(gateway: &Gateway, scope: &CredentialScope) -> Option<Response<Bytes>> {
    let here = &gateway.host.books.scope.region;
    (scope.region != here.as_str()).then(|| {
        let mut refusal = json_error(
            StatusCode::BAD_REQUEST,
            "InvalidRequestException",
            &format!(
                "the request is signed for region `{}`, this gateway plays `{here}`: set AWS_REGION={here}, or start it with --region {}",
                scope.region, scope.region
            ),
        );
        if let Ok(here) = HeaderValue::from_str(here) {
            refusal.headers_mut().insert(REGION, here);
        }
        refusal
    })
}
