//! What happens at the end of each minute: what was counted goes to its metrics, and alarms are evaluated.
//!
//! A minute in which nothing is counted and no alarm has anything to look at is not waited for: a clock that is advanced by a year
//! makes no stop a minute. CloudWatch looks at each of its stops instead whether there is something to do (`Reminder::look_by`).

use super::datum::Datum;
use super::metric::{Metric, Unit};
use super::queues;
use super::state::{CloudWatch, Held, Source};
use crate::context::lock;
use async_trait::async_trait;
use drydock_core::Timestamp;
use drydock_timers::Due;
use std::sync::Arc;

/// A minute, in milliseconds; and how often alarms of a shorter period are evaluated.
const MINUTE: i64 = 60_000;
const SHORT: i64 = 10_000;
/// How often what is counted here goes to the disk.
const WRITTEN: i64 = 5 * MINUTE;

fn floor(at: Timestamp, grain: i64) -> Timestamp {
    at.plus_millis(-at.millis().rem_euclid(grain))
}

/// How often alarms are evaluated.
fn grain(held: &Held) -> i64 {
    if held.alarms.values().any(|alarm| alarm.config.period() < 60) { SHORT } else { MINUTE }
}

#[async_trait]
impl Due for CloudWatch {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let (grain, ends) = {
            let mut held = self.held();
            let grain = grain(&held);
            let busy = self.is_busy(&held);
            let next = floor(now, grain).plus_millis(grain);
            let on_time = now >= held.minute.next && now.since(held.minute.next) < grain;
            let ends = (now >= held.minute.next && (on_time || held.minute.armed) && busy).then(|| floor(now, grain));
            if now >= held.minute.next {
                held.minute.next = next;
            }
            if let Some(end) = ends {
                self.end_minute(&mut held, end);
            }
            (grain, ends)
        };
        if let Some(end) = ends {
            self.evaluate_all(end).await;
        }
        let mut held = self.held();
        let next = floor(now, grain).plus_millis(grain);
        held.minute.armed = self.is_busy(&held);
        if held.minute.armed {
            return Some(next);
        }
        drop(held);
        self.context.meter.reminder().look_by(next);
        None
    }
}

impl CloudWatch {
    /// Whether the end of this minute has something to do.
    fn is_busy(&self, held: &Held) -> bool {
        held.minute.restless
            || !self.context.meter.is_empty()
            || queues::are_busy(&self.sqs, &held.queues, self.context.now())
            || self.counts().iter().any(|(metric, count)| held.counted.get(metric).copied().unwrap_or(0) != *count)
    }

    fn counts(&self) -> Vec<(Metric, u64)> {
        let mut sources = lock(&self.sources);
        sources.retain(|source| source.strong_count() > 0);
        let sources: Vec<Arc<dyn Source>> = sources.iter().filter_map(std::sync::Weak::upgrade).collect();
        sources.iter().flat_map(|source| source.counts()).collect()
    }

    fn end_minute(&self, held: &mut Held, end: Timestamp) {
        // What was counted is of the stretch that ends now.
        self.gather(held, end.plus_millis(-1));
        if end.millis().rem_euclid(MINUTE) == 0 {
            let begin = end.plus_millis(-MINUTE);
            for (metric, at, unit, value) in queues::gauges(&self.sqs, &mut held.queues, begin, end) {
                held.series.put(&metric, at, 60, unit, &Datum::of(value, 1.0));
            }
        }
        held.series.age(end);
        if end.millis().rem_euclid(WRITTEN) == 0 {
            self.context.journal.submit(held.series.writes());
        }
    }

    /// Brings what was counted to its metrics; the growth of the sources' counts as of a time.
    pub(super) fn gather(&self, held: &mut Held, at: Timestamp) {
        for ((metric, begins, resolution, unit), datum) in self.context.meter.take() {
            held.series.put(&metric, Timestamp(begins.saturating_mul(1000)), resolution, unit, &datum);
        }
        for (metric, count) in self.counts() {
            let before = held.counted.get(&metric).copied().unwrap_or(0);
            if count == before {
                continue;
            }
            // A count that is less than before began anew.
            let grown = if count > before { count - before } else { count };
            #[expect(clippy::cast_precision_loss, reason = "as a double it is what a metric's value is")]
            held.series.put(&metric, at, 60, Unit::COUNT, &Datum::of(grown as f64, 1.0));
            held.counted.insert(metric, count);
        }
    }

    /// What has happened up to now, for who reads.
    pub(super) fn fresh(&self) -> std::sync::MutexGuard<'_, Held> {
        let mut held = self.held();
        self.gather(&mut held, self.context.now());
        held
    }

    /// Has the end of this minute looked at, as something came that alarms may look at.
    pub(super) fn wake(&self, held: &mut Held) {
        (held.minute.restless, held.minute.restless_minutes) = (true, true);
        let now = self.context.now();
        let grain = grain(held);
        self.context.meter.reminder().by(floor(now, grain).plus_millis(grain));
    }
}
