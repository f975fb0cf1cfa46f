//! Functions that another server runs (`sam local start-lambda`, `cargo lambda watch`): it speaks the same API, so an invoke
//! is handed on as it is.

use super::error::LambdaError;
use super::invocation::{Invoked, MAX_PAYLOAD};
use crate::http_client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use drydock_core::OwnAddresses;
use http::{Method, Request, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

/// Longer than any function may run, since such servers compile a function at its first invoke.
const WITHIN: Duration = Duration::from_secs(1200);

/// Invokes a function by the first of its names that the server knows: `cargo lambda watch` goes by binaries, `sam local
/// start-lambda` by logical ids.
pub(super) async fn invoke(
    own: &OwnAddresses,
    endpoint: &Uri,
    names: &[String],
    payload: Bytes,
    client_context: Option<String>,
) -> Result<Invoked, LambdaError> {
    for name in names {
        match invoke_named(own, endpoint, name, payload.clone(), client_context.as_deref()).await {
            Err(LambdaError::NotFound(_)) => {}
            ended => return ended,
        }
    }
    Err(LambdaError::NotFound(format!("{} (at {endpoint})", names.join(" or "))))
}

async fn invoke_named(
    own: &OwnAddresses,
    endpoint: &Uri,
    name: &str,
    payload: Bytes,
    client_context: Option<&str>,
) -> Result<Invoked, LambdaError> {
    let base = endpoint.to_string();
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let uri = format!("{}/2015-03-31/functions/{name}/invocations", base.trim_end_matches('/'));
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header("content-type", "application/json")
        .header("x-amz-invocation-type", "RequestResponse")
        .header("x-amz-log-type", "Tail");
    if let Some(context) = client_context {
        request = request.header("x-amz-client-context", BASE64.encode(context));
    }
    let request = request.body(payload).map_err(|e| LambdaError::Remote(e.to_string()))?;
    let response = http_client::send(own, request, MAX_PAYLOAD, WITHIN).await.map_err(LambdaError::Remote)?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match response.status().as_u16() {
        200 => {}
        404 => return Err(LambdaError::NotFound(name.to_string())),
        429 => return Err(LambdaError::Throttled),
        status => {
            let body = String::from_utf8_lossy(response.body()).chars().take(300).collect::<String>();
            return Err(LambdaError::Remote(format!("it answered {status}: {body}")));
        }
    }
    let tail = header("x-amz-log-result").and_then(|tail| BASE64.decode(tail).ok()).unwrap_or_default();
    let function_error = header("x-amz-function-error").map(|_| "Unhandled");
    let log_tail = String::from_utf8_lossy(&tail).into_owned();
    Ok(Invoked { payload: response.into_body(), function_error, log_tail })
}
