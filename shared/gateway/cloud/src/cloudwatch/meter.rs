//! What is counted and measured in this process, until it goes to its metrics: at the end of its minute, or when somebody reads.

use super::datum::Datum;
use super::embedded::{self, Value};
use super::metric::{Metric, Unit};
use drydock_core::Timestamp;
use drydock_timers::{Reminder, Timers};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many stretches of different metrics may wait for the end of the minute; what is more is not counted.
const MOST: usize = 20_000;
/// By how much at most the time of a line may be off the machine's clock to be taken for a time on it, in milliseconds.
const NEAR: i64 = 15 * 60 * 1000;

/// What waits: the metric, where its stretch begins in seconds, how long it is, the unit.
pub(super) type Waiting = BTreeMap<(Metric, i64, i64, Unit), Datum>;

/// Takes the values of metrics that are embedded in the lines of a log ("Embedded metric format").
pub trait Embedded: Send + Sync {
    /// Looks through a line of a log, written at a time of the gateway's clock. What is not in the format is left alone.
    fn embedded(&self, line: &str, written: Timestamp);
}

/// Counts and measures. Never waits, and keeps a bounded number of values.
pub struct Meter {
    timers: Timers,
    reminder: Reminder,
    waiting: Mutex<Waiting>,
}

impl Meter {
    pub(crate) fn new(timers: &Timers) -> Self {
        Self { reminder: timers.reminder("CloudWatch"), timers: timers.clone(), waiting: Mutex::default() }
    }

    pub(super) fn reminder(&self) -> &Reminder {
        &self.reminder
    }

    /// Takes a value of a metric, now.
    pub fn note(&self, metric: Metric, unit: Unit, value: f64) {
        self.add(metric, self.timers.now(), 60, unit, &Datum::of(value, 1.0));
    }

    /// Takes a value of a metric at a time.
    pub fn note_at(&self, metric: Metric, at: Timestamp, unit: Unit, value: f64) {
        self.add(metric, at, 60, unit, &Datum::of(value, 1.0));
    }

    fn add(&self, metric: Metric, at: Timestamp, resolution: i64, unit: Unit, datum: &Datum) {
        let seconds = at.seconds();
        let key = (metric, seconds - seconds.rem_euclid(resolution), resolution, unit);
        let first = {
            let mut waiting = self.waiting();
            let first = waiting.is_empty();
            if let Some(held) = waiting.get_mut(&key) {
                held.add(datum);
            } else if waiting.len() < MOST {
                waiting.insert(key, datum.clone());
            }
            first
        };
        if first {
            let now = self.timers.now();
            self.reminder.by(now.plus_millis(60_000 - now.millis().rem_euclid(60_000)));
        }
    }

    /// Whoever panics with it in hand has left it whole.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting())
    }
}

impl Embedded for Meter {
    fn embedded(&self, line: &str, written: Timestamp) {
        if !embedded::may_be(line) {
            return;
        }
        let machine = self.timers.machine_now();
        for Value { metric, unit, resolution, datum, at } in embedded::read(line) {
            // A function that reads the machine's clock says its time where the gateway's is another.
            let of_machine = at.since(machine).abs() < NEAR && written.since(machine).abs() >= NEAR;
            self.add(metric, if of_machine { written } else { at }, resolution, unit, &datum);
        }
    }
}
