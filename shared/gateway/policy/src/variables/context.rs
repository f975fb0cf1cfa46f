//! The facts about a connection that a policy may ask for.

use super::certificate::CertificateFacts;
use drydock_core::{Scope, Timestamp};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The facts about a connection or request.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The account and region.
    pub scope: Scope,
    /// The time, for `aws:CurrentTime` and `aws:EpochTime`.
    pub now: Timestamp,
    /// The MQTT client id; none for a request over HTTPS.
    pub client_id: Option<SmolStr>,
    /// The peer's address.
    pub source_ip: Option<IpAddr>,
    /// The host name that the client connected to (SNI).
    pub domain_name: Option<SmolStr>,
    /// The certificate that the client authenticated with.
    pub certificate: Option<Arc<CertificateFacts>>,
    /// What the CONNECT asks for.
    pub connect: Option<ConnectFacts>,
    /// The thing that the connection is attributed to: the one its certificate is attached to exclusively, or the one whose
    /// name is the client id and which has the certificate attached ("Associating an AWS IoT thing to an MQTT client
    /// connection").
    pub thing: Option<Arc<ThingFacts>>,
    /// Further keys with their values, the names in lower case; for example those of an Amazon Cognito identity.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// A context that knows nothing but where and when.
    #[must_use]
    pub fn new(scope: Scope, now: Timestamp) -> Self {
        Self {
            scope,
            now,
            client_id: None,
            source_ip: None,
            domain_name: None,
            certificate: None,
            connect: None,
            thing: None,
            keys: BTreeMap::new(),
        }
    }
}

/// What a CONNECT asks for: `iot:ConnectAttributes` and `iot:LastWillTopic`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectFacts {
    /// Whether the session is to outlive the connection.
    pub persistent: bool,
    /// The will's topic.
    pub last_will_topic: Option<SmolStr>,
}

/// What a policy may ask about a thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThingFacts {
    /// Its name.
    pub name: SmolStr,
    /// Its type's name.
    pub type_name: Option<SmolStr>,
    /// Its attributes.
    pub attributes: BTreeMap<SmolStr, SmolStr>,
}
