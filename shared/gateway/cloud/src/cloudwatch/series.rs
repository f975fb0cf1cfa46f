//! All values of all metrics, and how long they are kept: those of a second for three hours, of a minute for fifteen days, of five
//! minutes for 63 days, of an hour for 455 days ("Metrics retention"). What is older than its time is taken together.

use super::datum::Datum;
use super::metric::{Metric, Unit};
use crate::error::CloudError;
use crate::journal::Rows;
use drydock_core::{Timestamp, Write};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const METRICS: &str = "cloudwatch-metric";
const POINTS: &str = "cloudwatch-points";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// From which age on, in seconds, values are taken together to which stretch.
const FOLDS: [(i64, i64); 3] = [(63 * DAY, HOUR), (15 * DAY, 300), (3 * HOUR, 60)];
/// How long values are kept at most.
const KEPT: i64 = 455 * DAY;
/// How many metrics there may be.
pub(super) const MOST_METRICS: usize = 50_000;
/// How many stretches of values there may be: the oldest go where there are more.
const MOST_POINTS: usize = 1_000_000;
/// For how long a metric without new values is listed ("ListMetrics": two weeks).
pub(super) const LISTED: i64 = 14 * DAY;

/// When a stretch begins, in seconds since 1970, and its unit.
type Place = (i64, Unit);

#[derive(Debug, Default)]
struct Series {
    id: u64,
    points: BTreeMap<Place, Datum>,
    /// When a value last came, in seconds.
    latest: i64,
}

#[derive(Serialize, Deserialize)]
struct PointRow {
    at: i64,
    unit: Unit,
    #[serde(flatten)]
    datum: Datum,
}

#[derive(Serialize, Deserialize)]
struct MetricRow {
    #[serde(flatten)]
    metric: Metric,
    latest: i64,
}

/// All values of all metrics.
#[derive(Debug, Default)]
pub(super) struct AllSeries {
    all: BTreeMap<Metric, Series>,
    next: u64,
    points: usize,
    /// The hours whose rows are to be written.
    unwritten: BTreeSet<(Metric, i64)>,
    /// The rows of metrics that are forgotten.
    gone: Vec<Write>,
    folded: i64,
}

impl AllSeries {
    pub(super) fn read(rows: &Rows) -> Result<Self, CloudError> {
        let mut of_id = HashMap::new();
        let mut held = Self::default();
        for (key, MetricRow { metric, latest }) in rows.table::<MetricRow>(METRICS)? {
            let id = u64::from_str_radix(&key, 16).unwrap_or_default();
            held.next = held.next.max(id + 1);
            of_id.insert(id, metric.clone());
            held.all.insert(metric, Series { id, points: BTreeMap::new(), latest });
        }
        for (key, points) in rows.table::<Vec<PointRow>>(POINTS)? {
            let id = key.split('/').next().and_then(|id| u64::from_str_radix(id, 16).ok());
            let Some(series) = id.and_then(|id| held.all.get_mut(of_id.get(&id)?)) else { continue };
            held.points += points.len();
            series.points.extend(points.into_iter().map(|point| ((point.at, point.unit), point.datum)));
        }
        Ok(held)
    }

    /// Whether a metric can be had, one more than there are.
    pub(super) fn has_room_for(&self, metric: &Metric) -> bool {
        self.all.len() < MOST_METRICS || self.all.contains_key(metric)
    }

    /// Takes values in, at a time; `resolution` is the length of their stretch in seconds, 1 or 60.
    pub(super) fn put(&mut self, metric: &Metric, at: Timestamp, resolution: i64, unit: Unit, datum: &Datum) {
        if !self.has_room_for(metric) {
            return;
        }
        let seconds = at.seconds();
        let place = (seconds - seconds.rem_euclid(resolution), unit);
        let next = &mut self.next;
        let series = self.all.entry(metric.clone()).or_insert_with(|| {
            *next += 1;
            Series { id: *next - 1, ..Series::default() }
        });
        series.latest = series.latest.max(seconds);
        match series.points.get_mut(&place) {
            Some(held) => held.add(datum),
            None => {
                series.points.insert(place, datum.clone());
                self.points += 1;
            }
        }
        self.unwritten.insert((metric.clone(), place.0.div_euclid(HOUR)));
        self.bound();
    }

    /// Drops the oldest where there are too many.
    fn bound(&mut self) {
        while self.points > MOST_POINTS {
            let mut times: Vec<i64> =
                self.all.values().flat_map(|series| series.points.keys().map(|(at, _)| *at)).collect();
            let tenth = times.len() / 10;
            let (_, limit, _) = times.select_nth_unstable(tenth);
            let limit = *limit + 1;
            self.forget_before(limit);
        }
    }

    fn forget_before(&mut self, limit: i64) {
        for (metric, series) in &mut self.all {
            let kept = series.points.split_off(&(limit, Unit::NONE));
            let gone = std::mem::replace(&mut series.points, kept);
            self.points -= gone.len();
            self.unwritten.extend(gone.keys().map(|(at, _)| (metric.clone(), at.div_euclid(HOUR))));
        }
    }

