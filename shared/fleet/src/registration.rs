//! Just-in-time registration: may a certificate join the fleet, as which thing, and in which order is that done?
//!
//! - [`certificate`]: what a certificate says of its device.
//! - [`claim`]: a device that has no certificate yet, judged by its serial number.
//! - [`decision`]: the checks, and every reason against.
//! - [`plan`]: the steps that register a device, activation last.
//!
//! What a certificate must look like in this fleet: the subject's common name is the thing's name (and the MQTT client
//! id), `serialNumber` is the device's serial number (the common name stands in for it), and the organizational unit is
//! the model, which decides the thing type. The key is RSA of 2,048 bits or more, or ECDSA on P-256 or P-384.

pub mod certificate;
pub mod claim;
pub mod decision;
pub mod plan;

pub use certificate::{DeviceCertificate, Key, Unreadable};
pub use decision::{Blocked, CaState, Decision, Evidence, Reason, Rejection, Rules, decide};
pub use plan::{Plan, Step};

use crate::EpochMillis;
use crate::conditional::Change;
use iot_events::CertificateStatus;

/// The entries of the block list that would block this certificate: `certificate#ID`, `ca#ID` and `serial#NUMBER`.
#[must_use]
pub fn block_list_entries(certificate_id: &str, ca_certificate_id: &str, serial_number: Option<&str>) -> Vec<String> {
    let mut entries = vec![format!("certificate#{certificate_id}"), format!("ca#{ca_certificate_id}")];
    entries.extend(serial_number.map(|serial| format!("serial#{serial}")));
    entries
}

/// The record of why a certificate was turned away, keyed by the certificate. Written again, it says the same.
#[must_use]
pub fn rejection_record(
    certificate_id: &str,
    ca_certificate_id: &str,
    common_name: Option<&str>,
    rejection: &Rejection,
    at: EpochMillis,
) -> Change {
    Change::of("certificateId", certificate_id)
        .set("outcome", "rejected")
        .set("status", rejection.status().as_str())
        .set("caCertificateId", ca_certificate_id)
        .set_or_remove("thingName", common_name)
        .set("reasons", rejection.texts().join("; "))
        .set("decidedAt", at)
}

/// The record of a certificate that was let in, keyed by the certificate.
#[must_use]
pub fn approval_record(certificate_id: &str, ca_certificate_id: &str, plan: &Plan, at: EpochMillis) -> Change {
    Change::of("certificateId", certificate_id)
        .set("outcome", "approved")
        .set("status", CertificateStatus::Active.as_str())
        .set("caCertificateId", ca_certificate_id)
        .set("thingName", plan.thing_name.as_str())
        .remove("reasons")
        .set("decidedAt", at)
}

/// The device's own row, keyed by the thing name: what the other functions ask for instead of the registry, whose rate is
/// limited.
#[must_use]
pub fn device_record(certificate_id: &str, plan: &Plan, at: EpochMillis) -> Change {
    Change::of("thingName", plan.thing_name.as_str())
        .set_or_remove("thingType", plan.thing.thing_type.as_deref())
        .set_or_remove("model", plan.model.as_deref())
        .set("serialNumber", plan.serial_number.as_str())
        .set("certificateId", certificate_id)
        .set("registeredAt", at)
}
