//! What is kept of each certificate.

use super::transfers::TransferRow;
use crate::x509::Certificate;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::{CertificateId, Ids, Timestamp};
use drydock_model::iot;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::{SmolStr, ToSmolStr as _};
use std::str::FromStr;

/// The bytes of a certificate; PEM in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Der(Box<[u8]>);

impl Der {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        crate::x509::pem_encode("CERTIFICATE", &self.0)
    }
}

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.pem())
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(base64).map(|bytes| Self(bytes.into())).map_err(serde::de::Error::custom)
    }
}

/// Writes one of the model's enums as AWS spells it.
mod spelled {
    use super::{Deserialize, Deserializer, FromStr, Serializer, SmolStr};
    use std::fmt::Display;

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        SmolStr::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How a CA provisions the devices that come with its certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioning {
    /// An inline template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_body: Option<String>,
    /// The name of a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_name: Option<String>,
    /// The role that provisioning acts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

impl From<&iot::RegistrationConfig> for Provisioning {
    fn from(config: &iot::RegistrationConfig) -> Self {
        Self {
            template_body: config.template_body.clone(),
            template_name: config.template_name.clone(),
            role_arn: config.role_arn.clone(),
        }
    }
}

impl From<&Provisioning> for iot::RegistrationConfig {
    fn from(kept: &Provisioning) -> Self {
        Self {
            template_body: kept.template_body.clone(),
            template_name: kept.template_name.clone(),
            role_arn: kept.role_arn.clone(),
        }
    }
}

/// A CA certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityRow {
    /// The certificate.
    #[serde(rename = "pem", alias = "der")]
    pub der: Der,
    /// Whether certificates of it may be registered.
    #[serde(with = "spelled")]
    pub status: iot::CACertificateStatus,
    /// Whether they register themselves when they connect.
    #[serde(with = "spelled")]
    pub auto_registration: iot::AutoRegistrationStatus,
    /// How it was registered.
    #[serde(with = "spelled")]
    pub mode: iot::CertificateMode,
    /// What happens after auto-registration, where it is not left to a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning: Option<Provisioning>,
    /// When it was registered.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Goes up with each change.
    pub version: i32,
    /// A random id of this registration.
    pub generation: SmolStr,
}

impl AuthorityRow {
    /// Notes that it changes now.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.modified = now;
        self.version = self.version.saturating_add(1);
    }
}

/// A device certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    /// The certificate.
    #[serde(rename = "pem", alias = "der")]
    pub der: Der,
    /// Whether it may connect, and why not.
    #[serde(with = "spelled")]
    pub status: iot::CertificateStatus,
    /// `SNI_ONLY` where it belongs to no registered CA, or to one of that mode.
    #[serde(with = "spelled")]
    pub mode: iot::CertificateMode,
    /// The registered CA that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<CertificateId>,
    /// When it was registered.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Goes up with each change.
    pub version: i32,
    /// A random id of this registration.
    pub generation: SmolStr,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Its last transfer, where it was not taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferRow>,
    /// The account that transferred it to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_owner: Option<SmolStr>,
}

impl CertificateRow {
    pub(crate) fn new(
        certificate: &Certificate,
        status: iot::CertificateStatus,
        mode: iot::CertificateMode,
        authority: Option<CertificateId>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Self {
        Self {
            der: Der::new(certificate.der()),
            status,
            mode,
            authority,
            created: now,
            modified: now,
            version: 1,
            generation: ids.uuid().to_smolstr(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            transfer: None,
            previous_owner: None,
        }
    }

    /// Notes that it changes now.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.modified = now;
        self.version = self.version.saturating_add(1);
    }

    /// Whether it may connect, its validity aside.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == iot::CertificateStatus::Active
    }

    /// What the certificate says about its subject and issuer.
    #[must_use]
    pub fn facts(&self) -> crate::CertificateFacts {
        Certificate::from_der("the certificate", self.der.bytes()).map(|read| read.facts()).unwrap_or_default()
    }
}
