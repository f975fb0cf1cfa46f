//! A device's row: which periods are judged, where the alarms are, and what is still to be told.

use super::attribute::{ALARMS, FOLLOWED, JUDGED, OPEN, ROW, STATE, TELLING, THING_NAME, UNTOLD};
use super::period::{self, end};
use super::profile::Profile;
use crate::EpochMillis;
use crate::alert::digest;
use crate::conditional::{Change, Condition, Item, Outcome, Value};
use behaviors::judge::judge;
use behaviors::{Alarm, Alert, Behavior, Judgement, MetricValue, Transition};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many periods in which nothing was heard are judged one by one: after so many no alarm changes any more.
const IDLE: i64 = 32;

fn change(thing: &str) -> Change {
    Change::of(THING_NAME, thing).and_key(ROW, STATE)
}

/// What is known of a device.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The last period that was judged.
    pub judged: i64,
    /// Periods with datapoints that are not judged.
    open: BTreeSet<i64>,
    /// Where each behavior is, by its name.
    alarms: BTreeMap<String, Place>,
    /// What was found and is not known to have been told.
    pub untold: Vec<Event>,
    /// Until when somebody tells it.
    telling: Option<EpochMillis>,
    /// The last period that was put on the queue as an alarm goes on.
    followed: Option<i64>,
}

/// Where a behavior is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    alarm: Alarm,
    /// The last period that said whether the device is normal.
    last: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    violation: Option<Violation>,
}

/// A violation that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Violation {
    id: String,
    /// The behavior as it was violated.
    behavior: Behavior,
    value: MetricValue,
}

/// What has become of a violation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The violation.
    pub id: String,
    /// The behavior as it was violated.
    pub behavior: Behavior,
    /// What was measured.
    pub value: MetricValue,
    /// What has become of it.
    pub change: Transition,
    /// When the period ended.
    pub at: EpochMillis,
}

impl Event {
    /// What the topic is told.
    #[must_use]
    pub fn message(&self, profile: &Profile, thing: &str) -> serde_json::Value {
        let alert = Alert {
            id: &self.id,
            thing,
            profile: &profile.name,
            behavior: &self.behavior,
            value: &self.value,
            change: self.change,
            at: self.at,
        };
        alert.message()
    }
}

/// After so many periods without a datapoint nobody can say any more whether an alarm is one: 2 days.
const SILENT: i64 = 2 * 288;
/// How many periods before the first that is heard of may still be heard of: events come in any order.
const BEFORE: i64 = 12;

/// Makes the row where there is none, before a period is judged or added to: what was long before that counts as judged. Reads it
/// where there is one.
#[must_use]
pub fn begin(thing: &str, period: i64) -> Change {
    change(thing).when(Condition::Missing(JUDGED.into())).set(JUDGED, first(period))
}

fn first(period: i64) -> i64 {
    period.saturating_sub(BEFORE).saturating_sub(1)
}

/// Notes that a period has datapoints. Refused where it is judged, or there is no row: [`begin`] comes before.
#[must_use]
pub fn open(thing: &str, period: i64) -> Change {
    change(thing).when(Condition::less(JUDGED, period)).collect(OPEN, period)
}

/// The row after [`begin`] for a period.
#[must_use]
pub fn state(outcome: &Outcome, period: i64) -> State {
    let row = match outcome {
        Outcome::Applied { .. } | Outcome::Refused { current: None } => None,
        Outcome::Refused { current: Some(row) } => Some(row),
    };
    let fresh = || State { judged: first(period), ..State::default() };
    row.map_or_else(fresh, |row| State {
        judged: row.number(JUDGED).unwrap_or_else(|| first(period)),
        open: row.numbers(OPEN).cloned().unwrap_or_default(),
        alarms: document(row, ALARMS).unwrap_or_default(),
        untold: document(row, UNTOLD).map(|Untold { events }| events).unwrap_or_default(),
        telling: row.number(TELLING),
        followed: row.number(FOLLOWED),
    })
}

fn document<T: serde::de::DeserializeOwned>(row: &Item, name: &str) -> Option<T> {
    serde_json::from_value(row.document(name)?.clone().into()).ok()
}

#[derive(Serialize, Deserialize)]
struct Untold {
    events: Vec<Event>,
}

fn untold(events: &[Event]) -> Value {
    Value::Document(serde_json::json!({ "events": events }))
}

/// What a look at a device finds to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Judge this period.
    Judge(i64),
    /// Somebody began to tell what was found, and their time is over: [`State::take_up`].
    TakeUp,
    /// Somebody tells what was found: look again later, in case they die.
    InProgress,
    /// All up to the period is judged.
    Done,
}

impl State {
    /// What is next, so that all periods up to one are judged.
    #[must_use]
    pub fn next(&self, period: i64, now: EpochMillis) -> Next {
        if !self.untold.is_empty() {
            let ran_out = self.telling.is_none_or(|until| until < now);
            return if ran_out { Next::TakeUp } else { Next::InProgress };
        }
        if self.judged >= period {
            return Next::Done;
        }
        let earliest = self.open.range(self.judged.saturating_add(1)..=period).next().copied().unwrap_or(period);
        let next = self.judged.saturating_add(1);
        // Where an alarm may change by it, it counts that nothing was heard, for as long as that makes a difference.
        let idle = earliest.saturating_sub(IDLE).max(next);
        Next::Judge(if self.is_quiet() { earliest } else { idle.min(earliest) })
    }

