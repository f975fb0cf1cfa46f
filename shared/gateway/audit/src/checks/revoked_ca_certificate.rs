//! `REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK`: CA certificates that their issuer has revoked, and that may register devices.

use super::revoked_device_certificate::REVOKED;
use super::{CA_CERTIFICATE, Check};
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

pub use super::revoked_device_certificate::judge;

/// The check.
pub const CHECK: Check = Check {
    name: "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::CaCertificate,
    looks_at: "the CA certificates that are ACTIVE, in the revocation lists of their issuers",
    reasons: &[REVOKED],
    steps: &[
        "Mark the CA certificate as INACTIVE (UpdateCACertificate, or the mitigation action UPDATE_CA_CERTIFICATE).",
        "Look at the certificates of devices that were registered after it was revoked (ListCertificatesByCA), and revoke those that should not be there.",
    ],
    page: "audit-chk-revoked-ca-cert",
    mitigation: CA_CERTIFICATE,
};
