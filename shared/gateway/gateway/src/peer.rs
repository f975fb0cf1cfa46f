//! Who is at the other end of a connection, as far as the listener knows.

use crate::gateway::Gateway;
use drydock_broker::{Peer, Transport};
use drydock_gate::authorizer::kept::Kept;
use drydock_gate::credential::{Credential, HttpRequestFacts, Shown};
use std::net::SocketAddr;
use std::sync::Arc;

/// What the handshake told.
#[derive(Debug, Clone)]
pub struct TlsPeer {
    /// The chain that the client showed, leaf first; empty where it showed none.
    pub chain: Arc<Vec<Vec<u8>>>,
    /// The host name that it asked for.
    pub server_name: Option<String>,
    /// The protocol that was agreed on.
    pub alpn: Option<Vec<u8>>,
    /// Our address.
    pub local: SocketAddr,
    /// What an authorizer said of the device, where it lets HTTP keep it.
    pub kept: Arc<Kept>,
}

impl TlsPeer {
    /// The peer of a connection that shows what the handshake told, and for a WebSocket the request that opened it.
    #[must_use]
    pub fn peer(&self, remote: SocketAddr, transport: Transport, upgrade: Option<Arc<HttpRequestFacts>>) -> Peer {
        Peer {
            remote,
            local: self.local,
            transport,
            server_name: self.server_name.as_deref().map(Into::into),
            credential: Arc::new(Credential::Device(Arc::new(Shown {
                chain: Arc::clone(&self.chain),
                alpn: self.alpn.clone(),
                upgrade,
            }))),
            lifetime: None,
        }
    }
}

impl Endpoint {
    /// The same connection to the gateway as another account or region sees it.
    #[must_use]
    pub fn of(&self, gateway: Gateway) -> Self {
        Self { gateway, ..self.clone() }
    }
}

/// Who answers on a connection, and to whom.
#[derive(Clone)]
pub struct Endpoint {
    /// The gateway.
    pub gateway: Gateway,
    /// The client's address.
    pub remote: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// What the TLS handshake told, where there was one.
    pub tls: Option<TlsPeer>,
}
