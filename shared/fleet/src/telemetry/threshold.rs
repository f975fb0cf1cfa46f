//! Limits per thing type, raised once and cleared once.
//!
//! The state of a device's alarms is kept in the row of its latest reading, so that the write of a reading returns it and
//! a reading that changes nothing costs nothing more. Who raises an alarm claims it in the row, tells, and confirms; a
//! claim that was never confirmed runs out, and the same message delivered again, or the next reading, takes it up.

use super::reading::Reading;
use crate::EpochMillis;
use crate::alert::Alert;
use crate::conditional::{Change, Condition, Item};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The limits of each thing type; those under `*` hold for every type. As configuration:
/// `{"*": [{"metric": "temperature", "above": 80, "clear": 75}], "Meter": [{"metric": "battery.voltage", "below": 3.1}]}`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Thresholds(BTreeMap<String, Vec<Threshold>>);

/// One limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Threshold {
    /// The metric, by its path in the reading.
    pub metric: String,
    side: Side,
    limit: f64,
    clear: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// A limit as it is configured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    metric: String,
    above: Option<f64>,
    below: Option<f64>,
    clear: Option<f64>,
}

/// Why a limit makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadThreshold {
    /// Not exactly one side.
    #[error("the threshold of `{0}` must have either `above` or `below`")]
    Side(String),
    /// The alarm would clear where it is raised.
    #[error("the threshold of `{0}` must clear on the other side of its limit")]
    Clear(String),
}

impl TryFrom<Written> for Threshold {
    type Error = BadThreshold;

    fn try_from(written: Written) -> Result<Self, BadThreshold> {
        let (side, limit) = match (written.above, written.below) {
            (Some(limit), None) => (Side::Above, limit),
            (None, Some(limit)) => (Side::Below, limit),
            _ => return Err(BadThreshold::Side(written.metric)),
        };
        let clear = written.clear.unwrap_or(limit);
        let apart = match side {
            Side::Above => clear <= limit,
            Side::Below => clear >= limit,
        };
        if !apart {
            return Err(BadThreshold::Clear(written.metric));
        }
        Ok(Self { metric: written.metric, side, limit, clear })
    }
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The limit is crossed.
    Raised,
    /// It is not.
    Cleared,
}

impl Alarm {
    /// As it is kept in the row, and told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Raised => Self::Cleared,
            Self::Cleared => Self::Raised,
        }
    }
}

/// A reading moved an alarm: claim it, tell, confirm.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    thing_name: String,
    threshold: String,
    alarm: Alarm,
    at: EpochMillis,
    value: f64,
    limit: f64,
}

impl Thresholds {
    /// The limits for a device of this type: its type's own, then those of every type.
    pub fn of<'a>(&'a self, thing_type: Option<&str>) -> impl Iterator<Item = &'a Threshold> {
        let own = thing_type.and_then(|thing_type| self.0.get(thing_type));
        own.into_iter().chain(self.0.get("*")).flatten()
    }

    /// Whether the type matters.
    #[must_use]
    pub fn depends_on_type(&self) -> bool {
        self.0.keys().any(|thing_type| thing_type != "*")
    }
}

impl Threshold {
    /// The name of the alarm: metric and side, such as `temperature:above`.
    #[must_use]
    pub fn name(&self) -> String {
        let side = match self.side {
            Side::Above => "above",
            Side::Below => "below",
        };
        format!("{}:{side}", self.metric)
    }

    /// The alarm after this value. Raised, it clears only past the clearing value; a value equal to the limit is within.
    fn after(&self, value: f64, alarm: Alarm) -> Alarm {
        let (beyond, back) = match self.side {
            Side::Above => (value > self.limit, value <= self.clear),
            Side::Below => (value < self.limit, value >= self.clear),
        };
        match alarm {
            Alarm::Cleared if beyond => Alarm::Raised,
            Alarm::Raised if back => Alarm::Cleared,
            same => same,
        }
    }

    /// What the reading does to the alarm, given the device's row: moves it, or takes up a claim that ran out. `None` also
    /// where the reading does not have the metric.
    #[must_use]
    pub fn crossing(&self, reading: &Reading, row: Option<&Item>) -> Option<Crossing> {
        let value = reading.number(&self.metric)?;
        let name = self.name();
        let raised = row.is_some_and(|row| row.text(&state(&name)) == Some(Alarm::Raised.as_str()));
        let unconfirmed = row.is_some_and(|row| row.number(&until(&name)).is_some());
        let before = if raised { Alarm::Raised } else { Alarm::Cleared };
        let alarm = self.after(value, before);
        (alarm != before || unconfirmed).then(|| Crossing {
            thing_name: reading.thing_name.clone(),
            threshold: name,
            alarm,
            at: reading.measured_at,
            value,
            limit: self.limit,
        })
    }
}

fn state(name: &str) -> String {
    format!("alarm:{name}")
}

fn since(name: &str) -> String {
    format!("alarmSince:{name}")
}

fn until(name: &str) -> String {
    format!("alarmTellingUntil:{name}")
}

