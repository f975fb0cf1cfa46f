//! `IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK`: role aliases whose role allows services that no device has used with it.

use super::{Check, Verdict};
use crate::administration;
use crate::breadth::Grant;
use crate::statement::Document;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};
use std::collections::BTreeSet;

/// Allows what is not used.
pub const UNUSED: &str = "ALLOWS_ACCESS_TO_UNUSED_SERVICES";

/// The check.
pub const CHECK: Check = Check {
    name: "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
    severity: AuditFindingSeverity::Medium,
    resource: ResourceType::RoleAlias,
    looks_at: "the policies of the IAM roles that role aliases point to, beside the services that they were used for in the last year",
    reasons: &[UNUSED],
    steps: &["Take what no device uses out of the role's policies (\"Authorizing direct calls to AWS services\")."],
    page: "audit-chk-role-alias-unused-svcs",
    mitigation: &[],
};

/// Judges the policies of a role, of which these services are in use.
#[must_use]
pub fn judge(documents: &[Document], used: &BTreeSet<String>) -> Option<Verdict> {
    let mut unused: Vec<Grant> = Vec::new();
    let each = documents.iter().enumerate();
    let each = each.flat_map(|(document, of)| {
        administration::services(of).into_iter().map(move |(service, grant)| (service, Grant { document, ..grant }))
    });
    for (service, grant) in each {
        if !used.contains(&service) && !unused.iter().any(|known| known.action == grant.action) {
            unused.push(grant);
        }
    }
    Verdict::of(UNUSED, "Role allows access to services that have not been used in the last year", unused)
}
