//! `DEVICE_CERTIFICATE_EXPIRING_CHECK`: certificates of devices at the end of their validity, or past it.

use super::{Check, DEVICE_CERTIFICATE, Verdict};
use drydock_core::Timestamp;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// Ends within the threshold.
pub const APPROACHING: &str = "CERTIFICATE_APPROACHING_EXPIRATION";
/// Has ended.
pub const PAST: &str = "CERTIFICATE_PAST_EXPIRATION";
/// Days before the end, where the account does not say.
pub const DAYS: i64 = 30;
/// A day in milliseconds.
pub(crate) const DAY: i64 = 86_400_000;

/// The check.
pub const CHECK: Check = Check {
    name: "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    severity: AuditFindingSeverity::Medium,
    resource: ResourceType::DeviceCertificate,
    looks_at: "the certificates of devices that are ACTIVE or PENDING_TRANSFER",
    reasons: &[APPROACHING, PAST],
    steps: &[
        "Provision a new certificate and attach it to the device.",
        "Make sure that the new certificate is valid and that the device connects with it.",
        "Mark the old certificate as INACTIVE (UpdateCertificate, or the mitigation action UPDATE_DEVICE_CERTIFICATE).",
        "Detach the old certificate from the device.",
    ],
    page: "audit-chk-device-cert-approaching-expiration",
    mitigation: DEVICE_CERTIFICATE,
};

/// Judges a certificate by the end of its validity, that second included.
#[must_use]
pub fn judge(not_after: Timestamp, days: i64, now: Timestamp) -> Option<Verdict> {
    if now.seconds() > not_after.seconds() {
        Some(Verdict::new(PAST, format!("Certificate is past its expiration, which was at {not_after}.")))
    } else if not_after.since(now) <= days.saturating_mul(DAY) {
        Some(Verdict::new(APPROACHING, format!("Certificate is approaching its expiration at {not_after}.")))
    } else {
        None
    }
}
