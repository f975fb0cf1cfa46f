//! Violations: an alarm as it is kept, its events, and the alerts that tell of them.
//!
//! Source: "ActiveViolation" and "ViolationEvent" of the API reference. The alert's form is that of public samples of what AWS
//! sends to Amazon SNS.

use crate::book::{Detect, Place};
use behaviors::behavior::ConfidenceLevel;
use behaviors::{Alarm, Behavior, MetricValue, Transition};
use drydock_core::{Done, Timestamp};
use drydock_model::iot::{self, VerificationState, ViolationEventAdditionalInfo};
use drydock_model::row;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How long events are kept: 30 days.
pub(crate) const KEPT: i64 = 30 * 24 * 3_600_000;

/// Where a behavior is on a device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlarmRow {
    pub(crate) alarm: Alarm,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) violation: Option<ViolationRow>,
}

/// A violation that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ViolationRow {
    pub(crate) id: SmolStr,
    /// The behavior as it was violated.
    pub(crate) behavior: Behavior,
    pub(crate) start: Timestamp,
    /// The last datapoint that was a violation.
    pub(crate) last: Timestamp,
    pub(crate) value: MetricValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<Verified>,
}

/// What somebody said of a violation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verified {
    #[serde(with = "row")]
    pub(crate) state: VerificationState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

/// What has become of a violation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventRow {
    pub(crate) id: SmolStr,
    pub(crate) thing: SmolStr,
    pub(crate) profile: SmolStr,
    pub(crate) behavior: Behavior,
    pub(crate) value: MetricValue,
    pub(crate) change: Transition,
    pub(crate) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<Verified>,
    /// Whether its alert is not known to have been sent.
    pub(crate) untold: bool,
    /// The topic that the alert goes to, and the role that may publish there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alert: Option<(String, String)>,
}

/// The key of an event's row.
pub(crate) fn event_key(at: Timestamp, id: &str, change: Transition) -> String {
    format!("{:016}-{id}-{}", at.millis(), change.as_str())
}

pub(crate) fn additional_info(behavior: &Behavior) -> Option<ViolationEventAdditionalInfo> {
    let learnt = behavior.criteria.as_ref()?.ml_detection_config.as_ref()?;
    let confidence_level = Some(match learnt.confidence_level {
        ConfidenceLevel::Low => iot::ConfidenceLevel::Low,
        ConfidenceLevel::Medium => iot::ConfidenceLevel::Medium,
        ConfidenceLevel::High => iot::ConfidenceLevel::High,
    });
    Some(ViolationEventAdditionalInfo { confidence_level })
}

/// An alert that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// By which it is [told](Detect::told).
    pub key: String,
    /// The ARN of the Amazon SNS topic.
    pub topic: String,
    /// The role that may publish there.
    pub role: String,
    /// The message.
    pub message: String,
}

/// A violation that goes on, for those who act upon it or search for it.
#[derive(Debug, Clone, Copy)]
pub struct Active<'d> {
    /// Its id.
    pub id: &'d str,
    /// The device.
    pub thing: &'d str,
    /// The security profile.
    pub profile: &'d str,
    /// The behavior, as it was violated.
    pub behavior: &'d Behavior,
    /// The last value that was a violation.
    pub value: &'d MetricValue,
    /// When it began.
    pub start: Timestamp,
    /// When the last datapoint was a violation.
    pub last: Timestamp,
}

impl Active<'_> {
    /// Whether nobody is told of it.
    #[must_use]
    pub fn is_suppressed(&self) -> bool {
        self.behavior.suppress_alerts == Some(true)
    }
}

/// Something that became of a violation, for those who act upon it.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'d> {
    /// The violation's id.
    pub id: &'d str,
    /// The device.
    pub thing: &'d str,
    /// The security profile.
    pub profile: &'d str,
    /// The behavior, as it was violated.
    pub behavior: &'d Behavior,
    /// What became of it.
    pub change: Transition,
    /// When.
    pub at: Timestamp,
}

impl Detect {
    /// The violations that go on, by profile, behavior and device.
    pub fn active_violations(&self) -> impl Iterator<Item = Active<'_>> {
        self.alarms.iter().filter_map(|(place, row)| active(place, row))
    }

    /// The violation of an id, where it goes on.
    #[must_use]
    pub fn active_violation(&self, id: &str) -> Option<Active<'_>> {
        let place = self.active.get(id)?;
        active(place, self.alarms.get(place)?)
    }

    /// What became of violations from a time to another, the oldest first.
    pub fn violation_events(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Happened<'_>> {
        let range = format!("{:016}", from.millis().max(0))..format!("{:016}~", to.millis().max(0));
        let range = (range.start <= range.end).then(|| self.events.range(range));
        range.into_iter().flatten().map(|(_, row)| Happened {
            id: &row.id,
            thing: &row.thing,
            profile: &row.profile,
            behavior: &row.behavior,
            change: row.change,
            at: row.at,
        })
    }

    /// Whether alerts are not known to have been sent.
    #[must_use]
    pub fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The alerts that are not known to have been sent, the oldest first.
    #[must_use]
    pub fn untold(&self) -> Vec<Alert> {
        let alert = |key: &String| {
            let row = self.events.get(key)?;
            let (topic, role) = row.alert.clone()?;
            Some(Alert { key: key.clone(), topic, role, message: row.message() })
        };
        self.untold.iter().filter_map(alert).collect()
    }

    /// An alert has been sent, or never can be.
    pub fn told(&mut self, key: &str) -> Done<()> {
        let Some(row) = self.events.get(key) else { return Done::reply(()) };
        let row = EventRow { untold: false, ..row.clone() };
        let write = self.put_event(key.to_owned(), row);
        Done::written((), vec![write])
    }
}

fn active<'d>(place: &'d Place, row: &'d AlarmRow) -> Option<Active<'d>> {
    let violation = row.violation.as_ref()?;
    Some(Active {
        id: &violation.id,
        thing: &place.thing,
        profile: &place.profile,
        behavior: &violation.behavior,
        value: &violation.value,
        start: violation.start,
        last: violation.last,
    })
}

impl EventRow {
    /// The alert, as AWS writes it.
    fn message(&self) -> String {
        let alert = behaviors::Alert {
            id: &self.id,
            thing: &self.thing,
            profile: &self.profile,
            behavior: &self.behavior,
            value: &self.value,
            change: self.change,
            at: self.at.millis(),
        };
        alert.message().to_string()
    }
}
