//! `UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK`: the role of those who have not signed in to an Amazon Cognito identity pool.

use super::authenticated_cognito_role::STEPS;
use super::{Check, Verdict, of_all, policy_permissive};
use crate::statement::Document;
use crate::{administration, breadth};
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// Allows to administrate anything.
pub const ADMINISTRATION: &str = "ALLOWS_ACCESS_TO_IOT_ADMIN_ACTIONS";

/// The check.
pub const CHECK: Check = Check {
    name: "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::CognitoIdentityPool,
    looks_at: "the policies of the roles of unauthenticated identities of Amazon Cognito identity pools",
    reasons: &[ADMINISTRATION, policy_permissive::BROAD],
    steps: STEPS,
    page: "audit-chk-unauth-cognito-role-permissive",
    mitigation: &[],
};

/// Judges the policies of a role. They must neither manage nor read of a single thing.
#[must_use]
pub fn judge(documents: &[Document]) -> Vec<Verdict> {
    let administration = of_all(documents, |document| {
        [administration::writes(document), administration::reads(document), administration::others(document)].concat()
    });
    let broad = of_all(documents, breadth::data_plane);
    let verdicts = [
        Verdict::of(ADMINISTRATION, "Role allows access to IoT administrative actions", administration),
        Verdict::of(policy_permissive::BROAD, "Role allows broad access to IoT data plane actions", broad),
    ];
    verdicts.into_iter().flatten().collect()
}
