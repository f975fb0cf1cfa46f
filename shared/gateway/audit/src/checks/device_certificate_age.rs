//! `DEVICE_CERTIFICATE_AGE_CHECK`: certificates of devices that have been in use for long.

use super::device_certificate_expiring::DAY;
use super::{Check, DEVICE_CERTIFICATE, Verdict};
use drydock_core::Timestamp;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// Is as old as the threshold, or older.
pub const PAST: &str = "CERTIFICATE_PAST_AGE_THRESHOLD";
/// Days, where the account does not say.
pub const DAYS: i64 = 365;
/// The fewest and the most days that an account may say.
pub const RANGE: (i64, i64) = (30, 3652);

/// The check. That its findings may be mitigated as those of other checks of certificates is inferred.
pub const CHECK: Check = Check {
    name: "DEVICE_CERTIFICATE_AGE_CHECK",
    severity: AuditFindingSeverity::Low,
    resource: ResourceType::DeviceCertificate,
    looks_at: "the certificates of devices that are ACTIVE or PENDING_TRANSFER, by when they were created",
    reasons: &[PAST],
    steps: &[
        "Provision a new certificate and attach it to the device.",
        "Make sure that the new certificate is valid and that the device connects with it.",
        "Mark the old certificate as INACTIVE, and detach it from the device.",
    ],
    page: "device-certificate-age-check",
    mitigation: DEVICE_CERTIFICATE,
};

/// Judges a certificate by its age.
#[must_use]
pub fn judge(created: Timestamp, days: i64, now: Timestamp) -> Option<Verdict> {
    let age = now.since(created).div_euclid(DAY);
    (age >= days).then(|| {
        Verdict::new(PAST, format!("Certificate has been active for {age} days, and the threshold is {days}."))
    })
}
