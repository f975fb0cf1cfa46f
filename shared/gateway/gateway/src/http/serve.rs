//! Serving HTTP on an accepted connection, a slow or dead peer never in the way of another; and handing the connection on where it becomes a WebSocket.

use crate::gateway::Gateway;
use crate::peer::Endpoint;
use crate::websocket::{self, Frames};
use drydock_broker::Peer;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a peer may take to send a request's headers, from the moment that the connection is there to be used.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// Serves one connection of HTTP/1.1 until it closes. A WebSocket takes the connection over. HTTP/2 is not spoken: AWS IoT's data
/// plane has none, and telling it apart would wait for a peer that says nothing for as long as it says nothing.
pub async fn serve<S>(stream: S, endpoint: Endpoint)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened: Arc<Mutex<Option<(OnUpgrade, Peer, Gateway)>>> = Arc::default();
    let service = service_fn(|mut request: Request<Incoming>| {
        let (endpoint, opened) = (endpoint.clone(), Arc::clone(&opened));
        async move {
            let reader = match super::enter::enter(&endpoint, &request) {
                Ok(reader) => reader,
                Err(refusal) => {
                    // What a browser asks before it sends is answered so, too.
                    if refusal.status().is_client_error() {
                        super::told::tell(&endpoint, "request", &refusal, "");
                    }
                    return Ok(super::lines::body(refusal));
                }
            };
            if websocket::asks(&request) {
                let response = super::websocket::open(&endpoint, &request).await.map(|open| {
                    let upgrade = hyper::upgrade::on(&mut request);
                    *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, open.peer, open.gateway));
                    open.answer
                });
                return Ok(super::lines::body(response.unwrap_or_else(|refusal| refusal)));
            }
            Ok::<_, Infallible>(reader.lets(super::api::answer(&endpoint, request).await))
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    // On the heap, and gone before a WebSocket goes on: its connection may idle for long.
    let mut serving = Box::pin(server.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let stopping = endpoint.gateway.serving.stopped();
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = stopping => {
            // What is being answered is answered, and the connection ends after that.
            serving.as_mut().graceful_shutdown();
            serving.as_mut().await
        }
    };
    drop(serving);
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
    let opened = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((upgrade, peer, gateway)) = opened else { return };
    match upgrade.await.map(Upgraded::downcast::<TokioIo<S>>) {
        Ok(Ok(parts)) => {
            let frames = Frames::new(parts.io.into_inner(), parts.read_buf);
            gateway.host.broker.serve(frames, peer).await;
        }
        Ok(Err(_)) => tracing::error!("a WebSocket's stream is not the one that its request came by"),
        Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
    }
}
