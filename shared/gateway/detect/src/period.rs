//! A period that has ended: what was seen of each device becomes datapoints, and those are judged.

use crate::activity::Activity;
use crate::book::{AWAY, Detect, EVENTS, VALUES, json};
use crate::context::Context;
use crate::evaluate::{Cadence, cadence};
use crate::export::{Export, Exports};
use crate::found::found_otherwise;
use crate::series::{self, Reading, Scope, together};
use crate::violation;
use behaviors::judge::Reference;
use behaviors::metric::{self, DISCONNECT_DURATION};
use behaviors::statistics::{percentile, share};
use behaviors::{Behavior, Side};
use drydock_core::{Done, Timestamp, Write};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// How long an alarm waits for datapoints before nobody can say any more whether it is one: 2 days.
const SILENT: i64 = 2 * 24 * 3_600_000;

impl Detect {
    /// A period has ended: the datapoints of what was seen, what they come to, and what is no longer kept. The answer is what is to
    /// be exported.
    pub fn period(
        &mut self,
        end: Timestamp,
        activities: &BTreeMap<SmolStr, Activity>,
        context: &Context<'_>,
    ) -> Done<Vec<Export>> {
        let mut done = Done::reply(());
        let mut exports = Exports::default();
        self.note_away(activities, &mut done);
        let mut have: BTreeMap<SmolStr, BTreeSet<SmolStr>> = BTreeMap::new();
        for (thing, activity) in activities {
            let profiles = have.entry(thing.clone()).or_insert_with(|| self.profiles_of(thing, context.fleet));
            for (scope, to) in self.wanted(profiles) {
                let reading = activity.reading(thing, &scope, self.filters(&scope));
                if let Some(reading) = reading {
                    exports.add(&to, thing, &scope, &reading, end);
                    self.keep(&scope, thing, end, reading, &mut done);
                }
            }
        }
        self.keep_away(end, activities, &mut have, (context, &mut exports, &mut done));
        self.invalidate_uncovered(None, context, &mut done);
        self.train(end, &mut done);
        self.judge_period(end, &mut have, context, &mut done);
        self.invalidate_silent(end, &mut done);
        self.forget(end, &mut done);
        done.map(|()| exports.batches())
    }

    pub(crate) fn keep<T>(
        &mut self,
        scope: &Scope,
        thing: &SmolStr,
        at: Timestamp,
        reading: Reading,
        done: &mut Done<T>,
    ) {
        let row = self.series.add(scope, thing, at, reading);
        done.writes.push(Write::put(VALUES, series::key(scope, thing, series::hour(at)), json(&row)));
    }

    fn note_away(&mut self, activities: &BTreeMap<SmolStr, Activity>, done: &mut Done<()>) {
        for (thing, activity) in activities {
            match activity.away_since {
                Some(since) => {
                    self.away.insert(thing.clone(), since);
                    done.writes.push(Write::put(AWAY, thing.as_str(), json(&since)));
                }
                None if activity.connected && self.away.remove(thing).is_some() => {
                    done.writes.push(Write::delete(AWAY, thing.as_str()));
                }
                None => {}
            }
        }
    }

