//! Just-in-time registration: may a certificate join the fleet, as which thing, and in which order is that done?
//!
//! - [`attempt`]: one attempt at a certificate at a time.
//! - [`certificate`]: what a certificate says of its device.
//! - [`claim`]: a device that has no certificate yet, judged by its serial number.
//! - [`decision`]: the checks, and every reason against.
//! - [`plan`]: the steps that register a device, activation last.
//!
//! What a certificate must look like in this fleet: the subject's common name is the thing's name (and the MQTT client
//! id), `serialNumber` is the device's serial number (the common name stands in for it), and the organizational unit is
//! the model, which decides the thing type. The key is RSA of 2,048 bits or more, or ECDSA on P-256 or P-384.

pub mod attempt;
pub mod certificate;
pub mod claim;
pub mod decision;
pub mod plan;

pub use certificate::{DeviceCertificate, Key, Unreadable};
pub use decision::{Blocked, CaState, Decision, Evidence, Reason, Rejection, Rules, decide};
pub use plan::{Plan, Step};

use crate::EpochMillis;
use crate::conditional::{Change, Condition, Outcome};
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
/// limited. Refused where the row has another certificate: that one has to be [retired](retired) first. `instead_of` is the
/// one that was.
#[must_use]
pub fn device_record(certificate_id: &str, plan: &Plan, at: EpochMillis, instead_of: Option<&str>) -> Change {
    let mut expected =
        vec![Condition::Missing(CERTIFICATE_ID.into()), Condition::equal(CERTIFICATE_ID, certificate_id)];
    expected.extend(instead_of.map(|other| Condition::equal(CERTIFICATE_ID, other)));
    Change::of("thingName", plan.thing_name.as_str())
        .when(Condition::Any(expected))
        .set_or_remove("thingType", plan.thing.thing_type.as_deref())
        .set_or_remove("model", plan.model.as_deref())
        .set("serialNumber", plan.serial_number.as_str())
        .set(CERTIFICATE_ID, certificate_id)
        .set("registeredAt", at)
}

/// The device's certificate in its row.
const CERTIFICATE_ID: &str = "certificateId";

/// The certificate that the device had until now, where its [record](device_record) was refused for it.
#[must_use]
pub fn retired(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Refused { current: Some(row) } => row.text(CERTIFICATE_ID),
        Outcome::Refused { current: None } | Outcome::Applied { .. } => None,
    }
}

/// The row of a device that joins in another way than with a certificate of its maker's, where it has none yet.
#[must_use]
pub fn joined_record(
    thing_name: &str,
    with: &'static str,
    attributes: &[(&'static str, &str)],
    at: EpochMillis,
) -> Change {
    let change = Change::of("thingName", thing_name)
        .when(Condition::Missing("thingName".into()))
        .set("joinedWith", with)
        .set("registeredAt", at);
    let given = attributes.iter().filter(|(_, value)| !value.is_empty());
    given.fold(change, |change, (name, value)| change.set(*name, *value))
}
