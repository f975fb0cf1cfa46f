//! `AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK`: the role of those who have signed in to an Amazon Cognito identity pool.

use super::role_alias_permissive::{OTHERS, READS, WRITES};
use super::{Check, Verdict, of_all, policy_permissive};
use crate::statement::Document;
use crate::{administration, breadth};
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
    let all = |find: &dyn Fn(&Document) -> Vec<breadth::Grant>| of_all(documents, find);
    let verdicts = [
        Verdict::of(
            READS,
            "Role allows broad access to IoT thing administrative read actions",
            all(&administration::broad_reads),
        ),
        Verdict::of(OTHERS, "Role allows access to IoT non-thing administrative actions", all(&administration::others)),
        Verdict::of(
            WRITES,
            "Role allows access to IoT thing administrative write actions",
            all(&administration::writes),
        ),
        Verdict::of(
            policy_permissive::BROAD,
            "Role allows broad access to IoT data plane actions",
            all(&breadth::data_plane),
        ),
    ];
    verdicts.into_iter().flatten().collect()
}
