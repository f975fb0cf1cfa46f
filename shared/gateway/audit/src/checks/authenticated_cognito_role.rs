//! `AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK`: the role of those who have signed in to an Amazon Cognito identity pool.

use super::role_alias_permissive::{OTHERS, READS, WRITES, of_iot};
use super::{Check, Verdict, policy_permissive};
use crate::statement::Document;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// What to do about a role of a pool.
pub(crate) const STEPS: &[&str] = &[
    "Create a new, compliant role.",
    "Create an Amazon Cognito identity pool and attach the compliant role to it.",
    "Make sure that your identities reach AWS IoT by the new pool.",
    "Attach the compliant role to the pool that does not comply.",
];

/// The check.
pub const CHECK: Check = Check {
    name: "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::CognitoIdentityPool,
    looks_at: "the policies of the roles of authenticated identities of Amazon Cognito identity pools",
    reasons: &[READS, OTHERS, WRITES, policy_permissive::BROAD],
    steps: STEPS,
    page: "audit-chk-auth-cognito-role-permissive",
    mitigation: &[],
};

/// Judges the policies of a role. They may read of some things, and must not manage a single one.
#[must_use]
pub fn judge(documents: &[Document]) -> Vec<Verdict> {
    of_iot(documents)
}
