//! `$aws/events/certificates/registered/<caCertificateId>`: a device presented a certificate that AWS IoT did not know,
//! signed by a CA with automatic registration.

use crate::{EpochMillis, lenient};
use serde::{Deserialize, Serialize};

/// A certificate was registered as pending, or presented again while it still is.
///
/// AWS publishes this at the first connection and again each time a client presents the pending certificate ("Register a
/// client certificate when the client connects to AWS IoT just-in-time registration (JITR)").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateRegistered {
    /// The certificate: SHA-256 of its DER form in hex, 64 characters.
    pub certificate_id: String,
    /// The CA that signed it: 64 hex characters.
    pub ca_certificate_id: String,
    /// When the event was made.
    pub timestamp: EpochMillis,
    /// The status at that time, in practice [`CertificateStatus::PendingActivation`].
    pub certificate_status: CertificateStatus,
    /// The account the certificate is registered in: 12 digits.
    pub aws_account_id: String,
    /// When the certificate was first registered. AWS sends it as text, and sometimes as null.
    #[serde(default, with = "lenient::text_millis")]
    pub certificate_registration_timestamp: Option<EpochMillis>,
}

/// The status of a device certificate (`CertificateStatus` of the `iot` service model).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CertificateStatus {
    /// May connect.
    Active,
    /// May not connect; can be made active.
    Inactive,
    /// May never connect again.
    Revoked,
    /// Offered to another account.
    PendingTransfer,
    /// Registered by just-in-time registration and not yet decided on.
    PendingActivation,
    /// A status that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl CertificateStatus {
    /// Reads AWS's spelling, such as `PENDING_ACTIVATION`.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        match text {
            "ACTIVE" => Self::Active,
            "INACTIVE" => Self::Inactive,
            "REVOKED" => Self::Revoked,
            "PENDING_TRANSFER" => Self::PendingTransfer,
            "PENDING_ACTIVATION" => Self::PendingActivation,
            other => Self::Other(other.to_owned()),
        }
    }

    /// AWS's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Revoked => "REVOKED",
            Self::PendingTransfer => "PENDING_TRANSFER",
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Other(text) => text,
        }
    }
}
