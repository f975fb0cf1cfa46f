//! `CONFLICTING_CLIENT_IDS_CHECK`: client ids under which a device has thrown another one off.

use super::{Check, Found, Verdict};
use crate::connections::Conflict;
use crate::resources;
use drydock_model::iot::{AuditFindingSeverity, RelatedResource, ResourceIdentifier, ResourceType};
use std::collections::BTreeMap;

/// Was used by several connections.
pub const DUPLICATE: &str = "DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS";

/// The check.
pub const CHECK: Check = Check {
    name: "CONFLICTING_CLIENT_IDS_CHECK",
    severity: AuditFindingSeverity::High,
    resource: ResourceType::ClientId,
    looks_at: "connections that ended because another one came under their client id",
    reasons: &[DUPLICATE],
    steps: &["Register each device as a thing of its own and connect under the thing's name, or under a UUID."],
    page: "audit-chk-conflicting-client-ids",
    mitigation: &[],
};

/// What is said of a client id with these conflicts, the latest first.
#[must_use]
pub fn found(client_id: &str, conflicts: &[Conflict]) -> Found {
    let related = conflicts.iter().map(|conflict| RelatedResource {
        additional_info: Some(BTreeMap::from([("DISCONNECTION_TIME".to_owned(), conflict.at.millis().to_string())])),
        resource_identifier: Some(ResourceIdentifier {
            device_certificate_id: Some(conflict.principal.to_string()),
            ..ResourceIdentifier::default()
        }),
        resource_type: Some(ResourceType::DeviceCertificate),
    });
    Found {
        verdict: Verdict::new(DUPLICATE, "Client ID used by multiple connections."),
        resource: resources::client_id(client_id),
        related: related.collect(),
    }
}
