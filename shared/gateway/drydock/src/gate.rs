//! Who may connect and do what: the broker's questions, answered from certificates, things and policies.

use crate::authorizer::Asker;
use crate::authorizer::renewal::Cut;
use crate::books::Books;
use crate::logs::{Logs, Over, Unproven};
use crate::notice::{Notice, Notices, Tone, Topic as About};
use async_trait::async_trait;
use drydock_broker::{Admission, ConnectAttempt, Gate, Lifetime, Peer, Refusal, RefusalKind, SessionGate, Transport};
use drydock_core::CertificateId;
use drydock_identity::book::domains::Domain;
use drydock_model::iot::{ApplicationProtocol, AuthenticationType};
use drydock_policy::Action;
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

pub(crate) mod authorizer;
mod certificate;
mod credential;
mod session;
pub mod supposed;

pub use certificate::{DeviceCertificate, Standing, ask_callback, present};
pub use credential::{Caller, Credential, HttpRequestFacts, Shown, Way};
use session::Session;
pub use session::{HttpsSession, Source};

/// The gateway's gate.
pub struct PolicyGate {
    books: Arc<Books>,
    notices: Notices,
    logs: Logs,
    asker: Asker,
    cuts: UnboundedSender<Cut>,
}

impl PolicyGate {
    /// A gate over the rulebooks that tells of each refusal. It names those connections to `cuts` that their authorizer does
    /// not let in any more.
    #[must_use]
    pub fn new(books: Arc<Books>, notices: Notices, logs: Logs, asker: Asker, cuts: UnboundedSender<Cut>) -> Self {
        Self { books, notices, logs, asker, cuts }
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
    fn unproven(&self, attempt: &ConnectAttempt, principal: &str, way: AuthenticationType, why: &str) {
        let peer = &attempt.peer;
        let client = Unproven {
            over: Over::Mqtt,
            way,
            client_id: &attempt.client_id,
            principal,
            remote: peer.remote,
            local: Some(peer.local),
            server_name: peer.server_name.as_deref(),
        };
        self.logs.unproven(client, why);
    }

    /// Decides on a connect of a principal that is who it claims to be.
    fn decide(
        &self,
        attempt: &ConnectAttempt,
        principal: SmolStr,
        session: Arc<Session>,
        lifetime: Option<Lifetime>,
    ) -> Result<Admission, Refusal> {
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
        Ok(Admission { principal, exclusive_thing, session, lifetime })
    }

    /// Decides on a connect by the way that the device's domain wants, or else the one that the device chose.
    async fn device(&self, attempt: &ConnectAttempt, shown: &Shown) -> Result<Admission, Refusal> {
        let domain = self.domain(attempt)?;
        let way = match domain.authentication {
            AuthenticationType::Default => shown.way(),
            AuthenticationType::AwsX509 => Way::Certificate,
            AuthenticationType::CustomAuth => Way::Authorizer,
            AuthenticationType::CustomAuthX509 => {
                let certificate = self.certificate(attempt, &shown.chain, &domain).await?;
                return Box::pin(authorizer::connect(self, attempt, shown, &domain, Some(certificate))).await;
            }
            AuthenticationType::AwsSigv4 => return Err(self.misled(attempt, &domain, "is for signed requests")),
        };
        match way {
            Way::Certificate => {
                let certificate = self.certificate(attempt, &shown.chain, &domain).await?;
                let principal = SmolStr::new(certificate.id.as_str());
                let source = Source { certificate: Some(certificate), returned: None };
                let session = Session::new(&self.books, &self.notices, attempt, source);
                self.decide(attempt, principal, Arc::new(session), None)
            }
            // On the heap, as few connects need it: it would make room for a call of a function in every connect.
            Way::Authorizer => Box::pin(authorizer::connect(self, attempt, shown, &domain, None)).await,
        }
    }

    /// The configuration of the domain that the client asked for, where it may connect there at all.
    fn domain(&self, attempt: &ConnectAttempt) -> Result<Domain, Refusal> {
        let domain = self.books.identity.read(|identity| identity.domain(attempt.peer.server_name.as_deref()));
        if !domain.enabled {
            let why = format!("DOMAIN_CONFIGURATION_DISABLED: `{}` is disabled", domain.name);
            return Err(self.turned_away(attempt, &domain, &why));
        }
        let websocket = attempt.peer.transport == Transport::WebSocket;
        match domain.application {
            ApplicationProtocol::SecureMqtt if websocket => {
                Err(self.misled(attempt, &domain, "is for MQTT without WebSocket"))
            }
            ApplicationProtocol::MqttWss if !websocket => {
                Err(self.misled(attempt, &domain, "is for MQTT over WebSocket"))
            }
            ApplicationProtocol::Https => Err(self.misled(attempt, &domain, "is for HTTPS")),
            _ => Ok(domain),
        }
    }

    /// The refusal of a client that connects in another way than its domain is for.
    fn misled(&self, attempt: &ConnectAttempt, domain: &Domain, why: &str) -> Refusal {
        let why = format!("NOT_AUTHENTICATED: the domain configuration `{}` {why}", domain.name);
        self.turned_away(attempt, domain, &why)
    }

    fn turned_away(&self, attempt: &ConnectAttempt, domain: &Domain, why: &str) -> Refusal {
        self.unproven(attempt, "", domain.authentication, why);
        self.refuse(attempt, RefusalKind::Silent, "", format!("connect refused: {why}"), Vec::new())
    }

    /// The certificate of the TLS handshake, where it may be used.
    async fn certificate(
        &self,
        attempt: &ConnectAttempt,
        chain: &[Vec<u8>],
        domain: &Domain,
    ) -> Result<DeviceCertificate, Refusal> {
        let refused = |kind, principal: &str, why: String, reasons| {
            Err(self.refuse(attempt, kind, principal, format!("connect refused: {why}"), reasons))
        };
        let way = match domain.authentication {
            AuthenticationType::CustomAuthX509 => AuthenticationType::CustomAuthX509,
            _ => AuthenticationType::AwsX509,
        };
        match certificate::present(&self.books, chain, attempt.peer.server_name.as_deref()).await {
            Standing::Active(certificate) => {
                let server_name = attempt.peer.server_name.as_deref();
                match certificate::ask_callback(&self.asker, domain, chain, &certificate, server_name).await {
                    Ok(()) => Ok(*certificate),
                    Err(why) => {
                        self.unproven(attempt, certificate.id.as_str(), way, &why);
                        refused(RefusalKind::Silent, certificate.id.as_str(), why, Vec::new())
                    }
                }
            }
            Standing::Pending(id) => {
                let why = "DEVICE_CERTIFICATE_INACTIVE: the certificate is PENDING_ACTIVATION";
                self.unproven(attempt, id.as_str(), way, why);
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
                self.unproven(attempt, id.as_ref().map_or("", |id| id.as_str()), way, &why);
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
            Credential::SigV4(caller) => {
                let domain = self.domain(attempt)?;
                match domain.authentication {
                    AuthenticationType::Default | AuthenticationType::AwsSigv4 => Ok(open(caller.principal.clone())),
                    _ => Err(self.misled(attempt, &domain, "is not for signed requests")),
                }
            }
            Credential::Device(shown) => self.device(attempt, &shown).await,
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
