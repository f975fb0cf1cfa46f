//! A device shows a certificate. Follows "Register a client certificate when the client connects to AWS IoT just-in-time
//! registration (JITR)" and the reasons of the log entry `Connection.AuthNError`.

use super::row::{CertificateRow, Provisioning};
use super::{Held, Identity};
use crate::x509::{Certificate, certificate_id, signed_digest};
use drydock_core::{CertificateId, Done, Event, Ids, Timestamp};
use drydock_model::iot::{AutoRegistrationStatus, CACertificateStatus, CertificateMode, CertificateStatus};
use std::fmt;

/// Why a certificate may not connect, as the log entry `Connection.AuthNError` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is registered and neither active nor revoked: inactive, waiting for activation, or in transfer.
    DeviceCertificateInactive,
    /// Nobody registered it, and it does not register itself.
    DeviceCertificateNotRegistered,
    /// It was revoked.
    DeviceCertificateRevoked,
    /// It is malformed, expired or not valid yet.
    NotAuthenticated,
    /// It may only be used by clients that name the server.
    SniMisused,
}

impl Reason {
    /// AWS's spelling, for example `DEVICE_CERTIFICATE_INACTIVE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceCertificateInactive => "DEVICE_CERTIFICATE_INACTIVE",
            Self::DeviceCertificateNotRegistered => "DEVICE_CERTIFICATE_NOT_REGISTERED",
            Self::DeviceCertificateRevoked => "DEVICE_CERTIFICATE_REVOKED",
            Self::NotAuthenticated => "NOT_AUTHENTICATED",
            Self::SniMisused => "SNI_MISUSED",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::DeviceCertificateInactive => "activate it: UpdateCertificate with the new status ACTIVE",
            Self::DeviceCertificateNotRegistered => {
                "register it (RegisterCertificate, RegisterCertificateWithoutCA), or its CA, active and with auto-registration"
            }
            Self::DeviceCertificateRevoked => "give the device another certificate",
            Self::NotAuthenticated => {
                "give the device a certificate that is valid now; `drydock clock` shows the gateway's time"
            }
            Self::SniMisused => "have the client call the gateway by a name, which it sends as SNI",
        }
    }
}

/// A certificate that may not connect, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's reason.
    pub reason: Reason,
    /// The certificate's id; absent where it is malformed.
    pub certificate_id: Option<CertificateId>,
    /// What was found, and what to do.
    pub why: String,
    /// Set where the certificate waits for activation and its CA provisions its devices by a template.
    pub provisioning: Option<Box<Provisioning>>,
}

impl Refusal {
    fn new(reason: Reason, id: Option<&CertificateId>, why: impl Into<String>) -> Self {
        Self { reason, certificate_id: id.cloned(), why: why.into(), provisioning: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.why)
    }
}

impl std::error::Error for Refusal {}

/// A certificate that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The principal of the connection.
    pub certificate_id: CertificateId,
    /// Valid until: the connection is to end then.
    pub not_after: Timestamp,
    /// The provisioning template that it may be used for, and nothing else, where it is a provisioning claim.
    pub claim: Option<String>,
}

