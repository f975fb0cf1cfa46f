//! Who may connect and do what: the broker's questions, answered from certificates, things and policies.

use crate::books::Books;
use crate::logs::{Logs, failure};
use crate::notice::{Notice, Notices, Tone, Topic as About};
use async_trait::async_trait;
use drydock_broker::{Admission, ConnectAttempt, Gate, Peer, Refusal, RefusalKind, SessionGate, Who};
use drydock_core::CertificateId;
use drydock_logging::EventType;
use drydock_policy::Action;
use smol_str::SmolStr;
use std::sync::Arc;

mod authorizer;
mod certificate;
mod credential;
mod session;
pub mod supposed;

pub use certificate::{DeviceCertificate, Standing, present};
pub use credential::{Caller, Credential, HttpRequestFacts, Shown, Way};
pub use session::HttpsSession;
use session::Session;

/// The gateway's gate.
pub struct PolicyGate {
    books: Arc<Books>,
    notices: Notices,
    logs: Logs,
}

impl PolicyGate {
    /// A gate over the rulebooks that tells of each refusal.
    #[must_use]
    pub fn new(books: Arc<Books>, notices: Notices, logs: Logs) -> Self {
        Self { books, notices, logs }
    }

    fn refuse(
        &self,
        attempt: &ConnectAttempt,
        kind: RefusalKind,
        principal: &str,
        text: String,
        reasons: Vec<String>,
    ) -> Refusal {
        self.notices.tell(|| Notice {
            at: self.books.now(),
            tone: Tone::Bad,
            topic: About::Connection,
            subject: attempt.client_id.to_string(),
            text,
            reasons,
        });
        Refusal { kind, principal: principal.into(), exclusive_thing: None }
    }

    /// Logs that a client could not prove who it is; `why` begins with AWS's word for the reason.
    fn unproven(&self, attempt: &ConnectAttempt, principal: &str, why: &str) {
        let (reason, details) = why.split_once(": ").unwrap_or(("NOT_AUTHENTICATED", why));
        let peer = &attempt.peer;
        let who = Who { client_id: &attempt.client_id, principal, remote: Some(peer.remote) };
        self.logs.tell(EventType::AuthNError, who, failure(reason, details), |entry| {
            entry
                .with("protocol", "MQTT")
                .with("authenticationType", "AWS_X509")
                .with("clientId", attempt.client_id.as_str())
                .with_some("principalId", Some(principal).filter(|id| !id.is_empty()))
                .with("sourceIp", peer.remote.ip().to_canonical().to_string())
                .with("sourcePort", peer.remote.port())
                .with("targetIp", peer.local.ip().to_canonical().to_string())
                .with("targetPort", peer.local.port())
                .with_some("serverNameIndication", peer.server_name.as_deref())
        });
    }

    /// Decides on a connect with a certificate that may be used.
    fn decide(&self, attempt: &ConnectAttempt, certificate: DeviceCertificate) -> Result<Admission, Refusal> {
        let principal = SmolStr::new(certificate.id.as_str());
        let session = Session::new(&self.books, &self.notices, attempt, certificate);
        let (policies, exclusive_thing) = session.current();
        let refused = |action: Action, name: &str| {
            let explanation = policies.explain(action, name);
            let mut refusal = self.refuse(
                attempt,
                RefusalKind::NotAuthorized,
                &principal,
                format!(
                    "connect refused: {} on {} is not allowed",
                    action.name(),
                    action.resource(&self.books.scope, name)
                ),
                explanation.to_string().lines().map(str::to_owned).collect(),
            );
            refusal.exclusive_thing.clone_from(&exclusive_thing);
            refusal
        };
        if !policies.allows(Action::Connect, &attempt.client_id) {
            return Err(refused(Action::Connect, &attempt.client_id));
        }
        if let Some(will) = &attempt.will {
            if !policies.allows(Action::Publish, &will.topic) {
                return Err(refused(Action::Publish, &will.topic));
            }
            if will.retain && !policies.allows(Action::RetainPublish, &will.topic) {
                return Err(refused(Action::RetainPublish, &will.topic));
            }
        }
        Ok(Admission { principal, exclusive_thing, session: Arc::new(session), lifetime: None })
    }

    /// Decides on a connect with the certificate of the TLS handshake.
    async fn by_certificate(&self, attempt: &ConnectAttempt, chain: &[Vec<u8>]) -> Result<Admission, Refusal> {
        let refused = |kind, principal: &str, why: String, reasons| {
            Err(self.refuse(attempt, kind, principal, format!("connect refused: {why}"), reasons))
        };
        match certificate::present(&self.books, chain, attempt.peer.server_name.as_deref()).await {
            Standing::Active(certificate) => self.decide(attempt, *certificate),
            Standing::Pending(id) => {
                let why = "DEVICE_CERTIFICATE_INACTIVE: the certificate is PENDING_ACTIVATION";
                self.unproven(attempt, id.as_str(), why);
                refused(
                    RefusalKind::Silent,
                    id.as_str(),
                    format!("certificate {} is PENDING_ACTIVATION", short(&id)),
                    vec![
                        "it connects once it is active: after its provisioning, or when somebody activates it"
                            .to_owned(),
                    ],
                )
            }
            Standing::Refused { id, why } => {
                self.unproven(attempt, id.as_ref().map_or("", |id| id.as_str()), &why);
                refused(RefusalKind::Silent, id.as_ref().map_or("", |id| id.as_str()), why, Vec::new())
            }
            Standing::Unknown(why) => refused(RefusalKind::Unavailable, "", why, Vec::new()),
        }
    }
}

#[async_trait]
impl Gate for PolicyGate {
    async fn connect(&self, attempt: &ConnectAttempt) -> Result<Admission, Refusal> {
        match credential(&attempt.peer) {
            Credential::Anybody => Ok(open(SmolStr::new_static("anybody"))),
            // An account's own key: IAM's policies would decide, and there is no IAM here.
            Credential::SigV4(caller) => Ok(open(caller.principal.clone())),
            Credential::Device(shown) => match shown.way() {
                Way::Certificate => self.by_certificate(attempt, &shown.chain).await,
                Way::Authorizer => authorizer::connect(self, attempt, &shown).await,
            },
        }
    }
}

/// The credential that our own listeners put into a peer; a peer from elsewhere has none.
fn credential(peer: &Peer) -> Credential {
    peer.credential.downcast_ref::<Credential>().cloned().unwrap_or_else(|| Credential::Device(Arc::default()))
}

/// Lets a principal do everything.
fn open(principal: SmolStr) -> Admission {
    Admission { principal, exclusive_thing: None, session: Arc::new(Open), lifetime: None }
}

/// The first digits of a certificate id, enough for a person to tell two apart.
#[must_use]
pub fn short(id: &CertificateId) -> &str {
    id.as_str().get(..12).unwrap_or_default()
}

/// A connection that may do everything.
struct Open;

impl SessionGate for Open {
    fn publish(&self, _topic: &str, _retain: bool) -> bool {
        true
    }
    fn subscribe(&self, _filter: &str) -> bool {
        true
    }
    fn receive(&self, _topic: &str) -> bool {
        true
    }
    fn generation(&self) -> u64 {
        0
    }
}
