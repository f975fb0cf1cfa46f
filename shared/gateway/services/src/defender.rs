//! What CloudWatch is told of Device Defender as it happens ("AWS IoT metrics and dimensions" of the developer guide).

use drydock_audit::task::Outcome;
use drydock_cloud::cloudwatch::{Metric, Unit};
use drydock_core::Timestamp;
use drydock_core::event::detect::ViolationState;
use drydock_host::Host;

/// The namespace of all metrics of AWS IoT.
pub(crate) const NAMESPACE: &str = "AWS/IoT";

/// What a scheduled audit is called where the audit was asked for.
const ON_DEMAND: &str = "OnDemand";

/// Tells how a check of an audit has ended ("AWS IoT Device Defender audit metrics").
pub(crate) fn checked(host: &Host, check: &str, outcome: &Outcome, at: Timestamp) {
    let audit = outcome.scheduled.as_deref().unwrap_or(ON_DEMAND);
    let dimensions = [("CheckName", check), ("ScheduledAuditName", audit)];
    for (name, count) in [("NonCompliantResources", outcome.non_compliant), ("ResourcesEvaluated", outcome.total)] {
        host.cloud.cloudwatch().note_at(Metric::new(NAMESPACE, name, &dimensions), at, Unit::COUNT, counted(count));
    }
}

/// Tells what has become of a violation ("AWS IoT Device Defender detect metrics").
pub(crate) fn violated(host: &Host, violation: &ViolationState, at: Timestamp) {
    let name = match violation.change {
        "in-alarm" => "Violations",
        "alarm-cleared" => "ViolationsCleared",
        _ => "ViolationsInvalidated",
    };
    let dimensions =
        [("SecurityProfileName", violation.profile.as_str()), ("BehaviorName", violation.behavior.as_str())];
    host.cloud.cloudwatch().note_at(Metric::new(NAMESPACE, name, &dimensions), at, Unit::COUNT, 1.0);
}

#[expect(clippy::cast_precision_loss, reason = "an account has fewer than 2^53 resources")]
fn counted(count: i64) -> f64 {
    count as f64
}