impl Identity {
    /// Whether a certificate may pass the TLS handshake: one that is registered in whatever state, or one that registers itself.
    /// Changes nothing; [`Self::present`] follows when the handshake is through.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn admits(&self, chain: &[&[u8]], now: Timestamp) -> Result<(), Refusal> {
        if self.registered(chain).is_some() || self.claim(chain).is_some() {
            return Ok(());
        }
        self.registrable(&own(chain)?, now).map(|_| ())
    }

    /// Finds what a client sent among the registered certificates. Its digest is enough, so that the usual connection does not
    /// cost the reading of a certificate; where the digest is not known, it may still be one of them with another signature.
    fn registered(&self, chain: &[&[u8]]) -> Option<(&CertificateId, &CertificateRow)> {
        let own = chain.first()?;
        self.certificates.get_key_value(&certificate_id(own)).or_else(|| {
            let id = self.by_signed.get(&signed_digest(own)?)?;
            self.certificates.get_key_value(id)
        })
    }

    /// A certificate comes with a connection whose key is proven. `chain` is what the client sent, its own first; `sni` is the
    /// server name that it asked for.
    ///
    /// A certificate that is active and valid is admitted. One that nobody registered is registered as `PENDING_ACTIVATION` where
    /// an active CA with auto-registration signed it; each sight of a pending one is told as [`Event::CertificatePending`], and
    /// the connection is refused until somebody activates it. Where the CA provisions its devices by a template, that is told
    /// instead, as [`Event::CertificateToProvision`].
    pub fn present(
        &mut self,
        chain: &[&[u8]],
        sni: Option<&str>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Done<Result<Admitted, Refusal>> {
        if let Some((id, row)) = self.registered(chain) {
            return self.known_shown(id, row, sni, now);
        }
        if let Some((id, claim)) = self.claim(chain) {
            if now >= claim.expires {
                let why = format!("the provisioning claim expired at {}", claim.expires);
                return Done::reply(Err(Refusal::new(Reason::NotAuthenticated, Some(id), why)));
            }
            let (certificate_id, claim_for) = (id.clone(), Some(claim.template.clone()));
            return Done::reply(Ok(Admitted { certificate_id, not_after: claim.expires, claim: claim_for }));
        }
        let certificate = match own(chain) {
            Ok(certificate) => certificate,
            Err(refusal) => return Done::reply(Err(refusal)),
        };
        let id = certificate.id();
        let (authority, mode, provisioning) = match self.registrable(&certificate, now) {
            Ok((authority, held)) => (authority.clone(), held.row.mode, held.row.provisioning.clone()),
            Err(refusal) => return Done::reply(Err(refusal)),
        };
        let status = CertificateStatus::PendingActivation;
        let row = CertificateRow::new(&certificate, status, mode, Some(authority.clone()), now, ids);
        let why =
            format!("it was registered just now, by the CA certificate `{authority}`, and waits for its activation");
        let event = waiting(id, &authority, provisioning.is_some(), now, now);
        let refusal = pending(id, why, provisioning);
        let write = self.keep(id.clone(), row);
        Done::written(Err(refusal), vec![write]).with(event)
    }

    /// Whether a certificate that was admitted may still be used: it is there, active and has not expired.
    #[must_use]
    pub fn is_good(&self, id: &CertificateId, now: Timestamp) -> bool {
        self.certificates.get(id).is_some_and(|row| row.is_active() && now.seconds() <= row.not_after.seconds())
    }

    fn known_shown(
        &self,
        id: &CertificateId,
        row: &CertificateRow,
        sni: Option<&str>,
        now: Timestamp,
    ) -> Done<Result<Admitted, Refusal>> {
        let refuse = |reason, why: String| Done::reply(Err(Refusal::new(reason, Some(id), why)));
        let inactive = |what: &str| refuse(Reason::DeviceCertificateInactive, what.to_owned());
        match row.status {
            CertificateStatus::Active => {}
            CertificateStatus::Revoked => {
                return refuse(Reason::DeviceCertificateRevoked, "it is revoked: the device needs another one".into());
            }
            CertificateStatus::Inactive => return inactive("it is inactive: set it to ACTIVE with UpdateCertificate"),
            CertificateStatus::RegisterInactive => {
                return inactive("it is registered as inactive: set it to ACTIVE with UpdateCertificate");
            }
            CertificateStatus::PendingTransfer => {
                return inactive("it is on its way to another account, which has not accepted it yet");
            }
            CertificateStatus::PendingActivation => {
                let Some(authority) = &row.authority else {
                    return inactive("it waits for its activation: set it to ACTIVE with UpdateCertificate");
                };
                let provisioning = self.authorities.get(authority).and_then(|held| held.row.provisioning.clone());
                let why = format!("it waits for its activation since {}", row.created);
                let event = waiting(id, authority, provisioning.is_some(), row.created, now);
                return Done::reply(Err(pending(id, why, provisioning))).with(event);
            }
        }
        if now.seconds() > row.not_after.seconds() {
            return refuse(Reason::NotAuthenticated, format!("it expired at {}", row.not_after));
        }
        if now.seconds() < row.not_before.seconds() {
            return refuse(Reason::NotAuthenticated, format!("it is not valid before {}", row.not_before));
        }
        if row.mode == CertificateMode::SniOnly && sni.is_none() {
            let why = "it was registered without a CA, or with one in the mode `SNI_ONLY`: the client must name the server (SNI)";
            return refuse(Reason::SniMisused, why.into());
        }
        Done::reply(Ok(Admitted { certificate_id: id.clone(), not_after: row.not_after, claim: None }))
    }

    /// The CA by which a certificate that nobody registered registers itself.
    fn registrable(&self, certificate: &Certificate, now: Timestamp) -> Result<(&CertificateId, &Held), Refusal> {
        let id = certificate.id();
        let refuse = |reason, why: String| Err(Refusal::new(reason, Some(id), why));
        let unregistered = |why: String| refuse(Reason::DeviceCertificateNotRegistered, why);
        let (authority, held) = match self.signer(certificate) {
            Ok(found) => found,
            Err(why) => return unregistered(format!("it is not registered, and {why}")),
        };
        if held.row.status != CACertificateStatus::Active {
            return unregistered(format!("it is not registered, and its CA certificate `{authority}` is not active"));
        }
        if held.row.auto_registration != AutoRegistrationStatus::Enable {
            return unregistered(format!(
                "it is not registered, and its CA certificate `{authority}` does not allow auto-registration"
            ));
        }
        if let Some(why) = held.certificate.invalid_at(now) {
            return unregistered(format!("it is not registered, and of its CA certificate `{authority}`: {why}"));
        }
        if let Some(why) = certificate.invalid_at(now) {
            return refuse(Reason::NotAuthenticated, why);
        }
        if let Some(why) = certificate.weak_key() {
            return refuse(Reason::NotAuthenticated, why.to_owned());
        }
        Ok((authority, held))
    }

    /// Finds the registered CA that signed a certificate: that very one has to be registered, whatever the client sends of the
    /// CAs above it. Of several that signed, one that lets it register is taken first.
    fn signer(&self, certificate: &Certificate) -> Result<(&CertificateId, &Held), String> {
        let mut named = None;
        let candidates = self.by_subject.get(certificate.issuer()).into_iter().flatten();
        let mut signed: Vec<(&CertificateId, &Held)> = Vec::new();
        for (id, held) in candidates.filter_map(|id| self.authorities.get_key_value(id)) {
            match certificate.signed_by(&held.certificate) {
                Ok(()) => signed.push((id, held)),
                Err(error) => {
                    named = Some(format!("the registered CA `{id}` has its issuer's name, but {error}"));
                }
            }
        }
        let best = signed.into_iter().max_by_key(|(_, held)| {
            let active = held.row.status == CACertificateStatus::Active;
            (active && held.row.auto_registration == AutoRegistrationStatus::Enable, active)
        });
        best.ok_or_else(|| named.unwrap_or_else(|| "no registered CA certificate signed it".into()))
    }
}

/// The event that a certificate waits: for somebody to activate it, or for its provisioning.
fn waiting(
    id: &CertificateId,
    authority: &CertificateId,
    provisions: bool,
    registered_at: Timestamp,
    at: Timestamp,
) -> Event {
    let (certificate_id, ca_certificate_id) = (id.clone(), authority.clone());
    if provisions {
        Event::CertificateToProvision { certificate_id, ca_certificate_id, at }
    } else {
        Event::CertificatePending { certificate_id, ca_certificate_id, registered_at, at }
    }
}

fn pending(id: &CertificateId, why: String, provisioning: Option<Provisioning>) -> Refusal {
    Refusal {
        provisioning: provisioning.map(Box::new),
        ..Refusal::new(Reason::DeviceCertificateInactive, Some(id), why)
    }
}

/// Reads the certificate of a client, the first that it sent. What follows it does not matter.
fn own(chain: &[&[u8]]) -> Result<Certificate, Refusal> {
    let Some(own) = chain.first() else {
        return Err(Refusal::new(Reason::NotAuthenticated, None, "no certificate was sent"));
    };
    Certificate::from_der("the client certificate", own)
        .map_err(|error| Refusal::new(Reason::NotAuthenticated, None, error.to_string()))
}
