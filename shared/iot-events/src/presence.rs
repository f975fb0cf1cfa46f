//! `$aws/events/presence/{connected,disconnected,connect_failed}/<clientId>`, after "Lifecycle events" of the AWS IoT guide.
//!
//! AWS delivers these more than once and out of order. A connect and the disconnect that ends it share a `versionNumber`,
//! which grows with each connection of a client id and restarts at 0 once the client was away for about an hour (for a
//! persistent session: once that expired). Timestamps are good to two minutes either way: they do not order events.

use crate::EpochMillis;
use serde::{Deserialize, Serialize};

/// Any of the three presence events, told apart by `eventType`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "eventType", rename_all = "snake_case")]
pub enum Presence {
    /// A client connected.
    Connected(Connected),
    /// A client's connection ended.
    Disconnected(Disconnected),
    /// A client was refused.
    ConnectFailed(ConnectFailed),
}

/// A client connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connected {
    /// The MQTT client id.
    pub client_id: String,
    /// The thing, only where the certificate is attached to it exclusively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing_name: Option<String>,
    /// About when.
    pub timestamp: EpochMillis,
    /// Unique to the session, for as long as it lasts.
    pub session_identifier: String,
    /// The certificate id, or the credential of a SigV4 connection.
    pub principal_identifier: String,
    /// Where the client connected from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Which connection of this client id this is.
    pub version_number: u64,
}

/// A client's connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disconnected {
    /// The MQTT client id.
    pub client_id: String,
    /// The thing, only where the certificate is attached to it exclusively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing_name: Option<String>,
    /// About when.
    pub timestamp: EpochMillis,
    /// The session that ended.
    pub session_identifier: String,
    /// The certificate id, or the credential of a SigV4 connection.
    pub principal_identifier: String,
    /// Whether the client sent an MQTT DISCONNECT (or closed its WebSocket properly).
    pub client_initiated_disconnect: bool,
    /// Why the connection ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_reason: Option<DisconnectReason>,
    /// The connection that ended: the number its connect event carried.
    pub version_number: u64,
}

/// A client was refused. There is no session and so no version number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectFailed {
    /// The MQTT client id asked for.
    pub client_id: String,
    /// The thing, only where the certificate is attached to it exclusively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing_name: Option<String>,
    /// About when.
    pub timestamp: EpochMillis,
    /// Unique to the attempt.
    pub session_identifier: String,
    /// The certificate id, or the credential of a SigV4 connection.
    pub principal_identifier: String,
    /// Where the client tried from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Why: AWS documents `AUTHORIZATION_FAILED`.
    pub connect_failure_reason: String,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisconnectReason {
    /// Authentication or authorization failed.
    AuthError,
    /// The client said goodbye.
    ClientInitiatedDisconnect,
    /// The client broke the protocol or a limit.
    ClientError,
    /// The network connection broke.
    ConnectionLost,
    /// Another connection took the client id over.
    #[serde(rename = "DUPLICATE_CLIENTID")]
    DuplicateClientId,
    /// Access was denied, for example to the address.
    ForbiddenAccess,
    /// Silence for one and a half keep-alive intervals.
    MqttKeepAliveTimeout,
    /// An unexpected failure of the service.
    ServerError,
    /// The service ended the connection for its own reasons.
    ServerInitiatedDisconnect,
    /// `DeleteConnection` was called.
    ApiInitiatedDisconnect,
    /// A throttling limit was exceeded.
    Throttled,
    /// The WebSocket lived as long as it may.
    WebsocketTtlExpiration,
    /// A custom authorizer's `disconnectAfterInSeconds` has passed.
    #[serde(rename = "CUSTOMAUTH_TTL_EXPIRATION")]
    CustomAuthTtlExpiration,
    /// A reason that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl DisconnectReason {
    /// AWS's spelling, such as `DUPLICATE_CLIENTID`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AuthError => "AUTH_ERROR",
            Self::ClientInitiatedDisconnect => "CLIENT_INITIATED_DISCONNECT",
            Self::ClientError => "CLIENT_ERROR",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::DuplicateClientId => "DUPLICATE_CLIENTID",
            Self::ForbiddenAccess => "FORBIDDEN_ACCESS",
            Self::MqttKeepAliveTimeout => "MQTT_KEEP_ALIVE_TIMEOUT",
            Self::ServerError => "SERVER_ERROR",
            Self::ServerInitiatedDisconnect => "SERVER_INITIATED_DISCONNECT",
            Self::ApiInitiatedDisconnect => "API_INITIATED_DISCONNECT",
            Self::Throttled => "THROTTLED",
            Self::WebsocketTtlExpiration => "WEBSOCKET_TTL_EXPIRATION",
            Self::CustomAuthTtlExpiration => "CUSTOMAUTH_TTL_EXPIRATION",
            Self::Other(text) => text,
        }
    }
}
