//! `CA_CERTIFICATE_KEY_QUALITY_CHECK`: CA certificates with keys that were made by software that makes weak ones.

use super::device_certificate_key_quality::{DEBIAN, ROCA};
use super::{CA_CERTIFICATE, Check};
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

pub use super::device_certificate_key_quality::judge;

/// The check.
pub const CHECK: Check = Check {
    name: "CA_CERTIFICATE_KEY_QUALITY_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::CaCertificate,
    looks_at: "the keys of the CA certificates that are ACTIVE",
    reasons: &[ROCA, DEBIAN],
    steps: &[
        "Mark the CA certificate as INACTIVE (UpdateCACertificate, or the mitigation action UPDATE_CA_CERTIFICATE).",
        "Look at the certificates of devices that it has signed (ListCertificatesByCA), and revoke those that should not be there.",
    ],
    page: "audit-chk-ca-cert-key-quality",
    mitigation: CA_CERTIFICATE,
};
