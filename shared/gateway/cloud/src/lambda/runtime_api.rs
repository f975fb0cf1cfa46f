//! The Runtime API of one execution environment: HTTP on a loopback port of its own, turned into calls that the
//! environment answers in its own order. Follows "Using the Lambda runtime API for custom runtimes".

use super::invocation::MAX_PAYLOAD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

const VERSION: &str = "/2018-06-01/runtime/";
/// How long somebody else than the function's process may take for a request's headers.
const STRANGER: Duration = Duration::from_secs(5);

/// What a process asks of Lambda.
pub(super) enum Call {
    /// The next invocation, whenever there is one.
    Next(oneshot::Sender<Invocation>),
    /// What became of an invocation.
    Done { request_id: String, result: Answer, reply: oneshot::Sender<Reply> },
    /// The process cannot start.
    InitError { error: Bytes, reply: oneshot::Sender<Reply> },
}

/// What became of an invocation, as the process says.
pub(super) enum Answer {
    /// It succeeded.
    Response(Bytes),
    /// It failed with an error document.
    Error(Bytes),
    /// It answered in a way that is refused: the error's type and message.
    Refused(&'static str, String),
}

/// An invocation, on its way to the process.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) deadline_ms: i64,
    pub(super) arn: String,
    pub(super) trace_id: String,
    pub(super) client_context: Option<String>,
    pub(super) payload: Bytes,
}

/// Lambda's word on what a process said.
pub(super) enum Reply {
    Accepted,
    /// There is no such invocation at the moment.
    InvalidRequestId,
    /// What was said does not fit the state of the environment.
    InvalidState,
    /// What was said is refused.
    Refused(StatusCode, &'static str, String),
}

/// Serves a listener until it is dropped, and every connection of it with it. `may` says of a connection, by its two addresses,
/// whether it may ask: one that may not gets 403, whatever it asks.
pub(super) async fn serve<F>(
    listener: TcpListener,
    calls: mpsc::Sender<Call>,
    may: impl Fn((SocketAddr, SocketAddr)) -> F,
) where
    F: Future<Output = bool> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, remote)) = listener.accept().await else { return };
        let Ok(local) = stream.local_addr() else { continue };
        // Without it, the two halves of an answer wait for each other.
        let _ = stream.set_nodelay(true);
        let (calls, may) = (calls.clone(), may((local, remote)));
        connections.spawn(async move {
            let may = may.await;
            if !may {
                tracing::warn!(%remote, "somebody else than the function asked its Runtime API, and was refused");
            }
            let service = service_fn(move |request| {
                let calls = calls.clone();
                async move { if may { answer(request, calls).await } else { Ok(not_the_function()) } }
            });
            let mut server = hyper::server::conn::http1::Builder::new();
            if !may {
                // Somebody else gets an answer, and does not stay.
                server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(STRANGER);
            }
            // A connection that breaks is the process's to open again.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn not_the_function() -> Response<Full<Bytes>> {
    let message = "only the function's own process may ask this Runtime API".to_owned();
    reply(Reply::Refused(StatusCode::FORBIDDEN, "AccessDenied", message))
}

async fn answer(request: Request<Incoming>, calls: mpsc::Sender<Call>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().strip_prefix(VERSION).unwrap_or_default().to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let gone = || reply(Reply::InvalidState);
    Ok(match (request.method(), segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => {
            let (next, invocation) = oneshot::channel();
            if calls.send(Call::Next(next)).await.is_err() {
                return Ok(gone());
            }
            invocation.await.map_or_else(|_| gone(), next_response)
        }
        (&Method::POST, ["init", "error"]) => {
            let (sender, said) = oneshot::channel();
            let error = read(request).await.unwrap_or_default();
            if calls.send(Call::InitError { error, reply: sender }).await.is_err() {
                return Ok(gone());
            }
            said.await.map_or_else(|_| gone(), reply)
        }
        (&Method::POST, ["invocation", id, what @ ("response" | "error")]) => {
            let request_id = (*id).to_owned();
            let result = result(request, *what == "error").await;
            let (sender, said) = oneshot::channel();
            if calls.send(Call::Done { request_id, result, reply: sender }).await.is_err() {
                return Ok(gone());
            }
            said.await.map_or_else(|_| gone(), reply)
        }
        (method, _) => {
            let message = format!("the Runtime API has no `{method} {}`", request.uri().path());
            reply(Reply::Refused(StatusCode::NOT_FOUND, "NotFound", message))
        }
    })
}

async fn result(request: Request<Incoming>, failed: bool) -> Answer {
    let mode = request.headers().get("lambda-runtime-function-response-mode");
    if mode.is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming")) {
        let message = "response streaming is not implemented by this gateway";
        return Answer::Refused("Runtime.StreamingNotImplemented", message.into());
    }
    match read(request).await {
        Some(body) if failed => Answer::Error(body),
        Some(body) => Answer::Response(body),
        None => {
            let message = format!("Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes).");
            Answer::Refused("Function.ResponseSizeTooLarge", message)
        }
    }
}

/// The body; `None` where it is too large or breaks off.
async fn read(request: Request<Incoming>) -> Option<Bytes> {
    Some(Limited::new(request.into_body(), MAX_PAYLOAD).collect().await.ok()?.to_bytes())
}

fn next_response(invocation: Invocation) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(invocation.payload));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    header(headers, "lambda-runtime-aws-request-id", &invocation.request_id);
    header(headers, "lambda-runtime-deadline-ms", &invocation.deadline_ms.to_string());
    header(headers, "lambda-runtime-invoked-function-arn", &invocation.arn);
    header(headers, "lambda-runtime-trace-id", &invocation.trace_id);
    if let Some(context) = &invocation.client_context {
        header(headers, "lambda-runtime-client-context", context);
    }
    response
}

fn header(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn reply(reply: Reply) -> Response<Full<Bytes>> {
    let error = |kind: &str, message: &str| json!({"errorType": kind, "errorMessage": message});
    let (status, body) = match reply {
        Reply::Accepted => (StatusCode::ACCEPTED, json!({"status": "OK"})),
        Reply::InvalidRequestId => (StatusCode::BAD_REQUEST, error("InvalidRequestID", "Invalid request ID")),
        Reply::InvalidState => (StatusCode::FORBIDDEN, error("InvalidStateTransition", "Transition not allowed")),
        Reply::Refused(status, kind, message) => (status, error(kind, &message)),
    };
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
