//! The checks, and every reason against.

use super::certificate::{DeviceCertificate, Key, Unreadable};
use super::plan::Plan;
use crate::EpochMillis;
use crate::naming::{is_attribute_value, is_device_name};
use crate::ports::Thing;
use iot_events::CertificateStatus;
use std::collections::BTreeMap;

/// What the fleet asks of a device, fixed when the function starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The CAs whose devices may join: the events of others are left to whoever they are for. Empty: every CA that this account
    /// has registered for automatic registration.
    pub trusted_cas: Vec<String>,
    /// The thing type of each model.
    pub thing_types: BTreeMap<String, String>,
    /// The thing type of a device whose certificate names no model, or none of the models known. Absent: such a device
    /// is turned away.
    pub default_thing_type: Option<String>,
    /// Static groups that each new thing joins.
    pub groups: Vec<String>,
    /// The policy that each certificate gets.
    pub policy: String,
}

/// What is known of the CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaState {
    /// This account has no such CA.
    Unknown,
    /// It is registered and not active.
    Inactive,
    /// It is registered and active.
    Active,
}

/// An entry of the block list that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The entry, such as `serial#SN-1`.
    pub entry: String,
    /// Why it was put there.
    pub why: String,
}

/// All that the decision is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The CA that AWS IoT says signed the certificate.
    pub ca_certificate_id: String,
    /// What is known of it.
    pub ca: CaState,
    /// The CA that the registered certificate names, if any.
    pub signed_by: Option<String>,
    /// The certificate.
    pub certificate: Result<DeviceCertificate, Unreadable>,
    /// Entries of the block list that apply.
    pub blocked: Vec<Blocked>,
    /// Whether the serial number is on the allow list; `None` if the fleet has no allow list.
    pub allowed: Option<bool>,
    /// When the device presented the certificate.
    pub presented_at: EpochMillis,
}

/// A reason to turn a certificate away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The block list has it.
    #[error("`{}` is on the block list: {}", .0.entry, .0.why)]
    Blocked(Blocked),
    /// The key is of a kind or size that the fleet does not accept.
    #[error("its key is {0}; use P-256, P-384, or RSA of at least 2048 bits")]
    WeakKey(String),
    /// It is a CA's certificate.
    #[error("it is the certificate of a CA, not of a device")]
    IsCa,
    /// It has expired.
    #[error("it expired {0} ms before it was presented")]
    Expired(i64),
    /// It is not valid yet.
    #[error("it becomes valid only {0} ms after it was presented")]
    NotYetValid(i64),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    /// The CA is not one of the fleet's.
    #[error("the CA `{0}` is not one of the fleet's")]
    UnknownCa(String),
    /// The CA is not active.
    #[error("the CA `{0}` is not active")]
    InactiveCa(String),
    /// The event and the registry disagree about who signed it.
    #[error("the event names the CA `{event}` and the registered certificate `{registered}`")]
    CaMismatch {
        /// The CA in the event.
        event: String,
        /// The CA of the registered certificate.
        registered: String,
    },
    /// The subject has no common name.
    #[error("its subject has no common name, which must be the thing's name")]
    NoName,
    /// The device did not say its serial number.
    #[error("it gave no serial number")]
    NoSerial,
    /// The name cannot be a thing's name.
    #[error("its name `{0}` is not a device name: 1 to 128 of a-z A-Z 0-9 : _ -, not beginning with claim-")]
    BadName(String),
    /// The serial number cannot be a thing's attribute.
    #[error("its serial number `{0}` cannot be an attribute: at most 800 of a-z A-Z 0-9 _ . , @ / : # = [ ] -")]
    BadSerial(String),
    /// The model is not known.
    #[error("its model (organizational unit) `{0}` is not one of the fleet's")]
    UnknownModel(String),
    /// The allow list lacks it.
    #[error("its serial number `{0}` is not on the allow list")]
    NotAllowed(String),
    /// A different thing has its name.
    #[error("the thing `{thing}` exists and differs: {differences}")]
    ThingConflict {
        /// The thing.
        thing: String,
        /// Each difference.
        differences: String,
    },
}

impl Rules {
    /// Whether this CA's devices are for this fleet to decide on.
    #[must_use]
    pub fn trusts(&self, ca_certificate_id: &str) -> bool {
        self.trusted_cas.is_empty() || self.trusted_cas.iter().any(|trusted| trusted == ca_certificate_id)
    }
}

impl Reason {
    /// Whether the certificate is known to be bad and can never become good. What is merely unknown is not.
    #[must_use]
    pub fn is_known_bad(&self) -> bool {
        matches!(self, Self::Blocked(_) | Self::WeakKey(_) | Self::IsCa | Self::Expired(_))
    }

    /// Whether it may pass without anything being done to the certificate: a list, a model or a CA follows later, or time
    /// goes by.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotAllowed(_)
                | Self::UnknownModel(_)
                | Self::InactiveCa(_)
                | Self::UnknownCa(_)
                | Self::NotYetValid(_)
        )
    }
}

