//! The metrics of AWS IoT itself ("AWS IoT metrics and dimensions" of the developer guide), for CloudWatch: what the broker and the
//! rules count anyway, under the names that AWS has for it.

use crate::services::Services;
use drydock_audit::task::Outcome;
use drydock_cloud::cloudwatch::{Metric, Source, Unit};
use drydock_core::Timestamp;
use drydock_core::event::detect::ViolationState;
use drydock_host::Host;

/// The namespace.
pub const NAMESPACE: &str = "AWS/IoT";

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

impl Source for Services {
    fn counts(&self) -> Vec<(Metric, u64)> {
        let messages = self.host.broker.metrics().into_iter().filter(|(_, count)| *count > 0);
        let mut all: Vec<(Metric, u64)> =
            messages.map(|(name, count)| (Metric::new(NAMESPACE, name, &[("Protocol", "MQTT")]), count)).collect();
        for (name, rule, action, count) in self.rules.states.counts() {
            let dimensions = [("RuleName", rule.as_deref()), ("ActionType", action)];
            let dimensions: Vec<(&str, &str)> =
                dimensions.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            all.push((Metric::new(NAMESPACE, name, &dimensions), count));
        }
        all
    }
}
