//! Who could not prove who it is: the entry `Connection.AuthNError`, over MQTT and HTTP alike.

use super::{Logs, failure};
use drydock_broker::Who;
use drydock_logging::EventType;
use drydock_model::iot::AuthenticationType;
use std::net::SocketAddr;

/// Over what a client came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// MQTT, that over WebSocket included.
    Mqtt,
    /// HTTPS.
    Http,
}

/// A client that could not prove who it is.
#[derive(Debug, Clone, Copy)]
pub struct Unproven<'a> {
    /// Over what it came.
    pub over: Over,
    /// How it was to prove it; [`AuthenticationType::Default`] where it did not come that far.
    pub way: AuthenticationType,
    /// Its client id; empty where it has none.
    pub client_id: &'a str,
    /// Who it says it is; empty where that is not known.
    pub principal: &'a str,
    /// Where it is.
    pub remote: SocketAddr,
    /// Where it came to, where that is known.
    pub local: Option<SocketAddr>,
    /// The host name that it asked for.
    pub server_name: Option<&'a str>,
}

impl Logs {
    /// Tells of a client that could not prove who it is. `why` begins with AWS's word for the reason, `NOT_AUTHENTICATED: …`.
    pub fn unproven(&self, client: Unproven<'_>, why: &str) {
        let Unproven { over, way, client_id, principal, remote, local, server_name } = client;
        let (reason, details) = why.split_once(": ").unwrap_or(("NOT_AUTHENTICATED", why));
        let who = Who { client_id, principal, remote: Some(remote) };
        let ip = |address: SocketAddr| address.ip().to_canonical().to_string();
        self.tell(EventType::AuthNError, who, failure(reason, details), |entry| {
            entry
                .with("protocol", if over == Over::Mqtt { "MQTT" } else { "HTTP" })
                .with_some("authenticationType", (way != AuthenticationType::Default).then(|| way.as_str()))
                .with_some("clientId", Some(client_id).filter(|id| !id.is_empty()))
                .with_some("principalId", Some(principal).filter(|id| !id.is_empty()))
                .with("sourceIp", ip(remote))
                .with("sourcePort", remote.port())
                .with_some("targetIp", local.map(ip))
                .with_some("targetPort", local.map(|local| local.port()))
                .with_some("serverNameIndication", server_name)
        });
    }
}
