//! Serving HTTP on an accepted connection: bodies read whole within a limit, every answer with a request id, a slow or dead
//! peer never in the way of another; and handing the connection on where it becomes a WebSocket.

use super::answer::json_error;
use crate::peer::Endpoint;
use crate::websocket::{self, Frames};
use bytes::Bytes;
use drydock_broker::Peer;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most bytes of a request body: Lambda's 6 MB of a synchronous invoke is the largest that any service here takes.
pub const MAX_BODY: usize = 6 * 1024 * 1024 + 64 * 1024;

/// The most bytes of an account's whole state: some two million things.
const MAX_IMPORT: usize = 512 * 1024 * 1024;

/// How long a peer may take to send a request's headers.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// Answers one request.
async fn answer(endpoint: &Endpoint, request: Request<Bytes>) -> Response<Bytes> {
    match &endpoint.tls {
        Some(tls) => super::device::handle(&endpoint.gateway, request, tls, endpoint.remote).await,
        None => super::api::handle(&endpoint.gateway, request, endpoint.remote).await,
    }
}

/// Serves one connection until it closes, HTTP/1.1 or HTTP/2 as the peer begins it. A WebSocket takes the connection over.
pub async fn serve<S>(stream: S, endpoint: Endpoint)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened: Arc<Mutex<Option<(OnUpgrade, Peer)>>> = Arc::default();
    let service = service_fn(|mut request: Request<Incoming>| {
        let (endpoint, opened) = (endpoint.clone(), Arc::clone(&opened));
        async move {
            if websocket::asks(&request) {
                let response = super::websocket::open(&endpoint, &request).map(|(response, peer)| {
                    let upgrade = hyper::upgrade::on(&mut request);
                    *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, peer));
                    response
                });
                return Ok(super::lines::body(response.unwrap_or_else(|refusal| refusal)));
            }
            if endpoint.tls.is_none() && super::s3::is_for(&request) {
                return Ok(super::s3::handle(&endpoint.gateway, request).await);
            }
            let response = match whole(request).await {
                Ok(request) => answer(&endpoint, request).await,
                Err(refusal) => refusal,
            };
            Ok::<_, Infallible>(super::lines::body(response))
        }
    });
    let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    server.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    // On the heap, and gone before a WebSocket goes on: its connection may idle for long.
    let served = Box::pin(server.serve_connection_with_upgrades(TokioIo::new(stream), service)).await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
    let opened = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((upgrade, peer)) = opened else { return };
    match upgrade.await.map(hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<S>>) {
        Ok(Ok(parts)) => {
            let frames = Frames::new(parts.io.into_inner(), parts.read_buf);
            endpoint.gateway.host.broker.serve(frames, peer).await;
        }
        Ok(Err(_)) => tracing::error!("a WebSocket's stream is not the one that its request came by"),
        Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
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
