//! `REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK`: certificates of devices that their CA has revoked, and that may connect.

use super::{Check, DEVICE_CERTIFICATE, Verdict};
use crate::revocation::Revocations;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// The issuer has revoked it.
pub const REVOKED: &str = "CERTIFICATE_REVOKED_BY_ISSUER";

/// The check.
pub const CHECK: Check = Check {
    name: "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    severity: AuditFindingSeverity::Medium,
    resource: ResourceType::DeviceCertificate,
    looks_at: "the certificates of devices that are ACTIVE or PENDING_TRANSFER, in the revocation lists of their issuers",
    reasons: &[REVOKED],
    steps: &[
        "Make sure that the certificate was not stolen.",
        "Provision a new certificate for the device, and make sure that it connects with it.",
        "Mark the old certificate as REVOKED (UpdateCertificate, or the mitigation action UPDATE_DEVICE_CERTIFICATE).",
        "Detach the old certificate from the device.",
    ],
    page: "audit-chk-revoked-device-cert",
    mitigation: DEVICE_CERTIFICATE,
};

/// Judges a certificate by the lists of its issuer.
#[must_use]
pub fn judge(der: &[u8], lists: &Revocations) -> Option<Verdict> {
    lists.revokes(der).then(|| Verdict::new(REVOKED, "Certificate was revoked by its issuer."))
}
