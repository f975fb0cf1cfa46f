//! What happened, as one stream. A part of the gateway emits events; the composition delivers each to every consumer
//! (lifecycle topics, rules, index, Device Defender, logs). Adding a consumer touches the composition alone.

pub mod commands;
pub mod detect;
pub mod jobs;
pub mod registry;

use crate::arn::Arn;
use crate::clock::Timestamp;
use crate::names::{CertificateId, ThingName, ThingTypeName};
use jobs::{ExecutionStage, ExecutionState, JobStage, JobState};
use registry::{GroupState, HierarchyState, MembershipState, ThingState, TypeState};
use smol_str::SmolStr;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// Why a connection ended, as the `disconnectReason` of the lifecycle event spells it ("Lifecycle events" in the guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are AWS's own, described in the guide's page on lifecycle events")]
pub enum DisconnectReason {
    AuthError,
    ClientInitiatedDisconnect,
    ClientError,
    ConnectionLost,
    DuplicateClientid,
    ForbiddenAccess,
    MqttKeepAliveTimeout,
    ServerError,
    ServerInitiatedDisconnect,
    ApiInitiatedDisconnect,
    Throttled,
    WebsocketTtlExpiration,
    CustomauthTtlExpiration,
}

impl DisconnectReason {
    /// AWS's spelling, for example `CONNECTION_LOST`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthError => "AUTH_ERROR",
            Self::ClientInitiatedDisconnect => "CLIENT_INITIATED_DISCONNECT",
            Self::ClientError => "CLIENT_ERROR",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::DuplicateClientid => "DUPLICATE_CLIENTID",
            Self::ForbiddenAccess => "FORBIDDEN_ACCESS",
            Self::MqttKeepAliveTimeout => "MQTT_KEEP_ALIVE_TIMEOUT",
            Self::ServerError => "SERVER_ERROR",
            Self::ServerInitiatedDisconnect => "SERVER_INITIATED_DISCONNECT",
            Self::ApiInitiatedDisconnect => "API_INITIATED_DISCONNECT",
            Self::Throttled => "THROTTLED",
            Self::WebsocketTtlExpiration => "WEBSOCKET_TTL_EXPIRATION",
            Self::CustomauthTtlExpiration => "CUSTOMAUTH_TTL_EXPIRATION",
        }
    }
}

/// Who a connection is, in the words of the lifecycle events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The MQTT client id.
    pub client_id: SmolStr,
    /// The thing the connection is attributed to by an exclusive attachment; named in lifecycle events only then.
    pub exclusive_thing: Option<ThingName>,
    /// The certificate id, or the id of another kind of credential.
    pub principal: SmolStr,
    /// Lasts as long as the session.
    pub session_identifier: SmolStr,
    /// The peer's address.
    pub ip: IpAddr,
}

