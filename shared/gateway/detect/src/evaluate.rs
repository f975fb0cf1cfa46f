//! What a datapoint comes to: an alarm that begins, goes on or ends.

use crate::book::{Detect, Place};
use crate::context::Context;
use crate::found::found_otherwise;
use crate::profile::ProfileRow;
use crate::violation::{AlarmRow, EventRow, ViolationRow, event_key};
use behaviors::judge::{Reference, judge};
use behaviors::metric;
use behaviors::{Behavior, Judgement, Measured, MetricValue, PERIOD, Side, Transition};
use drydock_core::event::detect::ViolationState;
use drydock_core::{Done, Event, Timestamp};
use smol_str::{SmolStr, ToSmolStr};

/// When a behavior is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cadence {
    /// When so many seconds are over.
    Every(i64),
    /// With each report of the device.
    AtReport,
}

/// When a behavior is judged.
pub(crate) fn cadence(behavior: &Behavior) -> Cadence {
    let learnt = behavior.criteria.as_ref().is_some_and(|criteria| criteria.ml_detection_config.is_some());
    let cloud = metric::known(behavior.metric()).is_some_and(|metric| metric.side == Side::Cloud);
    match behavior.seconds() {
        Some(seconds) => Cadence::Every(seconds),
        None if learnt || cloud => Cadence::Every(PERIOD),
        None => Cadence::AtReport,
    }
}

impl Detect {
    /// Judges a datapoint of a device by a behavior.
    pub(crate) fn datapoint<T>(
        &mut self,
        (profile, behavior): (&SmolStr, &Behavior),
        thing: &SmolStr,
        (measured, at): (&Measured, Timestamp),
        reference: Option<Reference>,
        (context, done): (&Context<'_>, &mut Done<T>),
    ) {
        let Some(criteria) = &behavior.criteria else { return };
        let Some(Judgement { normal, value }) = judge(behavior, measured, reference) else { return };
        let place = Place::new(profile, &behavior.name, thing);
        let before = self.alarms.get(&place).cloned();
        let mut row = before.clone().unwrap_or_default();
        match row.alarm.step(normal, criteria) {
            Some(Transition::InAlarm) => {
                let id = context.ids.uuid().simple().to_smolstr();
                let violation =
                    ViolationRow { id, behavior: behavior.clone(), start: at, last: at, value, verified: None };
                self.happened(&place, &violation, Transition::InAlarm, at, done);
                row.violation = Some(violation);
            }
            Some(change) => {
                if let Some(violation) = row.violation.take() {
                    self.happened(&place, &ViolationRow { value, ..violation }, change, at, done);
                }
            }
            None => {
                if let Some(violation) = row.violation.as_mut().filter(|_| !normal) {
                    (violation.last, violation.value) = (at, value);
                    found_otherwise(thing, done);
                }
            }
        }
        if before.map_or(!row.alarm.is_quiet(), |before| before != row) {
            let write = self.put_alarm(&place, row);
            done.writes.push(write);
        }
    }

    /// Ends an alarm that nobody can judge any more.
    pub(crate) fn invalidate<T>(&mut self, place: &Place, at: Timestamp, done: &mut Done<T>) {
        let Some(AlarmRow { mut alarm, violation }) = self.alarms.get(place).cloned() else { return };
        if let (Some(change), Some(violation)) = (alarm.invalidate(), violation) {
            self.happened(place, &violation, change, at, done);
        }
        let write = self.put_alarm(place, AlarmRow::default());
        done.writes.push(write);
    }

    /// Ends the alarms of those behaviors of a profile that are no longer what they were.
    pub(crate) fn invalidate_changed<T>(
        &mut self,
        profile: &SmolStr,
        before: &ProfileRow,
        context: &Context<'_>,
        done: &mut Done<T>,
    ) {
        let now = self.profiles.get(profile);
        let judged = |behavior: &Behavior| {
            (behavior.metric.clone(), behavior.metric_dimension.clone(), behavior.criteria.clone())
        };
        let same = |behavior: &&Behavior| {
            now.and_then(|row| row.behavior(&behavior.name)).is_some_and(|now| judged(now) == judged(behavior))
        };
        let changed: Vec<_> =
            before.behaviors.iter().filter(|behavior| !same(behavior)).map(|behavior| behavior.name.clone()).collect();
        let fits = |place: &&Place| place.profile == *profile && changed.iter().any(|name| place.behavior == *name);
        let places: Vec<Place> = self.alarms.keys().filter(fits).cloned().collect();
        for place in places {
            self.invalidate(&place, context.now, done);
        }
    }

    /// Ends the alarms of devices that have no longer the profile: of one profile, or of all.
    pub(crate) fn invalidate_uncovered<T>(
        &mut self,
        profile: Option<&SmolStr>,
        context: &Context<'_>,
        done: &mut Done<T>,
    ) {
        let uncovered = |place: &&Place| {
            profile.is_none_or(|profile| place.profile == *profile)
                && !self.profiles_of(&place.thing, context.fleet).contains(&place.profile)
        };
        let places: Vec<Place> = self.alarms.keys().filter(uncovered).cloned().collect();
        for place in places {
            self.invalidate(&place, context.now, done);
        }
    }

    fn happened<T>(
        &mut self,
        place: &Place,
        violation: &ViolationRow,
        change: Transition,
        at: Timestamp,
        done: &mut Done<T>,
    ) {
        let ViolationRow { id, behavior, value, verified, .. } = violation;
        // A profile that is being deleted has nobody to tell any more.
        let targets = self.profiles.get(&place.profile).and_then(|row| row.alert_targets.as_ref());
        let alert = targets
            .and_then(|targets| targets.get("SNS"))
            .filter(|_| behavior.suppress_alerts != Some(true))
            .map(|target| (target.alert_target_arn.clone(), target.role_arn.clone()));
        let row = EventRow {
            id: id.clone(),
            thing: place.thing.clone(),
            profile: place.profile.clone(),
            behavior: behavior.clone(),
            value: value.clone(),
            change,
            at,
            verified: verified.clone(),
            untold: alert.is_some(),
            alert,
        };
        let write = self.put_event(event_key(at, id, change), row);
        done.writes.push(write);
        let violation = ViolationState {
            id: id.clone(),
            thing: place.thing.clone(),
            profile: place.profile.clone(),
            behavior: place.behavior.clone(),
            metric: behavior.metric().into(),
            value: shown(value),
            change: change.as_str(),
        };
        done.events.push(Event::ViolationChanged { violation: Box::new(violation), at });
    }
}

/// A value for people.
fn shown(value: &MetricValue) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
