//! `CA_CERTIFICATE_EXPIRING_CHECK`: CA certificates at the end of their validity, or past it.

use super::device_certificate_expiring::{APPROACHING, DAYS, PAST, judge as judge_validity};
use super::{CA_CERTIFICATE, Check, Verdict};
use drydock_core::Timestamp;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// The check.
pub const CHECK: Check = Check {
    name: "CA_CERTIFICATE_EXPIRING_CHECK",
    severity: AuditFindingSeverity::Medium,
    resource: ResourceType::CaCertificate,
    looks_at: "the CA certificates that are ACTIVE",
    reasons: &[APPROACHING, PAST],
    steps: &[
        "Register a new CA certificate.",
        "Make sure that certificates of devices can be signed by it.",
        "Mark the old CA certificate as INACTIVE (UpdateCACertificate, or the mitigation action UPDATE_CA_CERTIFICATE).",
    ],
    page: "audit-chk-ca-cert-approaching-expiration",
    mitigation: CA_CERTIFICATE,
};

/// Judges a CA certificate by the end of its validity.
#[must_use]
pub fn judge(not_after: Timestamp, now: Timestamp) -> Option<Verdict> {
    judge_validity(not_after, DAYS, now)
}
