//! MQTT over WebSocket: the opening request, and then a stream of bytes as over TCP.
//!
//! Follows RFC 6455, chapter 6 of MQTT 3.1.1 and of MQTT 5, and "MQTT" of the AWS IoT Core developer guide.
//!
//! The framing is our own, in [`frames`]: MQTT needs a stream of bytes, and no message has to be put together. Bytes are unmasked
//! where they were read, and a connection at rest holds no buffer; the crates for WebSocket keep buffers for each connection and
//! copy each message.

pub mod frames;

use crate::http::answer::json_error;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

pub use frames::Frames;

/// The path of the endpoint.
const PATH: &str = "/mqtt";
/// What a server adds to the client's key (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The subprotocols that are MQTT; the second is what clients of MQTT 3.1 ask for.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];

/// Whether a request asks for a WebSocket.
#[must_use]
pub fn asks<B>(request: &Request<B>) -> bool {
    has(request.headers(), &UPGRADE, "websocket")
}

/// Whether a request is for the path of MQTT.
#[must_use]
pub fn is_mqtt<B>(request: &Request<B>) -> bool {
    request.uri().path() == PATH
}

/// Answers such a request: with the response that switches protocols, or with why not.
///
/// # Errors
/// The refusal: 400, or 426 for another version of the protocol.
pub fn accept<B>(request: &Request<B>) -> Result<Response<Bytes>, Response<Bytes>> {
    let headers = request.headers();
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if request.method() != Method::GET || !has(headers, &CONNECTION, "upgrade") {
        return Err(bad("a WebSocket is opened with GET and the header `Connection: Upgrade`"));
    }
    if text(&SEC_WEBSOCKET_VERSION) != "13" {
        let mut refusal =
            json_error(StatusCode::UPGRADE_REQUIRED, "InvalidRequestException", "Sec-WebSocket-Version must be 13");
        refusal.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(refusal);
    }
    let key = text(&SEC_WEBSOCKET_KEY);
    if !STANDARD.decode(key).is_ok_and(|key| key.len() == 16) {
        return Err(bad("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    // MQTT-6.0.0-3 and -4: the client asks for `mqtt`, and the server names what it chose.
    let protocol = PROTOCOLS.into_iter().find(|known| has(headers, &SEC_WEBSOCKET_PROTOCOL, known));
    let protocol = protocol.ok_or_else(|| bad("Sec-WebSocket-Protocol must have `mqtt`"))?;
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

/// Whether one of a header's values, which may be lists, has a word.
fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
}

fn bad(why: &str) -> Response<Bytes> {
    json_error(StatusCode::BAD_REQUEST, "InvalidRequestException", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(change: impl FnOnce(&mut Request<()>)) -> Request<()> {
        let mut request = Request::get("/mqtt?X-Amz-Signature=1")
            .header("upgrade", "WebSocket")
            .header("connection", "keep-alive, Upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "mqttv3.1, mqtt")
            .body(())
            .unwrap();
        change(&mut request);
        request
    }

    #[test]
    fn the_example_of_the_rfc_is_answered() {
        let request = opening(|_| {});
        assert!(asks(&request));
        let response = accept(&request).unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers()["sec-websocket-protocol"], "mqtt");
    }

    #[test]
    fn what_is_no_opening_is_told_why() {
        for (name, value, status) in [
            ("sec-websocket-version", "8", 426),
            ("sec-websocket-key", "short", 400),
            ("sec-websocket-protocol", "amqp", 400),
            ("connection", "close", 400),
        ] {
            let request = opening(|request| {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            });
            assert_eq!(accept(&request).unwrap_err().status(), status, "{name}: {value}");
        }
        let other = opening(|request| *request.uri_mut() = "/topics/a".parse().unwrap());
        assert!(asks(&other) && !is_mqtt(&other));
    }
}
