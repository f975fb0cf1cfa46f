//! Requests to HTTP APIs: told by their path, or by their host as on AWS. They need no signature, as an API's own authorizers decide;
//! nothing else of the gateway is reached by them.
//!
//! What follows the API's id in `/_aws/execute-api/ID/…` is what follows the host name in `https://ID.execute-api.REGION.amazonaws.com/…`;
//! `http://ID.execute-api.localhost:4566/…` is the same.

use super::bodies::Unread;
use crate::gateway::Gateway;
use crate::peer::Endpoint;
use bytes::Bytes;
use drydock_cloud::http_api::{Api, Asked, MAX_BODY, refused};
use drydock_template::EXECUTE_API;
use http::header::HOST;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;

/// The path's form, for the table of doors.
pub(super) const FORM: &str = "/_aws/execute-api/{apiId}";
/// What follows the id in the name of a host.
const HOST_PART: &str = ".execute-api.";

/// The id of the API that a request is for, and what follows the host name on AWS.
fn named<B>(request: &Request<B>) -> Option<(&str, &str)> {
    let path = request.uri().path();
    if let Some(rest) = path.strip_prefix(EXECUTE_API) {
        let end = rest.find('/').unwrap_or(rest.len());
        return Some((rest.get(..end)?, rest.get(end..)?));
    }
    let header = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let host = header.or_else(|| request.uri().authority().map(http::uri::Authority::as_str))?;
    host.split_once(HOST_PART).filter(|(id, _)| !id.contains('.')).map(|(id, _)| (id, path))
}

/// Whether a request is for an HTTP API.
#[must_use]
pub fn is_for<B>(endpoint: &Endpoint, request: &Request<B>) -> bool {
    endpoint.tls.is_none() && named(request).is_some()
}

/// The API of an id, in whichever account and region, and the gateway as those see it.
fn find(gateway: &Gateway, id: &str) -> Option<(Gateway, Arc<Api>)> {
    let in_scope = |one: Gateway| one.host.cloud.http_apis().find(id).map(|api| (one, api));
    in_scope(gateway.clone()).or_else(|| gateway.scopes.all().into_iter().find_map(in_scope))
}

/// Whether the API that a request is for says that pages of an origin may call it.
pub(super) fn allows_origin<B>(endpoint: &Endpoint, request: &Request<B>, origin: &HeaderValue) -> bool {
    let found = named(request).and_then(|(id, _)| find(&endpoint.gateway, id));
    let cors = found.as_ref().and_then(|(_, api)| api.properties.cors_configuration.as_ref());
    cors.is_some_and(|cors| origin.to_str().is_ok_and(|origin| cors.allows(origin)))
}

/// Answers a request.
pub(super) async fn answer(endpoint: &Endpoint, request: Request<Incoming>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let head = Request::from_parts(parts, ());
    let found = named(&head).and_then(|(id, path)| Some((find(&endpoint.gateway, id)?, path.to_owned())));
    let Some(((gateway, api), path)) = found else { return missing() };
    let (parts, ()) = head.into_parts();
    let asked = Asked {
        method: parts.method,
        path: if path.is_empty() { "/".to_owned() } else { path },
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        source: endpoint.remote.ip(),
    };
    let apis = gateway.host.cloud.http_apis();
    let admitted = match apis.admit(api, asked).await {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    // Whoever was let in may be a stranger all the same: a route may have no authorizer.
    match gateway.door.bodies.whole(body, MAX_BODY, false).await {
        Ok(held) => apis.answer(admitted, held.body.clone()).await,
        Err(why) => refused(match why {
            Unread::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::Slow => StatusCode::REQUEST_TIMEOUT,
            Unread::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Unread::BrokeOff(_) => StatusCode::BAD_REQUEST,
        }),
    }
}

/// What the name of an API gets that there is not: on AWS it does not resolve.
fn missing() -> Response<Bytes> {
    let mut answer = refused(StatusCode::NOT_FOUND);
    answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static("NotFoundException"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_is_told_by_path_and_host() {
        let of = |path: &str, host: &str| {
            let request = Request::get(path).header(HOST, host).body(()).unwrap();
            named(&request).map(|(id, path)| format!("{id} {path}"))
        };
        assert_eq!(of("/_aws/execute-api/ab12/prod/x?y=z", "localhost").as_deref(), Some("ab12 /prod/x"));
        assert_eq!(of("/_aws/execute-api/ab12", "localhost").as_deref(), Some("ab12 "));
        assert_eq!(of("/x", "ab12.execute-api.localhost:4566").as_deref(), Some("ab12 /x"));
        assert_eq!(of("/x", "ab12.execute-api.eu-west-1.amazonaws.com").as_deref(), Some("ab12 /x"));
        assert_eq!(of("/x", "a.b.execute-api.localhost"), None);
        assert_eq!(of("/things", "localhost:4566"), None);
    }
}