/// A certificate is turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Every reason, at least one.
    pub reasons: Vec<Reason>,
}

impl Rejection {
    /// What the certificate becomes: revoked if it is known bad; left pending if all that is against it may pass, so that it is
    /// judged anew when it is presented again; else inactive. A person who decides otherwise deletes an inactive certificate,
    /// and the device registers anew at its next connection.
    #[must_use]
    pub fn status(&self) -> CertificateStatus {
        if self.reasons.iter().any(Reason::is_known_bad) {
            CertificateStatus::Revoked
        } else if self.reasons.iter().all(Reason::may_pass) {
            CertificateStatus::PendingActivation
        } else {
            CertificateStatus::Inactive
        }
    }

    /// The reasons in words.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.reasons.iter().map(ToString::to_string).collect()
    }
}

/// What becomes of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It joins the fleet.
    Register(Plan),
    /// It is turned away.
    Reject(Rejection),
}

/// Decides, with every reason against rather than the first.
#[must_use]
pub fn decide(evidence: &Evidence, rules: &Rules) -> Decision {
    let mut reasons: Vec<Reason> = evidence.blocked.iter().cloned().map(Reason::Blocked).collect();
    judge_ca(evidence, rules, &mut reasons);
    let plan = match &evidence.certificate {
        Ok(certificate) => {
            judge_certificate(certificate, evidence.presented_at, &mut reasons);
            judge_subject(certificate, evidence.allowed, rules, &mut reasons)
        }
        Err(unreadable) => {
            reasons.push(Reason::Unreadable(unreadable.clone()));
            None
        }
    };
    match plan {
        Some(plan) if reasons.is_empty() => Decision::Register(plan),
        _ => Decision::Reject(Rejection { reasons }),
    }
}

fn judge_ca(evidence: &Evidence, rules: &Rules, reasons: &mut Vec<Reason>) {
    let ca = &evidence.ca_certificate_id;
    let trusted = rules.trusts(ca);
    match evidence.ca {
        CaState::Active if trusted => {}
        CaState::Inactive if trusted => reasons.push(Reason::InactiveCa(ca.clone())),
        _ => reasons.push(Reason::UnknownCa(ca.clone())),
    }
    if let Some(registered) = evidence.signed_by.as_ref().filter(|signed_by| *signed_by != ca) {
        reasons.push(Reason::CaMismatch { event: ca.clone(), registered: registered.clone() });
    }
}

fn judge_certificate(certificate: &DeviceCertificate, now: EpochMillis, reasons: &mut Vec<Reason>) {
    match &certificate.key {
        Key::P256 | Key::P384 | Key::Rsa { bits: 2048.. } => {}
        Key::Rsa { bits } => reasons.push(Reason::WeakKey(format!("RSA of {bits} bits"))),
        Key::Other(oid) => reasons.push(Reason::WeakKey(format!("of kind {oid}"))),
    }
    if certificate.is_ca {
        reasons.push(Reason::IsCa);
    }
    if now > certificate.not_after {
        reasons.push(Reason::Expired(now.saturating_sub(certificate.not_after)));
    }
    if now < certificate.not_before {
        reasons.push(Reason::NotYetValid(certificate.not_before.saturating_sub(now)));
    }
}

/// Judges the subject and, if a thing can be made of it, says which.
fn judge_subject(
    certificate: &DeviceCertificate,
    allowed: Option<bool>,
    rules: &Rules,
    reasons: &mut Vec<Reason>,
) -> Option<Plan> {
    let Some((name, serial)) = certificate.common_name.as_deref().zip(certificate.serial()) else {
        reasons.push(Reason::NoName);
        return None;
    };
    if !is_device_name(name) {
        reasons.push(Reason::BadName(name.to_owned()));
    }
    if !is_attribute_value(serial) {
        reasons.push(Reason::BadSerial(serial.to_owned()));
    }
    if allowed == Some(false) {
        reasons.push(Reason::NotAllowed(serial.to_owned()));
    }
    let known = certificate.model.as_ref().and_then(|model| rules.thing_types.get(model));
    let Some(thing_type) = known.or(rules.default_thing_type.as_ref()) else {
        reasons.push(Reason::UnknownModel(certificate.model.clone().unwrap_or_default()));
        return None;
    };
    let model = certificate.model.clone().filter(|model| is_attribute_value(model));
    let mut attributes = BTreeMap::from([("serialNumber".to_owned(), serial.to_owned())]);
    attributes.extend(model.clone().map(|model| ("model".to_owned(), model)));
    Some(Plan {
        thing_name: name.to_owned(),
        thing: Thing { thing_type: Some(thing_type.clone()), attributes },
        model,
        serial_number: serial.to_owned(),
        groups: rules.groups.clone(),
        policy: rules.policy.clone(),
    })
}
