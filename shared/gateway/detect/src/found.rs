//! What the fleet index has of a device as `deviceDefender`.
//!
//! Source: "Managed fields" of the fleet indexing pages of the AWS IoT Core developer guide.

use crate::book::{Detect, Place};
use crate::violation::EventRow;
use behaviors::{MetricValue, Transition};
use drydock_core::{Done, Event, Timestamp};
use serde_json::{Map, Value, json};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// How the behaviors of profiles were last violated by a device.
pub(crate) type Found = BTreeMap<(SmolStr, SmolStr), Last>;

/// The beginning of the last violation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Last {
    metric: SmolStr,
    at: Timestamp,
    value: MetricValue,
}

fn key(row: &EventRow) -> (SmolStr, SmolStr) {
    (row.profile.clone(), SmolStr::new(&row.behavior.name))
}

/// Tells that what was found in a device is another matter: of several of a change at once.
pub(crate) fn found_otherwise<T>(thing: &SmolStr, done: &mut Done<T>) {
    match done.events.last_mut() {
        Some(Event::FoundOtherwise { things }) if things.last() == Some(thing) => {}
        Some(Event::FoundOtherwise { things }) => things.push(thing.clone()),
        _ => done.events.push(Event::FoundOtherwise { things: vec![thing.clone()] }),
    }
}

impl Detect {
    /// Tells of the devices in which something was found by a profile, which has come or gone.
    pub(crate) fn found_by<T>(&self, profile: &str, done: &mut Done<T>) {
        let has_some = |found: &Found| found.keys().any(|(by, _)| by == profile);
        for (thing, _) in self.found.iter().filter(|(_, found)| has_some(found)) {
            found_otherwise(thing, done);
        }
    }

    /// Takes note of an event, which may come in any order when it is loaded.
    pub(crate) fn find(&mut self, row: &EventRow) {
        if row.change != Transition::InAlarm {
            return;
        }
        let of = self.found.entry(row.thing.clone()).or_default();
        if of.get(&key(row)).is_none_or(|last| last.at <= row.at) {
            let last = Last { metric: row.behavior.metric().into(), at: row.at, value: row.value.clone() };
            of.insert(key(row), last);
        }
    }

    /// An event is kept no longer.
    pub(crate) fn lose(&mut self, row: &EventRow) {
        let Some(of) = self.found.get_mut(&row.thing) else { return };
        if of.get(&key(row)).is_some_and(|last| last.at <= row.at) {
            of.remove(&key(row));
        }
        if of.is_empty() {
            self.found.remove(&row.thing);
        }
    }

    /// What the fleet index has of a device: `violationCount`, and by profile and behavior how it was last violated, and whether it
    /// is. `None` where nothing was found in the last 30 days.
    #[must_use]
    pub fn indexed(&self, thing: &str) -> Option<Value> {
        let found = self.found.get(thing)?;
        let mut profiles: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        let mut count = 0;
        for ((profile, behavior), last) in found.iter().filter(|((profile, _), _)| self.has_profile(profile)) {
            let place = Place::new(profile, behavior, thing);
            let active = self.alarms.get(&place).and_then(|row| row.violation.as_ref());
            count += usize::from(active.is_some());
            let (at, value) = active.map_or((last.at, &last.value), |violation| (violation.last, &violation.value));
            let shown = json!({
                "metricName": last.metric,
                "lastViolationTime": at.seconds(),
                "lastViolationValue": value,
                "inViolation": active.is_some(),
            });
            profiles.entry(profile.as_str()).or_default().insert(behavior.to_string(), shown);
        }
        let mut document = Map::from_iter([("violationCount".to_owned(), json!(count))]);
        document.extend(profiles.into_iter().map(|(profile, behaviors)| (profile.to_owned(), behaviors.into())));
        Some(document.into())
    }
}
