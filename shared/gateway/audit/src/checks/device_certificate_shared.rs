//! `DEVICE_CERTIFICATE_SHARED_CHECK`: certificates that several devices are connected with at one time.

use super::{Check, DEVICE_CERTIFICATE, Found, Verdict};
use crate::connections::Connection;
use crate::resources;
use drydock_model::iot::{AuditFindingSeverity, RelatedResource, ResourceIdentifier, ResourceType};
use std::collections::BTreeMap;

/// Several devices have it.
pub const SHARED: &str = "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES";
/// Results are of what was so two hours ago, in milliseconds.
pub const SHIFT: i64 = 2 * 3_600_000;

/// The check.
pub const CHECK: Check = Check {
    name: "DEVICE_CERTIFICATE_SHARED_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::DeviceCertificate,
    looks_at: "connections with one certificate at one time, until two hours before",
    reasons: &[SHARED],
    steps: &[
        "Make sure that the certificate was not stolen.",
        "Provision certificates of their own for the devices that share it.",
        "Make sure that the new certificates are valid and that the devices connect with them.",
        "Mark the old certificate as REVOKED (UpdateCertificate, or the mitigation action UPDATE_DEVICE_CERTIFICATE).",
        "Detach the old certificate from each of the devices.",
    ],
    page: "audit-chk-device-cert-shared",
    mitigation: DEVICE_CERTIFICATE,
};

/// What is said of a certificate that these connections shared, the latest first.
#[must_use]
pub fn found(certificate: &str, connections: &[Connection]) -> Found {
    let related = connections.iter().map(|connection| {
        let mut additional = BTreeMap::from([("CONNECTION_TIME".to_owned(), connection.from.millis().to_string())]);
        if let Some(until) = connection.until {
            additional.insert("DISCONNECTION_TIME".to_owned(), until.millis().to_string());
        }
        RelatedResource {
            additional_info: Some(additional),
            resource_identifier: Some(ResourceIdentifier {
                client_id: Some(connection.client_id.to_string()),
                ..ResourceIdentifier::default()
            }),
            resource_type: Some(ResourceType::ClientId),
        }
    });
    Found {
        verdict: Verdict::new(SHARED, "Certificate shared by one or more devices."),
        resource: resources::device_certificate(certificate),
        related: related.collect(),
    }
}
