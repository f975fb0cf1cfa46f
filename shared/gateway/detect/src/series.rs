//! The datapoints: of each metric that somebody wants, by device, for two weeks.

use behaviors::metric::{self, Span};
use behaviors::{Behavior, Dimension, Measured, MetricValue};
use drydock_core::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// How long datapoints are kept: 14 days.
pub(crate) const KEPT: i64 = 14 * 24 * HOUR;
/// What one row has.
const HOUR: i64 = 3_600_000;
/// The most datapoints that are kept: beyond, the oldest go, whatever their age.
const MOST: usize = 2_000_000;

/// What is measured: a metric, of all messages or of those that a dimension names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Scope {
    pub(crate) metric: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimension: Option<Dimension>,
}

impl Scope {
    /// What a behavior is about.
    pub(crate) fn of(behavior: &Behavior) -> Self {
        Self { metric: behavior.metric().to_owned(), dimension: behavior.metric_dimension.clone() }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reading {
    Count(i64),
    /// The least and the most bytes of messages.
    Sizes {
        least: i64,
        most: i64,
    },
    Value(MetricValue),
}

impl Reading {
    /// One value, as lists show it: of messages, the largest.
    pub(crate) fn value(&self) -> MetricValue {
        match self {
            Self::Count(count) => MetricValue::count(*count),
            Self::Sizes { most, .. } => MetricValue::count(*most),
            Self::Value(value) => value.clone(),
        }
    }

    pub(crate) fn measured(&self) -> Measured {
        match self {
            Self::Sizes { least, most } => Measured::Between { least: *least, most: *most },
            other => Measured::One(other.value()),
        }
    }
}

/// Several datapoints as one: counts of what happens are summed up, of messages the ends are taken, and of what is a state the last.
pub(crate) fn together<'r>(scope: &Scope, readings: impl Iterator<Item = &'r Reading>) -> Option<Reading> {
    let summed = metric::known(&scope.metric).is_some_and(|metric| metric.span == Span::Summed);
    readings.fold(None, |all, reading| {
        Some(match (all, reading) {
            (Some(Reading::Count(all)), Reading::Count(count)) if summed => Reading::Count(all.saturating_add(*count)),
            (Some(Reading::Sizes { least: a, most: b }), Reading::Sizes { least, most }) => {
                Reading::Sizes { least: a.min(*least), most: b.max(*most) }
            }
            (_, reading) => reading.clone(),
        })
    })
}

/// A row: the datapoints of a device and a metric within an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HourRow {
    pub(crate) thing: SmolStr,
    pub(crate) scope: Scope,
    pub(crate) points: Vec<(Timestamp, Reading)>,
}

/// The datapoints of a device and a metric, by the hour.
type Hours = BTreeMap<i64, Vec<(Timestamp, Reading)>>;

/// All datapoints.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// By what is measured, by device, by the hour.
    of: BTreeMap<Scope, BTreeMap<SmolStr, Hours>>,
    count: usize,
}

/// The hour that a time is in.
pub(crate) fn hour(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR)
}

/// The key of a row. What is in it cannot be taken for another: the device's name, which may have any characters, comes last.
pub(crate) fn key(scope: &Scope, thing: &str, hour: i64) -> String {
    let dimension = scope.dimension.as_ref().map_or_else(String::new, |of| {
        let operator = if of.operator == Some(behaviors::Operator::NotIn) { "not-in" } else { "in" };
        format!("{}/{operator}", of.dimension_name)
    });
    format!("{hour:012}|{}|{dimension}|{thing}", scope.metric)
}

impl Series {
    /// Adds a datapoint, and gives the row that it is in.
    pub(crate) fn add(&mut self, scope: &Scope, thing: &str, at: Timestamp, reading: Reading) -> HourRow {
        let things = self.of.entry(scope.clone()).or_default();
        let points = things.entry(thing.into()).or_default().entry(hour(at)).or_default();
        self.count += 1;
        points.push((at, reading));
        HourRow { thing: thing.into(), scope: scope.clone(), points: points.clone() }
    }

    /// Puts a row in the place of what it was.
    pub(crate) fn put(&mut self, row: HourRow) {
        let Some((at, _)) = row.points.first() else { return };
        let hour = hour(*at);
        self.count += row.points.len();
        let before = self.of.entry(row.scope).or_default().entry(row.thing).or_default().insert(hour, row.points);
        self.count -= before.as_ref().map_or(0, Vec::len);
    }

    /// The datapoints of a device after a time and up to another.
    pub(crate) fn between(
        &self,
        scope: &Scope,
        thing: &str,
        (after, to): (Timestamp, Timestamp),
    ) -> impl Iterator<Item = &(Timestamp, Reading)> {
        let hours = self.of.get(scope).and_then(|things| things.get(thing));
        let hours = hours.into_iter().flat_map(move |hours| hours.range(hour(after)..=hour(to)));
        hours.flat_map(|(_, points)| points).filter(move |(at, _)| *at > after && *at <= to)
    }

    /// What is measured.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.of.keys()
    }

    /// The devices that have datapoints of a metric.
    pub(crate) fn things(&self, scope: &Scope) -> impl Iterator<Item = &SmolStr> {
        self.of.get(scope).into_iter().flat_map(BTreeMap::keys)
    }

    /// When a device had its last datapoint.
    pub(crate) fn last(&self, scope: &Scope, thing: &str) -> Option<Timestamp> {
        let (_, points) = self.of.get(scope)?.get(thing)?.last_key_value()?;
        points.last().map(|(at, _)| *at)
    }

    /// Takes out what is too old, or too much, and gives the keys of its rows.
    pub(crate) fn prune(&mut self, now: Timestamp) -> Vec<String> {
        let mut oldest = hour(now.plus_millis(-KEPT));
        let mut gone = self.before(oldest);
        while self.count > MOST && oldest < hour(now) {
            oldest += 1;
            gone.extend(self.before(oldest));
        }
        gone
    }

    fn before(&mut self, oldest: i64) -> Vec<String> {
        let mut gone = Vec::new();
        for (scope, things) in &mut self.of {
            things.retain(|thing, hours| {
                while let Some(first) = hours.first_entry()
                    && *first.key() < oldest
                {
                    let (hour, points) = first.remove_entry();
                    self.count -= points.len();
                    gone.push(key(scope, thing, hour));
                }
                !hours.is_empty()
            });
        }
        self.of.retain(|_, things| !things.is_empty());
        gone
    }
}
