//! `IOT_POLICY_OVERLY_PERMISSIVE_CHECK`: AWS IoT policies that let a device do something for many.

use super::{Check, POLICY, Verdict};
use crate::breadth;
use crate::statement::Document;
use drydock_model::iot::{AuditFindingSeverity, ResourceType};

/// Allows actions of the data plane on any device.
pub const BROAD: &str = "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS";

/// The check.
pub const CHECK: Check = Check {
    name: "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    severity: AuditFindingSeverity::Critical,
    resource: ResourceType::IotPolicy,
    looks_at: "the default versions of AWS IoT policies",
    reasons: &[BROAD],
    steps: &[
        "Create a compliant version of the policy and make it the default (CreatePolicyVersion with setAsDefault). \
         REPLACE_DEFAULT_POLICY_VERSION puts an empty one there meanwhile.",
        "List what the policy is attached to (ListTargetsForPolicy), and find the devices behind it.",
        "Make sure that these devices connect; where one does not, go back to the earlier version (SetDefaultPolicyVersion) and revise the new one.",
        "Name resources by policy variables, such as ${iot:Connection.Thing.ThingName}, and connects with the condition \
         iot:Connection.Thing.IsAttached.",
    ],
    page: "audit-chk-iot-policy-permissive",
    mitigation: POLICY,
};

/// Judges a policy.
#[must_use]
pub fn judge(document: &Document) -> Option<Verdict> {
    Verdict::of(BROAD, "Policy allows broad access to IoT data plane actions", breadth::data_plane(document))
}
