//! `INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK`: certificates of devices that may connect though a CA between them
//! and the root was revoked.

use super::{Check, DEVICE_CERTIFICATE, Found, Verdict};
use crate::resources;
use drydock_model::iot::{
    AuditFindingSeverity, IssuerCertificateIdentifier, NonCompliantResource, RelatedResource, ResourceIdentifier,
    ResourceType,
};

/// Its own issuer has revoked it.
pub const REVOKED: &str = "INTERMEDIATE_CA_REVOKED_BY_ISSUER";

/// The check.
pub const CHECK: Check = Check {
    name: "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::IssuerCertificate,
    looks_at: "the issuers of the certificates of devices that are ACTIVE or PENDING_TRANSFER, in the revocation lists of their own issuers",
    reasons: &[REVOKED],
    steps: &[
        "Provision new certificates for the devices, signed by another CA, and make sure that they connect with them.",
        "Mark the old certificates as REVOKED (UpdateCertificate, or the mitigation action UPDATE_DEVICE_CERTIFICATE).",
        "List the certificates of the revoked CA (ListRelatedResourcesForAuditFinding), and revoke those that were registered after it was revoked.",
        "Detach the old certificates from the devices.",
    ],
    page: "audit-chk-active-intermediary-device-revoked-CA",
    mitigation: DEVICE_CERTIFICATE,
};

/// A CA that was revoked, as a finding names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issuer {
    /// The id under which it is registered, where it is.
    pub id: Option<String>,
    /// Its subject.
    pub subject: String,
    /// Its serial number, in hexadecimal digits.
    pub serial_number: String,
}

/// What is said of a CA that was revoked, with the certificates that it has signed.
#[must_use]
pub fn found(issuer: &Issuer, certificates: &[String]) -> Found {
    let related = certificates.iter().map(|id| RelatedResource {
        resource_identifier: resources::device_certificate(id).resource_identifier,
        resource_type: Some(ResourceType::DeviceCertificate),
        additional_info: None,
    });
    let identifier = IssuerCertificateIdentifier {
        issuer_certificate_serial_number: Some(issuer.serial_number.clone()),
        issuer_certificate_subject: Some(issuer.subject.clone()),
        issuer_id: issuer.id.clone(),
    };
    Found {
        verdict: Verdict::new(
            REVOKED,
            "Intermediate CA was revoked by its issuer, and device certificates that it signed are active.",
        ),
        resource: NonCompliantResource {
            resource_type: Some(ResourceType::IssuerCertificate),
            resource_identifier: Some(ResourceIdentifier {
                issuer_certificate_identifier: Some(identifier),
                ..ResourceIdentifier::default()
            }),
            additional_info: None,
        },
        related: related.collect(),
    }
}
