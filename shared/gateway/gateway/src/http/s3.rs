//! Requests to S3: told by their signature's scope or their host, let in as all others are, and handed on in pieces, as an object
//! may be larger than memory.

use super::lines::Answer;
use super::{service, signature};
use crate::gateway::Gateway;
use crate::scopes::ScopeError;
use drydock_cloud::s3::door::refusal;
use drydock_cloud::s3::payload::{Framing, Payload, Piece};
use drydock_cloud::s3::{self, Body, S3ErrorCode};
use drydock_identity::sigv4::{Chunks, Denied, Stated};
use http::header::{AUTHORIZATION, HOST};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// The parameters of a presigned request, of Signature Version 4 and of the older version 2.
const SIGNED: [&str; 10] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "Expires",
];

/// Whether a request is for S3.
#[must_use]
pub fn is_for<B>(request: &Request<B>) -> bool {
    is_meant(request, signature::read(request).as_ref())
}

/// The same, where it is known what the request says of its signature.
pub(super) fn is_meant<B>(request: &Request<B>, stated: Option<&Stated>) -> bool {
    if request.uri().path().starts_with(service::OWN) {
        return false;
    }
    match stated.and_then(|stated| stated.scope.as_ref()) {
        Some(scope) => scope.service == "s3",
        None => is_version_2(request) || host(request).is_some_and(s3::is_for_s3),
    }
}

fn host<B>(request: &Request<B>) -> Option<&str> {
    let header = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    header.or_else(|| request.uri().authority().map(http::uri::Authority::as_str))
}

/// Whether it is signed as S3 alone still is by old clients.
fn is_version_2<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.is_some_and(|value| value.starts_with("AWS "))
        || (service::query_value(query, "AWSAccessKeyId").is_some()
            && service::query_value(query, "Signature").is_some())
}

/// Answers a request.
pub(super) async fn handle(gateway: &Gateway, request: Request<Incoming>, stated: Option<&Stated>) -> Response<Answer> {
    let answer = match admit(gateway, &request, stated) {
        Ok(chunks) => {
            let gateway = match signature::scoped(gateway, stated).await {
                Ok(gateway) => gateway,
                Err(why) => {
                    let code = match &why {
                        ScopeError::TooMany(_) | ScopeError::NotARegion(_) => S3ErrorCode::InvalidRequest,
                        ScopeError::Denied(_) => S3ErrorCode::AccessDenied,
                        ScopeError::Stopping => S3ErrorCode::ServiceUnavailable,
                        ScopeError::Open { .. } => S3ErrorCode::InternalError,
                    };
                    let refusal = refusal(code, why.status().as_u16(), &why.to_string());
                    return refusal.map(|body| body.boxed_unsync());
                }
            };
            let (parts, body) = unsigned(request).into_parts();
            let framing = framing(&parts.headers, chunks);
            gateway.host.cloud.objects(Request::from_parts(parts, Payload::new(body, framing))).await
        }
        Err(refusal) => refusal,
    };
    answer.map(|body| body.boxed_unsync())
}

/// Lets a request in, or says why not.
fn admit<B>(
    gateway: &Gateway,
    request: &Request<B>,
    stated: Option<&Stated>,
) -> Result<Option<Chunks>, Response<Body>> {
    let refused = |code: &'static str, status, message: &str| {
        refusal(S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::AccessDenied), status, message)
    };
    if is_version_2(request) && gateway.credentials.are_configured() {
        let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
        return Err(refused("InvalidRequest", 400, message));
    }
    signature::of_stream(gateway, request, stated).map_err(|why| {
        signature::told(gateway, &why);
        let message = match &why {
            Denied::Missing => "Access Denied".to_owned(),
            // The texts that were to be signed are not shown: a key may be part of them.
            why => why.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        let status = if matches!(why, Denied::Incomplete(_)) { 400 } else { 403 };
        refused(why.s3_code(), status, &message)
    })
}

/// The request without its signature, which has been judged.
fn unsigned<B>(mut request: Request<B>) -> Request<B> {
    request.headers_mut().remove(AUTHORIZATION);
    let uri = request.uri();
    let rest = |query: &str| {
        let pairs = query.split('&').filter(|pair| !SIGNED.contains(&pair.split('=').next().unwrap_or_default()));
        pairs.collect::<Vec<_>>().join("&")
    };
    if let Some(query) = uri.query().map(rest) {
        let path = uri.path();
        let text = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut parts = uri.clone().into_parts();
        if let Ok(path) = PathAndQuery::try_from(text) {
            parts.path_and_query = Some(path);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}

/// How the body comes, as `x-amz-content-sha256` says.
fn framing(headers: &http::HeaderMap, chunks: Option<Chunks>) -> Framing {
    let stated = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if stated.starts_with("STREAMING-UNSIGNED-") {
        return Framing::Chunked(None);
    }
    if stated.starts_with("STREAMING-") {
        return Framing::Chunked(chunks.map(|mut chunks| -> s3::payload::Judge {
            Box::new(move |piece: Piece<'_>| chunks.holds(piece.trailer, piece.sha256, piece.signature))
        }));
    }
    let is_hash = stated.len() == 64 && stated.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Framing::Hashed(stated.to_ascii_lowercase()) } else { Framing::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_goes_and_the_rest_stays() {
        let request = Request::get("/b/k?list-type=2&X-Amz-Signature=ff&prefix=a%2Fb&X-Amz-Date=d").body(()).unwrap();
        assert_eq!(unsigned(request).uri(), "/b/k?list-type=2&prefix=a%2Fb");
        let request = Request::get("/b/k?Expires=1&Signature=a&AWSAccessKeyId=b").body(()).unwrap();
        assert!(is_for(&request));
        assert_eq!(unsigned(request).uri(), "/b/k");
    }

    #[test]
    fn it_is_told_by_scope_and_host() {
        let signed = |service| format!("/?X-Amz-Credential=K%2F20260101%2Feu-west-1%2F{service}%2Faws4_request");
        assert!(is_for(&Request::get(signed("s3")).body(()).unwrap()));
        assert!(!is_for(&Request::get(signed("iot")).header("host", "b.s3.localhost").body(()).unwrap()));
        assert!(is_for(&Request::get("/k").header("host", "b.s3.localhost:4566").body(()).unwrap()));
        assert!(!is_for(&Request::get("/things").header("host", "localhost:4566").body(()).unwrap()));
    }
}
