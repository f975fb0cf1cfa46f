//! Serving HTTP on an accepted connection: bodies read whole within a limit, every answer with a request id, a slow or dead
//! peer never in the way of another.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most bytes of a request body: Lambda's 6 MB of a synchronous invoke is the largest that any service here takes.
pub const MAX_BODY: usize = 6 * 1024 * 1024 + 64 * 1024;

/// The most bytes of an account's whole state: some two million things.
const MAX_IMPORT: usize = 512 * 1024 * 1024;

/// How long a peer may take to send a request's headers.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// Serves one connection until it closes, HTTP/1.1 or HTTP/2 as the peer begins it.
pub async fn serve<S, H, F>(stream: S, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Bytes>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let response = match whole(request).await {
                Ok(request) => handler(request).await,
                Err(refusal) => refusal,
            };
            Ok::<_, Infallible>(super::lines::body(response))
        }
    });
    let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    server.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Reads the body whole; refuses one that is too large or breaks off.
async fn whole(request: Request<Incoming>) -> Result<Request<Bytes>, Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let limit = if parts.uri.path() == "/_drydock/import" { MAX_IMPORT } else { MAX_BODY };
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(Request::from_parts(parts, body.to_bytes())),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(json_error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            &format!("the request body is larger than {limit} bytes"),
        )),
        Err(error) => Err(json_error(
            StatusCode::BAD_REQUEST,
            "InvalidRequestException",
            &format!("the request body broke off: {error}"),
        )),
    }
}

/// An error as AWS's REST-JSON services show it.
#[must_use]
pub fn json_error(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let mut response = json(status, &serde_json::json!({ "message": message }));
    if let Ok(value) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
}

/// A JSON answer.
#[must_use]
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