impl Crossing {
    /// Claims it for `lease` milliseconds, which must outlast the function's timeout. Refused: another has claimed it, or
    /// a later reading has moved the alarm.
    #[must_use]
    pub fn claim(&self, now: EpochMillis, lease: EpochMillis) -> Change {
        let name = &self.threshold;
        let mut from = vec![Condition::equal(state(name), self.alarm.other().as_str())];
        if self.alarm == Alarm::Raised {
            from.push(Condition::Missing(state(name).into()));
        }
        let not_later = Condition::Any(vec![
            Condition::Missing(since(name).into()),
            Condition::less_or_equal(since(name), self.at),
        ]);
        let ran_out =
            Condition::All(vec![Condition::equal(state(name), self.alarm.as_str()), Condition::less(until(name), now)]);
        Change::of("thingName", self.thing_name.as_str())
            .when(Condition::All(vec![not_later, Condition::Any(vec![Condition::Any(from), ran_out])]))
            .set(state(name), self.alarm.as_str())
            .set(since(name), self.at)
            .set(until(name), now.saturating_add(lease))
    }

    /// What is told.
    #[must_use]
    pub fn alert(&self) -> Alert {
        Alert::Threshold {
            thing_name: self.thing_name.clone(),
            threshold: self.threshold.clone(),
            state: self.alarm.as_str().to_owned(),
            value: self.value,
            limit: self.limit,
            at: self.at,
        }
    }

    /// Notes that it was told.
    #[must_use]
    pub fn confirm(&self) -> Change {
        let name = &self.threshold;
        Change::of("thingName", self.thing_name.as_str())
            .when(Condition::All(vec![
                Condition::equal(state(name), self.alarm.as_str()),
                Condition::equal(since(name), self.at),
            ]))
            .remove(until(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditional::Outcome;
    use serde_json::json;

    fn threshold(json: serde_json::Value) -> Threshold {
        serde_json::from_value(json).unwrap()
    }

    fn reading(at: EpochMillis, value: serde_json::Value) -> Reading {
        let values = json!({ "t": value });
        Reading {
            thing_name: "x".into(),
            measured_at: at,
            received_at: at,
            values: values.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn an_alarm_is_raised_and_cleared_once_with_hysteresis() {
        let threshold = threshold(json!({"metric": "t", "above": 80, "clear": 75}));
        let mut row = None;
        let mut told = Vec::new();
        for (at, value) in [(1, 80.0), (2, 80.1), (3, 90.0), (4, 76.0), (5, 75.0), (6, 20.0), (7, 81.0)] {
            let Some(crossing) = threshold.crossing(&reading(at, json!(value)), row.as_ref()) else { continue };
            assert!(matches!(crossing.claim(0, 10).apply(&mut row), Outcome::Applied { .. }));
            told.push((at, crossing.alarm));
            assert!(matches!(crossing.confirm().apply(&mut row), Outcome::Applied { .. }));
        }
        assert_eq!(told, [(2, Alarm::Raised), (5, Alarm::Cleared), (7, Alarm::Raised)]);
        assert_eq!(threshold.crossing(&reading(8, json!("hot")), row.as_ref()), None);
    }

    #[test]
    fn a_claim_that_ran_out_is_taken_up_by_whatever_comes_next() {
        let threshold = threshold(json!({"metric": "t", "below": 3.1}));
        let mut row = None;
        let first = threshold.crossing(&reading(1, json!(3.0)), None).unwrap();
        assert!(matches!(first.claim(0, 10).apply(&mut row), Outcome::Applied { .. }));
        // The function died before it told anyone. While the claim stands, nobody else tells.
        let again = threshold.crossing(&reading(1, json!(3.0)), row.as_ref()).unwrap();
        assert!(matches!(again.claim(5, 10).apply(&mut row), Outcome::Refused { .. }));
        let next = threshold.crossing(&reading(2, json!(2.9)), row.as_ref()).unwrap();
        assert!(matches!(next.claim(11, 10).apply(&mut row), Outcome::Applied { .. }));
        assert!(matches!(first.confirm().apply(&mut row), Outcome::Refused { .. }));
        assert!(matches!(next.confirm().apply(&mut row), Outcome::Applied { .. }));
        assert_eq!(threshold.crossing(&reading(3, json!(2.9)), row.as_ref()), None);
    }

    #[test]
    fn two_readings_at_once_raise_one_alarm() {
        let threshold = threshold(json!({"metric": "t", "above": 1}));
        let (mut row, before) = (None, None);
        let one = threshold.crossing(&reading(1, json!(2)), before.as_ref()).unwrap();
        let two = threshold.crossing(&reading(2, json!(2)), before.as_ref()).unwrap();
        assert!(matches!(two.claim(0, 10).apply(&mut row), Outcome::Applied { .. }));
        assert!(matches!(one.claim(0, 10).apply(&mut row), Outcome::Refused { .. }));
    }

    #[test]
    fn limits_by_type_and_limits_that_make_no_sense() {
        let thresholds: Thresholds = serde_json::from_value(json!({
            "*": [{"metric": "t", "above": 80}],
            "Meter": [{"metric": "battery.voltage", "below": 3.1, "clear": 3.3}],
        }))
        .unwrap();
        let names = |thing_type| thresholds.of(thing_type).map(Threshold::name).collect::<Vec<_>>();
        assert_eq!(names(Some("Meter")), ["battery.voltage:below", "t:above"]);
        assert_eq!((names(Some("Switch")), names(None)), (vec!["t:above".into()], vec!["t:above".into()]));
        for bad in [
            json!({"metric": "t"}),
            json!({"metric": "t", "above": 1, "below": 2}),
            json!({"metric": "t", "above": 1, "clear": 2}),
            json!({"metric": "t", "below": 2, "clear": 1}),
            json!({"metric": "t", "over": 2}),
        ] {
            assert!(serde_json::from_value::<Threshold>(bad.clone()).is_err(), "{bad}");
        }
    }
}