    /// Takes together what is old by now, once an hour.
    pub(super) fn age(&mut self, now: Timestamp) {
        let hour = now.seconds().div_euclid(HOUR);
        if hour <= self.folded {
            return;
        }
        self.folded = hour;
        self.forget_before(now.seconds() - KEPT);
        for (metric, series) in &mut self.all {
            for (age, stretch) in FOLDS {
                let limit = (now.seconds() - age).div_euclid(HOUR) * HOUR;
                let old: Vec<Place> = series
                    .points
                    .range(..(limit, Unit::NONE))
                    .map(|(place, _)| *place)
                    .filter(|(at, _)| at.rem_euclid(stretch) != 0)
                    .collect();
                for (at, unit) in old {
                    let Some(datum) = series.points.remove(&(at, unit)) else { continue };
                    self.points -= 1;
                    self.unwritten.insert((metric.clone(), at.div_euclid(HOUR)));
                    let place = (at - at.rem_euclid(stretch), unit);
                    match series.points.get_mut(&place) {
                        Some(held) => held.add(&datum),
                        None => {
                            series.points.insert(place, datum);
                            self.points += 1;
                        }
                    }
                }
            }
        }
        let limit = now.seconds() - KEPT;
        let gone = &mut self.gone;
        // What goes with its last values has its rows deleted before that of its name.
        self.all.retain(|metric, series| {
            let kept = !series.points.is_empty() || series.latest >= limit;
            if !kept {
                let hours = self.unwritten.range((metric.clone(), i64::MIN)..=(metric.clone(), i64::MAX));
                gone.extend(hours.map(|(_, hour)| Write::delete(POINTS, point_key(series.id, *hour))));
                gone.push(Write::delete(METRICS, format!("{:x}", series.id)));
            }
            kept
        });
    }

    /// The rows of what has changed since it was asked last.
    pub(super) fn writes(&mut self) -> Vec<Write> {
        let mut writes = std::mem::take(&mut self.gone);
        for (metric, hour) in std::mem::take(&mut self.unwritten) {
            let Some(series) = self.all.get(&metric) else { continue };
            let range = (hour.saturating_mul(HOUR), Unit::NONE)..((hour + 1).saturating_mul(HOUR), Unit::NONE);
            let points = series.points.range(range);
            let points: Vec<PointRow> =
                points.map(|((at, unit), datum)| PointRow { at: *at, unit: *unit, datum: datum.clone() }).collect();
            let key = point_key(series.id, hour);
            writes.push(match points.is_empty() {
                true => Write::delete(POINTS, key),
                false => row(POINTS, &key, &points),
            });
            writes.push(row(METRICS, &format!("{:x}", series.id), &MetricRow { metric, latest: series.latest }));
        }
        writes
    }

    /// Forgets everything; the rows that say so.
    pub(super) fn clear(&mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        for series in std::mem::take(self).all.into_values() {
            let hours: BTreeSet<i64> = series.points.keys().map(|(at, _)| at.div_euclid(HOUR)).collect();
            writes.extend(hours.into_iter().map(|hour| Write::delete(POINTS, point_key(series.id, hour))));
            writes.push(Write::delete(METRICS, format!("{:x}", series.id)));
        }
        writes
    }

    /// The metrics and when a value last came, in seconds.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (&Metric, i64)> {
        self.all.iter().map(|(metric, series)| (metric, series.latest))
    }

    /// The values of a metric from a time up to before another, in seconds, taken together to stretches of `period` seconds that
    /// begin at `start`; those of one unit alone where one is named.
    pub(super) fn stretches(
        &self,
        metric: &Metric,
        unit: Option<Unit>,
        (start, end): (i64, i64),
        period: i64,
    ) -> BTreeMap<i64, Vec<(Unit, Datum)>> {
        let mut stretches: BTreeMap<i64, Vec<(Unit, Datum)>> = BTreeMap::new();
        for ((at, of), datum) in self.within(metric, unit, (start, end)) {
            let begins = at - (at - start).rem_euclid(period);
            let stretch = stretches.entry(begins).or_default();
            match stretch.iter_mut().find(|(unit, _)| unit == of) {
                Some((_, held)) => held.add(datum),
                None => stretch.push((*of, datum.clone())),
            }
        }
        stretches
    }

    /// Whether there are values of a metric from a time up to before another, in seconds; of one unit alone where one is named.
    pub(super) fn has_values(&self, metric: &Metric, unit: Option<Unit>, range: (i64, i64)) -> bool {
        self.within(metric, unit, range).next().is_some()
    }

    fn within(
        &self,
        metric: &Metric,
        unit: Option<Unit>,
        (start, end): (i64, i64),
    ) -> impl Iterator<Item = (&Place, &Datum)> {
        let series = self.all.get(metric).filter(|_| start < end);
        let points =
            series.into_iter().flat_map(move |series| series.points.range((start, Unit::NONE)..(end, Unit::NONE)));
        points.filter(move |((_, of), _)| unit.is_none_or(|unit| unit == *of))
    }
}

fn point_key(series: u64, hour: i64) -> String {
    format!("{series:x}/{hour:010}")
}

fn row(table: &'static str, key: &str, row: &impl Serialize) -> Write {
    // Rows are structs of texts and finite numbers: writing them as JSON does not fail.
    Write::put(table, key, serde_json::to_string(row).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_taken_together_and_then_forgotten() {
        let mut all = AllSeries::default();
        let metric = Metric::new("n", "m", &[]);
        let start = 1_800_000_000 / HOUR * HOUR;
        for second in 0..120 {
            all.put(&metric, Timestamp((start + second) * 1000), 1, Unit::NONE, &Datum::of(1.0, 1.0));
        }
        let count = |all: &AllSeries| all.all.get(&metric).map_or(0, |series| series.points.len());
        assert_eq!(count(&all), 120);
        for (after, expected) in [(HOUR, 120), (5 * HOUR, 2), (16 * DAY, 1), (64 * DAY, 1), (457 * DAY, 0)] {
            all.age(Timestamp((start + after) * 1000));
            assert_eq!(count(&all), expected, "after {after} s");
            if expected > 0 {
                let stretches = all.stretches(&metric, None, (start, start + HOUR), HOUR);
                let datum = &stretches.values().next().unwrap()[0].1;
                assert_eq!((datum.count, datum.sum), (120.0, 120.0));
            }
        }
        assert_eq!(all.points, 0);
    }
}
