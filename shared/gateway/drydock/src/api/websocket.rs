//! Who may open a WebSocket for MQTT: whoever signed the request, and whoever a custom authorizer may let in.
//!
//! Follows "Protocols, port mappings, and authentication" of the AWS IoT Core developer guide: a certificate alone opens none.

use super::http::Endpoint;
use crate::gate::{Credential, HttpRequestFacts};
use crate::listen::TlsPeer;
use crate::websocket;
use bytes::Bytes;
use drydock_broker::{Lifetime, Peer, Transport};
use drydock_core::event::DisconnectReason;
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;

/// How long a signed WebSocket may live ("AWS IoT Core quotas": WebSocket connection duration).
const LIFETIME: Duration = Duration::from_secs(86_400);

/// How a device names its authorizer.
const AUTHORIZER: &str = "x-amz-customauthorizer-name";

/// Decides on a request to open a WebSocket: the response that does, and the peer that then speaks MQTT.
///
/// # Errors
/// The refusal.
pub fn open<B>(endpoint: &Endpoint, request: &Request<B>) -> Result<(Response<Bytes>, Peer), Response<Bytes>> {
    let facts = HttpRequestFacts::of(request);
    let host = facts.header("host").map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned());
    let caller = super::signature::of_websocket(&endpoint.gateway, request)?;
    let nothing = || TlsPeer {
        chain: Arc::default(),
        server_name: None,
        alpn: None,
        local: endpoint.local,
        kept: Arc::default(),
    };
    let mut tls = endpoint.tls.clone().unwrap_or_else(nothing);
    tls.server_name = tls.server_name.or(host);
    let peer = match caller {
        Some(caller) => Peer {
            credential: Arc::new(Credential::SigV4(Arc::new(caller))),
            lifetime: Some(Lifetime { after: LIFETIME, reason: DisconnectReason::WebsocketTtlExpiration }),
            ..tls.peer(endpoint.remote, Transport::WebSocket, None)
        },
        None if may_ask_an_authorizer(endpoint, &tls, &facts) => {
            tls.peer(endpoint.remote, Transport::WebSocket, Some(Arc::new(facts)))
        }
        None => return Err(super::device::forbidden(&endpoint.gateway)),
    };
    Ok((websocket::accept(request)?, peer))
}

/// Whether a custom authorizer can be meant: one is named in the request, is the domain's or the account's default, or ALPN was
/// used, so that the credentials may come with the CONNECT.
fn may_ask_an_authorizer(endpoint: &Endpoint, tls: &TlsPeer, facts: &HttpRequestFacts) -> bool {
    let alpn = tls.alpn.as_deref();
    if alpn == Some(b"x-amzn-http-ca") {
        return false;
    }
    let in_query = super::service::query_value(&facts.query, AUTHORIZER);
    let named = facts.header(AUTHORIZER).or(in_query.as_deref());
    let known = endpoint.gateway.books().identity.read(|identity| {
        let domain = identity.domain(tls.server_name.as_deref());
        identity.choose_authorizer(named, domain.authorizer.as_ref()).is_ok()
    });
    known || alpn.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::gateway::{Gateway, Options};
    use drydock_core::Scope;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    #[tokio::test]
    async fn a_signed_websocket_lives_for_a_day() {
        let options = Options {
            scope: Scope::new("123456789012", "us-east-1"),
            data_dir: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            api_port: 0,
            mqtt_port: 0,
            tls_port: 0,
            plain_port: None,
            lambda_endpoint: None,
            config: Config::default(),
        };
        let (gateway, running) = Gateway::open(options).await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let endpoint = Endpoint { gateway: gateway.clone(), remote: address, local: address, tls: None };
        let request =
            Request::get("/mqtt?X-Amz-Credential=KEY%2F20260101%2Fus-east-1%2Fiotdevicegateway%2Faws4_request")
                .header("host", "broker.example:443")
                .header("upgrade", "websocket")
                .header("connection", "upgrade")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("sec-websocket-protocol", "mqtt")
                .body(())
                .unwrap();
        let (response, peer) = open(&endpoint, &request).unwrap();
        assert_eq!(response.status(), 101);
        let lifetime = peer.lifetime.unwrap();
        assert_eq!(lifetime.after.as_secs(), 86_400);
        assert_eq!(lifetime.reason.as_str(), "WEBSOCKET_TTL_EXPIRATION");
        assert_eq!(peer.server_name.as_deref(), Some("broker.example"));
        let credential = peer.credential.downcast_ref::<Credential>().unwrap();
        assert!(matches!(credential, Credential::SigV4(caller) if caller.access_key == "KEY"), "{credential:?}");
        gateway.stop(running).await;
    }
}
