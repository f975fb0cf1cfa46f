//! `DEVICE_CERTIFICATE_KEY_QUALITY_CHECK`: certificates of devices with keys that were made by software that makes weak ones.

use super::{Check, DEVICE_CERTIFICATE, Verdict};
use crate::keys::{self, Blocklist, Weakness};
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// The key is one of Infineon's RSA library 1.02.013 ("ROCA").
pub const ROCA: &str = "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361";
/// The key is one of the few that OpenSSL made on Debian in 2006 to 2008.
pub const DEBIAN: &str = "CERTIFICATE_KEY_VULNERABILITY_CVE-2008-0166";

/// The check.
pub const CHECK: Check = Check {
    name: "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::DeviceCertificate,
    looks_at: "the keys of the certificates of devices that are ACTIVE or PENDING_TRANSFER",
    reasons: &[ROCA, DEBIAN],
    steps: &[
        "Provision the device with a new certificate, whose key comes from software without the fault.",
        "Make sure that the new certificate is valid and that the device connects with it.",
        "Mark the old certificate as REVOKED (UpdateCertificate, or the mitigation action UPDATE_DEVICE_CERTIFICATE).",
        "Detach the old certificate from the device.",
    ],
    page: "audit-chk-device-cert-key-quality",
    mitigation: DEVICE_CERTIFICATE,
};

/// Judges a certificate by its key.
#[must_use]
pub fn judge(der: &[u8], known: &Blocklist) -> Option<Verdict> {
    keys::weakness(der, known).map(|weakness| match weakness {
        Weakness::Roca => {
            Verdict::new(ROCA, "The key has the fingerprint of keys that Infineon's RSA library made (CVE-2017-15361).")
        }
        Weakness::Debian => {
            Verdict::new(DEBIAN, "The key is one of the predictable ones that OpenSSL made on Debian (CVE-2008-0166).")
        }
    })
}
