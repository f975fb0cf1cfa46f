//! Who watches is told why a connection comes to nothing.

use crate::peer::Endpoint;
use bytes::Bytes;
use drydock_host::notice::{Notice, Tone, Topic, help};
use http::Response;
use serde_json::Value;

/// Tells those who watch why a WebSocket is not opened; the refusal as it is.
pub(super) fn refused(endpoint: &Endpoint, refusal: Response<Bytes>, step: &str) -> Response<Bytes> {
    tell(endpoint, "WebSocket", &refusal, step);
    refusal
}

/// Tells those who watch why something is refused, and what to do about it.
pub(super) fn tell(endpoint: &Endpoint, what: &str, refusal: &Response<Bytes>, step: &str) {
    let host = &endpoint.gateway.host;
    host.told.notices.tell(|| {
        let body: Value = serde_json::from_slice(refusal.body()).unwrap_or_default();
        let why = body.get("message").or_else(|| body.get("Message")).and_then(Value::as_str).unwrap_or_default();
        Notice {
            at: host.books.now(),
            tone: Tone::Bad,
            topic: Topic::Connection,
            subject: endpoint.remote.to_string(),
            text: format!("{what} refused with {}: {why}", refusal.status().as_u16()),
            reasons: help(step),
        }
    });
}
