//! All that the services have in common, in one value. What only one service needs is a field of that service.

use crate::books::Books;
use crate::issuing::Issuer;
use crate::logs::Logs;
use crate::notice::Notices;
use crate::presign::Links;
use crate::roles::{Role, Roles, Unassumable};
use drydock_broker::Broker;
use drydock_cloud::Cloud;
use drydock_identity::trust::Assumer;
use drydock_tasks::Tasks;
use std::sync::Arc;

/// What every service stands on. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Host {
    /// The rulebooks, with the clock and the randomness that their commands need.
    pub books: Arc<Books>,
    /// The MQTT broker.
    pub broker: Broker,
    /// The stand-ins beside AWS IoT.
    pub cloud: Cloud,
    /// What people are told.
    pub told: Told,
    /// Who makes keys and certificates for devices.
    pub issuer: Issuer,
    /// The IAM roles of the template.
    pub roles: Arc<Roles>,
    /// Who makes links to objects.
    pub links: Links,
    /// Where the gateway is reached.
    pub endpoints: Endpoints,
    /// Whether anything outlives the process.
    pub durable: bool,
    /// What goes on beside requests: ended when the gateway stops.
    pub tasks: Tasks,
}

impl Host {
    /// Whether a role may be assumed for some seconds: one that IAM holds by what it says, any other as [`Roles::assume`] has it.
    ///
    /// # Errors
    /// [`Unassumable`].
    pub fn assume(&self, arn: &str, who: Assumer<'_>, seconds: i64) -> Result<(), Unassumable> {
        match self.cloud.iam().role(arn) {
            Some(role) => {
                let role = Role { trust: role.trust, max_session_seconds: i64::from(role.max_session_seconds) };
                role.assume(arn, who, seconds)
            }
            None => self.roles.assume(arn, who, seconds),
        }
    }
}

/// Where the gateway is reached, as it tells others: host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The AWS API.
    pub api: String,
    /// HTTPS and MQTT over mutual TLS: without the port where it is 443, which is what SDKs take when they are given a name alone.
    pub tls: String,
    /// The credentials provider: the same, but where AWS's names are played.
    pub credentials: String,
}

/// What people are told: at once, and in AWS's log entries.
#[derive(Clone)]
pub struct Told {
    /// The stream of notices.
    pub notices: Notices,
    /// The AWS-style logs.
    pub logs: Logs,
}
