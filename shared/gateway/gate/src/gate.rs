//! Who may connect and do what: the broker's questions, answered from certificates, things and policies.

use crate::certificate::{self, DeviceCertificate, Standing};
use crate::connect_authorizer;
use crate::credential::{Credential, Shown, Way};
use crate::policy_gate::PolicyGate;
use crate::session::{Session, Source};
use async_trait::async_trait;
use drydock_broker::{Admission, ConnectAttempt, Gate, Peer, Refusal, RefusalKind, SessionGate, Transport};
use drydock_core::names::short;
use drydock_host::notice::help;
use drydock_identity::book::domains::Domain;
use drydock_model::iot::{ApplicationProtocol, AuthenticationType};
use smol_str::SmolStr;
use std::sync::Arc;

impl PolicyGate {
    /// Decides on a connect by the way that the device's domain wants, or else the one that the device chose.
    async fn device(&self, attempt: &ConnectAttempt, shown: &Shown) -> Result<Admission, Refusal> {
        let domain = self.domain(attempt)?;
        let way = match domain.authentication {
            AuthenticationType::Default => shown.way(),
            AuthenticationType::AwsX509 => Way::Certificate,
            AuthenticationType::CustomAuth => Way::Authorizer,
            AuthenticationType::CustomAuthX509 => {
                let certificate = self.certificate(attempt, &shown.chain, &domain).await?;
                return Box::pin(connect_authorizer::connect(self, attempt, shown, &domain, Some(certificate))).await;
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
            Way::Authorizer => Box::pin(connect_authorizer::connect(self, attempt, shown, &domain, None)).await,
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
                match certificate::ask_callback(&self.authorizer_client, domain, chain, &certificate, server_name).await
                {
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
                    help(
                        "activate it (UpdateCertificate), or have a rule on $aws/events/certificates/registered/# do so",
                    ),
                )
            }
            Standing::Refused { id, why, help: step } => {
                self.unproven(attempt, id.as_ref().map_or("", |id| id.as_str()), way, &why);
                refused(RefusalKind::Silent, id.as_ref().map_or("", |id| id.as_str()), why, help(step))
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