    /// For how many minutes devices are away: none where they are connected.
    fn keep_away(
        &mut self,
        end: Timestamp,
        activities: &BTreeMap<SmolStr, Activity>,
        have: &mut BTreeMap<SmolStr, BTreeSet<SmolStr>>,
        (context, exports, done): (&Context<'_>, &mut Exports, &mut Done<()>),
    ) {
        let scope = Scope { metric: DISCONNECT_DURATION.to_owned(), dimension: None };
        let back = activities.iter().filter(|(_, activity)| activity.connected && activity.away_since.is_none());
        let back = back.map(|(thing, _)| (thing.clone(), 0));
        let away = self.away.iter().map(|(thing, since)| (thing.clone(), end.since(*since).max(0)));
        for (thing, millis) in back.chain(away).collect::<Vec<_>>() {
            let profiles = have.entry(thing.clone()).or_insert_with(|| self.profiles_of(&thing, context.fleet));
            let Some(to) = self.wanted(profiles).remove(&scope) else { continue };
            exports.add(&to, &thing, &scope, &Reading::Count(millis / 1000), end);
            self.keep(&scope, &thing, end, Reading::Count(millis / 60_000), done);
        }
    }

    fn judge_period(
        &mut self,
        end: Timestamp,
        have: &mut BTreeMap<SmolStr, BTreeSet<SmolStr>>,
        context: &Context<'_>,
        done: &mut Done<()>,
    ) {
        let attached: BTreeSet<SmolStr> = self.targets.iter().map(|(_, profile)| profile.clone()).collect();
        for profile in attached {
            let Some(row) = self.profiles.get(&profile) else { continue };
            for behavior in row.behaviors.clone() {
                let Cadence::Every(seconds) = cadence(&behavior) else { continue };
                if end.millis() % (seconds * 1000) != 0 {
                    continue;
                }
                let scope = Scope::of(&behavior);
                let span = (end.plus_millis(-seconds * 1000), end);
                let points: Vec<(SmolStr, Reading)> = self
                    .series
                    .things(&scope)
                    .filter_map(|thing| {
                        let readings = self.series.between(&scope, thing, span).map(|(_, reading)| reading);
                        Some((thing.clone(), together(&scope, readings)?))
                    })
                    .collect();
                let reference = self.reference(&profile, &behavior, &points);
                for (thing, reading) in points {
                    let profiles = have.entry(thing.clone()).or_insert_with(|| self.profiles_of(&thing, context.fleet));
                    if profiles.contains(&profile) {
                        let measured = reading.measured();
                        self.datapoint((&profile, &behavior), &thing, (&measured, end), reference, (context, done));
                    }
                }
            }
        }
    }

    /// What datapoints of a period are compared with, where the behavior does not say so itself.
    fn reference(&self, profile: &SmolStr, behavior: &Behavior, points: &[(SmolStr, Reading)]) -> Option<Reference> {
        let criteria = behavior.criteria.as_ref()?;
        if criteria.ml_detection_config.is_some() {
            return self.learnt(profile, &behavior.name).map(Reference::Learnt);
        }
        let share = share(criteria.statistical_threshold.as_ref()?.statistic.as_deref()?)?;
        let mut fleet: Vec<f64> = points.iter().filter_map(|(_, reading)| reading.value().as_number()).collect();
        percentile(&mut fleet, share).map(Reference::Percentile)
    }

    /// Ends the alarms of devices that have had no datapoint for long.
    fn invalidate_silent(&mut self, end: Timestamp, done: &mut Done<()>) {
        let silent = |place: &&crate::book::Place| {
            let behavior = self.profiles.get(&place.profile).and_then(|row| row.behavior(&place.behavior));
            let last = behavior.and_then(|behavior| self.series.last(&Scope::of(behavior), &place.thing));
            last.is_none_or(|last| end.since(last) > SILENT)
        };
        let places: Vec<_> = self.alarms.keys().filter(silent).cloned().collect();
        for place in places {
            self.invalidate(&place, end, done);
        }
    }

    /// Forgets what is kept no longer.
    fn forget(&mut self, end: Timestamp, done: &mut Done<()>) {
        let gone = self.series.prune(end);
        done.writes.extend(gone.into_iter().map(|key| Write::delete(VALUES, key)));
        let oldest = format!("{:016}", end.plus_millis(-violation::KEPT).millis().max(0));
        let old: Vec<String> = self.events.range(..oldest).map(|(key, _)| key.clone()).collect();
        for key in old {
            if let Some(row) = self.events.remove(&key) {
                self.lose(&row);
                found_otherwise(&row.thing, done);
            }
            self.untold.remove(&key);
            done.writes.push(Write::delete(EVENTS, key));
        }
    }

    /// Whether devices report what a behavior or a profile asks for, and not AWS IoT.
    pub(crate) fn is_of_devices(scope: &Scope) -> bool {
        metric::known(&scope.metric).is_none_or(|metric| metric.side == Side::Device)
    }
}
