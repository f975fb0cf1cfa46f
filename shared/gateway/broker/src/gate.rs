//! The port through which the broker asks who may connect and do what.

use crate::message::{Protocol, Qos};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::ThingName;
use drydock_core::event::DisconnectReason;
use smol_str::SmolStr;
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How a client reached the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// MQTT over TCP without TLS: tests on loopback only.
    Plain,
    /// MQTT over TLS.
    Tls,
    /// MQTT over WebSocket.
    WebSocket,
}

/// The longest that a connection may live, and the reason that it ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From the CONNECT on.
    pub after: Duration,
    /// `WebsocketTtlExpiration` or `CustomauthTtlExpiration`.
    pub reason: DisconnectReason,
}

/// The other end of a stream, as the listener knows it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address.
    pub remote: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// The host name that it asked for (TLS SNI or HTTP Host).
    pub server_name: Option<SmolStr>,
    /// What the listener found out about the client: a certificate, a signature, nothing. Only the [`Gate`] looks inside.
    pub credential: Arc<dyn Any + Send + Sync>,
    /// A bound on the connection's life that the transport sets.
    pub lifetime: Option<Lifetime>,
}

/// A will, as far as a policy cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WillRequest {
    /// Where it would be published.
    pub topic: SmolStr,
    /// With which level.
    pub qos: Qos,
    /// Whether it would be retained.
    pub retain: bool,
}

/// A well-formed CONNECT that has not been answered yet.
#[derive(Debug, Clone)]
pub struct ConnectAttempt {
    /// Where it came from.
    pub peer: Arc<Peer>,
    /// Its MQTT version.
    pub protocol: Protocol,
    /// The client id; assigned already where the client left it empty.
    pub client_id: SmolStr,
    /// Whether the session is to outlive the connection (`iot:ConnectAttributes` has `PersistentConnect` then).
    pub persistent: bool,
    /// The user name.
    pub username: Option<SmolStr>,
    /// The password.
    pub password: Option<Bytes>,
    /// The will (`iot:ConnectAttributes` has `LastWill` then). The gate checks that it may be published, and retained.
    pub will: Option<WillRequest>,
    /// MQTT 5 User Properties of the CONNECT.
    pub user_properties: Vec<(SmolStr, SmolStr)>,
}

/// A connection that may go on.
pub struct Admission {
    /// The certificate id, or the id of another kind of credential.
    pub principal: SmolStr,
    /// The thing that the connection is attributed to by an exclusive attachment.
    pub exclusive_thing: Option<ThingName>,
    /// Decides on what the connection does from now on.
    pub session: Arc<dyn SessionGate>,
    /// A bound on the connection's life that its authorizer sets.
    pub lifetime: Option<Lifetime>,
}

/// How a connect is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// A policy does not allow it: CONNACK 5, or 0x87, and the event `connect_failed`.
    NotAuthorized,
    /// User name or password are wrong: CONNACK 4, or 0x86.
    BadCredentials,
    /// Something that the decision needs failed: CONNACK 3, or 0x88.
    Unavailable,
    /// The stream is closed without an answer, as AWS IoT closes that of a certificate which is not active.
    Silent,
}

/// A connect that may not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How to refuse.
    pub kind: RefusalKind,
    /// Who it was, for the event; empty where unknown.
    pub principal: SmolStr,
    /// The thing, for the event.
    pub exclusive_thing: Option<ThingName>,
}

/// Decides on connects.
#[async_trait]
pub trait Gate: Send + Sync + 'static {
    /// Whether the client may connect, and who it is then.
    ///
    /// # Errors
    /// [`Refusal`] with the way to refuse.
    async fn connect(&self, attempt: &ConnectAttempt) -> Result<Admission, Refusal>;
}

/// Decides on what one connection does. The broker keeps a decision until [`SessionGate::generation`] changes; it asks
/// anew for each publish and subscribe that was refused, so that each refusal is explained.
pub trait SessionGate: Send + Sync + 'static {
    /// `iot:Publish` on the topic, and `iot:RetainPublish` where `retain`.
    fn publish(&self, topic: &str, retain: bool) -> bool;
    /// `iot:Subscribe` on the filter, as the client sent it.
    fn subscribe(&self, filter: &str) -> bool;
    /// `iot:Receive` on the topic.
    fn receive(&self, topic: &str) -> bool;
    /// User Properties that every message of the client carries besides its own ("Adding propagating attributes for message
    /// enrichment"). Asked for anew when [`generation`](Self::generation) changes.
    fn propagated(&self) -> Option<Arc<[(SmolStr, SmolStr)]>> {
        None
    }
    /// Whether the client may be connected at all, as far as who it is goes: its credential has not been taken back since the
    /// gate let it in. Asked when the connection takes its client id: whoever takes a credential back after that finds it.
    fn holds(&self) -> bool {
        true
    }
    /// Whether the client was let in with a credential besides being its principal, such as the certificate of a client that an
    /// authorizer gave another name.
    fn relies_on(&self, credential: &str) -> bool {
        let _ = credential;
        false
    }
    /// Changes whenever one of the decisions may have changed. Called per message: an atomic load.
    fn generation(&self) -> u64;
}
