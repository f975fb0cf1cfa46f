//! One plain HTTP request on a connection of its own: for a server that runs functions, and for subscribed endpoints.

use bytes::Bytes;
use drydock_core::OwnAddresses;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// Sends a request to an `http` URL and reads an answer of at most `limit` bytes, within `within`. To the gateway's own sockets
/// nothing is sent.
pub(crate) async fn send(
    own: &OwnAddresses,
    mut request: Request<Bytes>,
    limit: usize,
    within: Duration,
) -> Result<Response<Bytes>, String> {
    let uri = request.uri().clone();
    if uri.scheme_str() != Some("http") {
        return Err(format!("`{uri}` is not an `http` URL"));
    }
    let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else {
        return Err(format!("`{uri}` names no host"));
    };
    let address = (host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(80));
    let host = HeaderValue::from_str(authority.as_str()).map_err(|e| e.to_string())?;
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| path.clone().into());
    let exchange = async {
        let stream = TcpStream::connect(&address).await.map_err(|e| format!("cannot connect to `{uri}`: {e}"))?;
        let (local, peer) =
            stream.local_addr().and_then(|local| Ok((local, stream.peer_addr()?))).map_err(|e| e.to_string())?;
        if own.are_reached(local.ip(), peer) {
            return Err(format!("`{uri}` is a port of this gateway itself, which it does not send to"));
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        let answer = async {
            let response = sender.send_request(request.map(Full::new)).await.map_err(|e| e.to_string())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, limit).collect().await.map_err(|e| e.to_string())?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        // The connection has to be driven while the answer is awaited; it goes with it.
        tokio::pin!(connection, answer);
        tokio::select! {
            answer = &mut answer => answer,
            _ = &mut connection => answer.await,
        }
    };
    match tokio::time::timeout(within, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("`{uri}` did not answer within {} s", within.as_secs())),
    }
}