    /// Whether no alarm goes on, begins or ends.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.alarms.values().all(|place| place.alarm.is_quiet())
    }

    /// Judges a period by its rows and those before it, the oldest first: the state after it.
    #[must_use]
    pub fn judge(&self, profile: &Profile, thing: &str, period: i64, rows: &[Option<Item>]) -> Self {
        let at = end(period);
        let mut after = Self { judged: period, telling: None, ..self.clone() };
        after.open.retain(|open| *open > period);
        after.alarms.retain(|name, place| {
            let is_same = |violation: &Violation| {
                profile.behavior(name).is_some_and(|behavior| is_same(behavior, &violation.behavior))
            };
            let is_silent = period.saturating_sub(place.last) > SILENT;
            if profile.behavior(name).is_some() && place.violation.as_ref().is_none_or(is_same) && !is_silent {
                return true;
            }
            // Nobody can say any more: the behavior is not what it was, or nothing was heard for long.
            if let Some(Violation { id, behavior, value }) = place.violation.take() {
                after.untold.push(Event { id, behavior, value, change: Transition::AlarmInvalidated, at });
            }
            false
        });
        for behavior in &profile.behaviors {
            let span = period::span(behavior);
            if period.saturating_add(1).checked_rem(span) != Some(0) {
                continue;
            }
            let Some(criteria) = &behavior.criteria else { continue };
            let from = rows.len().saturating_sub(usize::try_from(span).unwrap_or(usize::MAX));
            let measured = period::measured(behavior, rows.get(from..).unwrap_or_default());
            let Some(Judgement { normal, value }) = measured.and_then(|measured| judge(behavior, &measured, None))
            else {
                continue;
            };
            let place = after.alarms.entry(behavior.name.clone()).or_default();
            place.last = period;
            let event = match place.alarm.step(normal, criteria) {
                Some(Transition::InAlarm) => {
                    let id = id(profile, thing, &behavior.name, period);
                    let violation = Violation { id, behavior: behavior.clone(), value };
                    place.violation = Some(violation.clone());
                    Some((violation, Transition::InAlarm))
                }
                Some(change) => place.violation.take().map(|of| (Violation { value, ..of }, change)),
                None => {
                    if let Some(violation) = place.violation.as_mut().filter(|_| !normal) {
                        violation.value = value;
                    }
                    None
                }
            };
            after.untold.extend(event.map(|(Violation { id, behavior, value }, change)| Event {
                id,
                behavior,
                value,
                change,
                at,
            }));
        }
        after.untold.retain(|event| event.behavior.suppress_alerts != Some(true));
        after.alarms.retain(|_, place| !place.alarm.is_quiet());
        after
    }

    /// Puts the state after a period in the place of this one, for whoever is first. Who is tells what is untold, within `lease`
    /// milliseconds.
    #[must_use]
    pub fn commit(&self, thing: &str, after: &Self, now: EpochMillis, lease: EpochMillis) -> Change {
        let as_seen = if self.open.is_empty() {
            Condition::Missing(OPEN.into())
        } else {
            Condition::equal(OPEN, Value::Numbers(self.open.clone()))
        };
        let unchanged =
            Condition::All(vec![Condition::equal(JUDGED, self.judged), Condition::Missing(UNTOLD.into()), as_seen]);
        let change = change(thing).when(unchanged).set(JUDGED, after.judged);
        let change = if after.open.is_empty() {
            change.remove(OPEN)
        } else {
            change.set(OPEN, Value::Numbers(after.open.clone()))
        };
        let change = if after.alarms.is_empty() {
            change.remove(ALARMS)
        } else {
            change.set(ALARMS, Value::Document(serde_json::json!(after.alarms)))
        };
        if after.untold.is_empty() {
            return change;
        }
        change.set(UNTOLD, untold(&after.untold)).set(TELLING, now.saturating_add(lease))
    }

    /// Takes up telling what somebody began to tell.
    #[must_use]
    pub fn take_up(&self, thing: &str, now: EpochMillis, lease: EpochMillis) -> Change {
        let ran_out = Condition::Any(vec![Condition::Missing(TELLING.into()), Condition::less(TELLING, now)]);
        change(thing)
            .when(Condition::All(vec![Condition::equal(UNTOLD, untold(&self.untold)), ran_out]))
            .set(TELLING, now.saturating_add(lease))
    }

    /// Notes that all was told. Refused means that another took it up and has noted it.
    #[must_use]
    pub fn told(&self, thing: &str) -> Change {
        change(thing).when(Condition::equal(UNTOLD, untold(&self.untold))).remove(UNTOLD).remove(TELLING)
    }

    /// The period to put on the queue though nothing may be heard in it: an alarm goes on, begins or ends. `None`: there is no alarm,
    /// or it is on the queue.
    #[must_use]
    pub fn to_follow(&self) -> Option<i64> {
        let next = self.judged.saturating_add(1);
        (!self.is_quiet() && self.followed.is_none_or(|followed| followed < next)).then_some(next)
    }
}

/// Notes that a period is on the queue as an alarm goes on.
#[must_use]
pub fn followed(thing: &str, period: i64) -> Change {
    let earlier = Condition::Any(vec![Condition::Missing(FOLLOWED.into()), Condition::less(FOLLOWED, period)]);
    change(thing).when(earlier).set(FOLLOWED, period)
}

/// Whether a behavior judges as it did.
fn is_same(one: &Behavior, other: &Behavior) -> bool {
    (&one.metric, &one.metric_dimension, &one.criteria) == (&other.metric, &other.metric_dimension, &other.criteria)
}

/// The id of a violation follows from what it is, so that whoever judges comes to the same.
fn id(profile: &Profile, thing: &str, behavior: &str, period: i64) -> String {
    let of = format!("{}\n{behavior}\n{thing}\n{period}", profile.name);
    format!("{:016x}{:016x}", digest(&of), digest(&format!("{of}\n")))
}
