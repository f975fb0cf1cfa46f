//! What a topic is told of a violation, in the form of public samples of what AWS sends to Amazon SNS.

use crate::alarm::Transition;
use crate::behavior::Behavior;
use crate::value::MetricValue;
use serde_json::{Value, json};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert<'a> {
    /// The violation's id: one from its beginning to its end.
    pub id: &'a str,
    /// The device.
    pub thing: &'a str,
    /// The security profile.
    pub profile: &'a str,
    /// The behavior, as it was violated.
    pub behavior: &'a Behavior,
    /// What was measured.
    pub value: &'a MetricValue,
    /// What has become of the violation.
    pub change: Transition,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

impl Alert<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Value {
        let mut behavior =
            json!({ "name": self.behavior.name, "metric": self.behavior.metric, "criteria": self.behavior.criteria });
        if let (Some(dimension), Some(members)) = (&self.behavior.metric_dimension, behavior.as_object_mut()) {
            members.insert("metricDimension".to_owned(), json!(dimension));
        }
        let mut message = json!({
            "violationEventTime": self.at,
            "thingName": self.thing,
            "behavior": behavior,
            "violationEventType": self.change.as_str(),
            "metricValue": self.value,
            "violationId": self.id,
            "securityProfileName": self.profile,
        });
        let learnt = self.behavior.criteria.as_ref().and_then(|criteria| criteria.ml_detection_config.as_ref());
        if let (Some(learnt), Some(members)) = (learnt, message.as_object_mut()) {
            members.insert(
                "violationEventAdditionalInfo".to_owned(),
                json!({ "confidenceLevel": learnt.confidence_level }),
            );
        }
        message
    }
}
