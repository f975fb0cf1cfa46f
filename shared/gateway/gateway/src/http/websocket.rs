//! Who may open a WebSocket for MQTT: whoever signed the request, and whoever a custom authorizer may let in. Which one that is
//! may be said in the CONNECT alone, as the Device SDKs' MQTT 3.1.1 clients say it: so a request without a signature opens, and
//! the gate decides on the CONNECT.
//!
//! Follows "Protocols, port mappings, and authentication" of the AWS IoT Core developer guide: a certificate alone opens none.

use super::answer::json_error;
use super::signature;
use super::told::refused;
use crate::gateway::Gateway;
use crate::peer::{Endpoint, TlsPeer};
use crate::websocket;
use bytes::Bytes;
use drydock_broker::{Lifetime, Peer, Transport};
use drydock_core::event::DisconnectReason;
use drydock_gate::credential::{Credential, HttpRequestFacts};
use http::{Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// How long a signed WebSocket may live ("AWS IoT Core quotas": WebSocket connection duration).
const LIFETIME: Duration = Duration::from_secs(86_400);

/// ALPN of HTTPS with a client certificate, which no WebSocket opens with.
const HTTPS_BY_CERTIFICATE: &[u8] = b"x-amzn-http-ca";

/// A WebSocket that opens.
pub struct Opened {
    /// The answer that opens it.
    pub answer: Response<Bytes>,
    /// Who then speaks MQTT.
    pub peer: Peer,
    /// With whom: the gateway as the account and region see it that the request is signed for.
    pub gateway: Gateway,
}

/// Decides on a request to open a WebSocket.
///
/// # Errors
/// The refusal.
pub async fn open<B>(endpoint: &Endpoint, request: &Request<B>) -> Result<Opened, Response<Bytes>> {
    if !websocket::is_mqtt(request) {
        let why = format!("a WebSocket at `{}`: MQTT is at `/mqtt`", request.uri().path());
        return Err(refused(
            endpoint,
            json_error(StatusCode::NOT_FOUND, "NotFoundException", &why),
            "open it at /mqtt",
        ));
    }
    let facts = HttpRequestFacts::of(request);
    let host = facts.header("host").map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned());
    let stated = signature::read(request);
    let caller = signature::of_websocket(endpoint, request, stated.as_ref())?;
    let scoped = signature::scoped(&endpoint.gateway, stated.as_ref()).await;
    let help = "sign for a region of AWS: an SDK takes it from AWS_REGION, or from its option `region`";
    let gateway = scoped.map_err(|why| refused(endpoint, signature::unscoped(&why), help))?;
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
        None if tls.alpn.as_deref() == Some(HTTPS_BY_CERTIFICATE) => {
            let help =
                "ask for another protocol by ALPN, such as http/1.1, or none: x-amzn-http-ca is for requests alone";
            return Err(refused(endpoint, super::answer::forbidden(&endpoint.gateway), help));
        }
        None => tls.peer(endpoint.remote, Transport::WebSocket, Some(Arc::new(facts))),
    };
    let help = "use a client of MQTT over WebSocket: it sends `Sec-WebSocket-Protocol: mqtt`";
    let accepted = websocket::accept(request).map_err(|refusal| refused(endpoint, refusal, help))?;
    Ok(Opened { answer: accepted, peer, gateway })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dock;
    use std::net::SocketAddr;

    #[tokio::test]
    async fn a_signed_websocket_lives_for_a_day() {
        let dock = Dock::empty().start().await.unwrap();
        let gateway = dock.gateway().clone();
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
        let Opened { answer, peer, .. } = open(&endpoint, &request).await.unwrap();
        assert_eq!(answer.status(), 101);
        let lifetime = peer.lifetime.unwrap();
        assert_eq!(lifetime.after.as_secs(), 86_400);
        assert_eq!(lifetime.reason.as_str(), "WEBSOCKET_TTL_EXPIRATION");
        assert_eq!(peer.server_name.as_deref(), Some("broker.example"));
        let credential = peer.credential.downcast_ref::<Credential>().unwrap();
        assert!(matches!(credential, Credential::SigV4(caller) if caller.access_key == "KEY"), "{credential:?}");
        dock.stop().await;
    }
}
