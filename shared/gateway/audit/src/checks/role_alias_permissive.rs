//! `IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK`: role aliases whose role lets a device do more than a device needs.

use super::{Check, Verdict, of_all, policy_permissive};
use crate::statement::Document;
use crate::{administration, breadth};
use drydock_model::iot::{AuditFindingSeverity, ResourceType};
use std::collections::BTreeSet;

/// Allows services as a whole that are used.
pub const WHOLE: &str = "ALLOWS_BROAD_ACCESS_TO_USED_SERVICES";
/// Allows services that audit others.
pub const AUDITING: &str = "ALLOWS_ACCESS_TO_SECURITY_AUDITING_SERVICES";
/// Allows to read of any thing.
pub const READS: &str = "ALLOWS_BROAD_ACCESS_TO_IOT_THING_ADMIN_READ_ACTIONS";
/// Allows what has to do with no thing.
pub const OTHERS: &str = "ALLOWS_ACCESS_TO_IOT_NON_THING_ADMIN_ACTIONS";
/// Allows to manage things.
pub const WRITES: &str = "ALLOWS_ACCESS_TO_IOT_THING_ADMIN_WRITE_ACTIONS";

/// The check.
pub const CHECK: Check = Check {
    name: "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::RoleAlias,
    looks_at: "the policies of the IAM roles that role aliases point to",
    reasons: &[WHOLE, AUDITING, READS, OTHERS, WRITES, policy_permissive::BROAD],
    steps: &[
        "Restrict the role's policies to what a device needs, and its resources by the variables ${credentials-iot:ThingName} and \
         ${credentials-iot:AwsCertificateId} (\"Authorizing direct calls to AWS services\").",
    ],
    page: "audit-chk-iot-role-alias-permissive",
    mitigation: &[],
};

/// Judges the policies of a role, of which these services are in use.
#[must_use]
pub fn judge(documents: &[Document], used: &BTreeSet<String>) -> Vec<Verdict> {
    let whole = of_all(documents, |document| administration::whole_services(document, used));
    let auditing = of_all(documents, administration::auditing);
    let verdicts = [
        Verdict::of(WHOLE, "Role allows broad access to services that are used", whole),
        Verdict::of(AUDITING, "Role allows access to security auditing services", auditing),
    ];
    verdicts.into_iter().flatten().chain(of_iot(documents)).collect()
}

/// What of AWS IoT the policies of a role allow too widely: it may read of some things, and must not manage a single one.
pub(crate) fn of_iot(documents: &[Document]) -> Vec<Verdict> {
    let verdicts = [
        Verdict::of(
            READS,
            "Role allows broad access to IoT thing administrative read actions",
            of_all(documents, administration::broad_reads),
        ),
        Verdict::of(
            OTHERS,
            "Role allows access to IoT non-thing administrative actions",
            of_all(documents, administration::others),
        ),
        Verdict::of(
            WRITES,
            "Role allows access to IoT thing administrative write actions",
            of_all(documents, administration::writes),
        ),
        Verdict::of(
            policy_permissive::BROAD,
            "Role allows broad access to IoT data plane actions",
            of_all(documents, breadth::data_plane),
        ),
    ];
    verdicts.into_iter().flatten().collect()
}