/// Something that happened in the gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A device showed a certificate of a CA with auto-registration that is not active yet ("Register a client certificate
    /// when the client connects to AWS IoT"): emitted at the first sight and at each further one.
    CertificatePending {
        /// The device's certificate.
        certificate_id: CertificateId,
        /// The CA that signed it.
        ca_certificate_id: CertificateId,
        /// When it was first seen.
        registered_at: Timestamp,
        /// Now.
        at: Timestamp,
    },
    /// The same for a certificate whose CA provisions its devices by a template ("Just-in-time provisioning").
    CertificateToProvision {
        /// The device's certificate.
        certificate_id: CertificateId,
        /// The CA that signed it.
        ca_certificate_id: CertificateId,
        /// Now.
        at: Timestamp,
    },
    /// A certificate's status changed, or the certificate is gone (`active` is false then).
    CertificateStatusChanged {
        /// The certificate.
        certificate_id: CertificateId,
        /// Whether it may connect now.
        active: bool,
    },
    /// A certificate's validity has ended: what connected with it is cut.
    CertificateExpired {
        /// The certificate.
        certificate_id: CertificateId,
        /// The first moment at which it was no longer valid.
        at: Timestamp,
    },
    /// A device asked the credentials provider for credentials (the log entry `GetDeviceCredentials`).
    DeviceCredentials {
        /// The device's certificate.
        certificate_id: CertificateId,
        /// Whether it got them.
        success: bool,
        /// Which ones, or why not.
        details: String,
        /// When.
        at: Timestamp,
    },
    /// A topic rule destination waits to be confirmed ("HTTP action destinations" in the guide).
    DestinationToConfirm {
        /// The destination.
        arn: Arn,
    },
    /// What a principal or thing may do may have changed: sessions decide anew.
    AuthorizationChanged,
    /// A client is connected.
    ClientConnected {
        /// Who.
        client: Arc<ClientIdentity>,
        /// Shared with the disconnect that follows.
        version: u64,
        /// When.
        at: Timestamp,
    },
    /// A client is gone.
    ClientDisconnected {
        /// Who.
        client: Arc<ClientIdentity>,
        /// That of the connect it belongs to.
        version: u64,
        /// Why.
        reason: DisconnectReason,
        /// When.
        at: Timestamp,
    },
    /// A connect was refused by a policy.
    ConnectFailed {
        /// Who.
        client: Arc<ClientIdentity>,
        /// When.
        at: Timestamp,
    },
    /// A client subscribed.
    Subscribed {
        /// Who.
        client: Arc<ClientIdentity>,
        /// The filters that were granted.
        topics: Vec<SmolStr>,
        /// When.
        at: Timestamp,
    },
    /// A client unsubscribed.
    Unsubscribed {
        /// Who.
        client: Arc<ClientIdentity>,
        /// The filters.
        topics: Vec<SmolStr>,
        /// When.
        at: Timestamp,
    },
    /// A thing was created, updated or deleted.
    ThingChanged {
        /// As it is now, or was last.
        thing: Box<ThingState>,
        /// What happened to it.
        change: Change,
        /// When.
        at: Timestamp,
    },
    /// A thing type was created, updated, deprecated or deleted.
    ThingTypeChanged {
        /// As it is now, or was last.
        thing_type: Box<TypeState>,
        /// What happened to it.
        change: Change,
        /// When.
        at: Timestamp,
    },
    /// A thing got a type, or has it no longer.
    ThingTypeAssociation {
        /// The thing.
        thing: ThingName,
        /// Its id.
        thing_id: Uuid,
        /// The type.
        thing_type: ThingTypeName,
        /// Whether it has the type now.
        link: Link,
        /// When.
        at: Timestamp,
    },
    /// A thing group was created, updated or deleted.
    ThingGroupChanged {
        /// As it is now, or was last.
        group: Box<GroupState>,
        /// What happened to it.
        change: Change,
        /// When.
        at: Timestamp,
    },
    /// A thing was put into a thing group, or taken out.
    ThingGroupMembership {
        /// Which thing, which group.
        membership: Box<MembershipState>,
        /// Whether it is in the group now.
        link: Link,
        /// When.
        at: Timestamp,
    },
    /// A thing group was made as a child of another, or is gone from there.
    ThingGroupHierarchy {
        /// Which child, which parent.
        hierarchy: Box<HierarchyState>,
        /// Whether it is a child now.
        link: Link,
        /// When.
        at: Timestamp,
    },
    /// A shadow was updated or deleted.
    ShadowChanged {
        /// Whose; it need not be registered.
        thing: SmolStr,
        /// The shadow's name; the classic one has none.
        name: Option<SmolStr>,
    },
    /// A job has come to something.
    JobChanged {
        /// As it is now, or was last.
        job: Box<JobState>,
        /// To what.
        stage: JobStage,
        /// When.
        at: Timestamp,
    },
    /// A job execution has ended, or is gone.
    JobExecutionChanged {
        /// As it is now, or was last.
        execution: Box<ExecutionState>,
        /// To what it has come.
        stage: ExecutionStage,
        /// When.
        at: Timestamp,
    },
    /// A command execution has another status.
    CommandExecutionChanged {
        /// As it is now.
        execution: Box<commands::ExecutionState>,
        /// When.
        at: Timestamp,
    },
    /// A device violates a behavior of AWS IoT Device Defender Detect, or does so no longer.
    ViolationChanged {
        /// As it is now, or was last.
        violation: Box<detect::ViolationState>,
        /// When.
        at: Timestamp,
    },
    /// What AWS IoT Device Defender Detect has found in these things is another matter, though no violation began or ended: the last
    /// value of one that goes on, one that is kept no longer, a security profile that came or went.
    FoundOtherwise {
        /// Their names.
        things: Vec<SmolStr>,
    },
}

/// What happened to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It exists now.
    Created,
    /// It is different.
    Updated,
    /// It is gone.
    Deleted,
}

/// Whether two resources belong together now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// They do.
    Added,
    /// They do no longer.
    Removed,
}
