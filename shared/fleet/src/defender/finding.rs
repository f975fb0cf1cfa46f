//! What an audit has found, as `ListAuditFindings` gives it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: String,
    /// `CRITICAL`, `HIGH`, `MEDIUM` or `LOW`.
    pub severity: String,
    /// Why the resource does not comply, as AWS spells it.
    pub reason: String,
    /// What does not comply.
    pub resource: Resource,
}

/// What does not comply (`ResourceIdentifier`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Resource {
    /// A device certificate, by id.
    DeviceCertificate(String),
    /// A CA certificate, by id.
    CaCertificate(String),
    /// A Cognito identity pool.
    CognitoIdentityPool(String),
    /// A client id.
    ClientId(String),
    /// A version of a policy.
    PolicyVersion {
        /// The policy's name.
        name: String,
        /// The version's id.
        version: String,
    },
    /// The account's settings.
    Account(String),
    /// A role alias, by ARN.
    RoleAlias(String),
    /// A role, by ARN.
    IamRole(String),
    /// The certificate of an issuer.
    Issuer {
        /// Whom it names.
        subject: Option<String>,
        /// Its id.
        id: Option<String>,
        /// Its serial number.
        serial: Option<String>,
    },
}

impl Resource {
    /// Whether devices are what it is, or have it.
    #[must_use]
    pub fn is_of_devices(&self) -> bool {
        matches!(self, Self::DeviceCertificate(_) | Self::ClientId(_) | Self::PolicyVersion { .. })
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeviceCertificate(id) => write!(f, "certificate {id}"),
            Self::CaCertificate(id) => write!(f, "CA certificate {id}"),
            Self::CognitoIdentityPool(id) => write!(f, "identity pool {id}"),
            Self::ClientId(id) => write!(f, "client {id}"),
            Self::PolicyVersion { name, version } => write!(f, "policy {name}, version {version}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::RoleAlias(arn) => write!(f, "role alias {arn}"),
            Self::IamRole(arn) => write!(f, "role {arn}"),
            Self::Issuer { subject, id, serial } => {
                let parts = [subject, serial, id].into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
                write!(f, "issuer certificate {}", parts.join(", "))
            }
        }
    }
}
