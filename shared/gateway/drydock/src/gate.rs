//! Who may connect and do what: the broker's questions, answered from certificates, things and policies.

use crate::books::Books;
use crate::notice::{Notice, Notices, Tone, Topic as About};
use async_trait::async_trait;
use drydock_broker::{Admission, ConnectAttempt, Gate, Peer, Refusal, RefusalKind, SessionGate};
use drydock_core::CertificateId;
use drydock_policy::Action;
use smol_str::SmolStr;
use std::sync::Arc;

mod certificate;
mod session;

pub use certificate::{DeviceCertificate, Standing, present};
pub use session::HttpsSession;
use session::Session;

/// What a listener knows of its peer.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The certificate chain shown in the TLS handshake, leaf first; its key was proven there.
    Chain(Arc<Vec<Vec<u8>>>),
    /// Nobody in particular: a plain connection for tests, which may do everything.
    Anybody,
}

/// The gateway's gate.
pub struct PolicyGate {
    books: Arc<Books>,
    notices: Notices,
}

impl PolicyGate {
    /// A gate over the rulebooks that tells of each refusal.
    #[must_use]
    pub fn new(books: Arc<Books>, notices: Notices) -> Self {
        Self { books, notices }
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
}

#[async_trait]
impl Gate for PolicyGate {
    async fn connect(&self, attempt: &ConnectAttempt) -> Result<Admission, Refusal> {
        match credential(&attempt.peer) {
            Credential::Anybody => Ok(Admission {
                principal: SmolStr::new_static("anybody"),
                exclusive_thing: None,
                session: Arc::new(Open),
                lifetime: None,
            }),
            Credential::Chain(chain) => {
                let sni = attempt.peer.server_name.as_deref();
                match certificate::present(&self.books, &chain, sni).await {
                    Standing::Active(certificate) => self.decide(attempt, *certificate),
                    Standing::Pending(id) => Err(self.refuse(
                        attempt,
                        RefusalKind::Silent,
                        id.as_str(),
                        format!("connect refused: certificate {} is PENDING_ACTIVATION", short(&id)),
                        vec!["its CA registers certificates just in time: activate it, then connect again".to_owned()],
                    )),
                    Standing::Refused { id, why } => Err(self.refuse(
                        attempt,
                        RefusalKind::Silent,
                        id.as_ref().map_or("", |id| id.as_str()),
                        format!("connect refused: {why}"),
                        Vec::new(),
                    )),
                    Standing::Unknown(why) => Err(self.refuse(
                        attempt,
                        RefusalKind::Unavailable,
                        "",
                        format!("connect refused: {why}"),
                        Vec::new(),
                    )),
                }
            }
        }
    }
}

/// The credential that our own listeners put into a peer; a peer from elsewhere has none.
fn credential(peer: &Peer) -> Credential {
    peer.credential.downcast_ref::<Credential>().cloned().unwrap_or_else(|| Credential::Chain(Arc::new(Vec::new())))
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
