//! What CloudWatch knows, and of which rows.

use super::alarm::Alarm;
use super::history::History;
use super::meter::Embedded;
use super::metric::{Metric, Unit};
use super::protocol;
use super::queues;
use super::series::AllSeries;
use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::sns::Sns;
use crate::sqs::Sqs;
use crate::stand_in::{Facts, Service};
use drydock_core::{Arn, Timestamp, Write};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// CloudWatch.
pub const SERVICE: Service = Service::new(&Facts {
    name: "monitoring",
    title: "Amazon CloudWatch",
    targets: &[protocol::TARGET],
    path: "/service/GraniteServiceVersion20100801/",
    ..Facts::PLAIN
});

pub(super) const ALARMS: &str = "cloudwatch-alarm";

/// Who counts something that is asked once a minute rather than told at each step.
pub trait Source: Send + Sync {
    /// Every count there is, each since the start: what it has grown by goes to its metric.
    fn counts(&self) -> Vec<(Metric, u64)>;
}

/// Metrics and alarms.
pub struct CloudWatch {
    pub(super) context: Arc<Context>,
    pub(super) outlets: Arc<Outlets>,
    pub(super) sns: Arc<Sns>,
    pub(super) sqs: Arc<Sqs>,
    held: Mutex<Held>,
    pub(super) sources: Mutex<Vec<Weak<dyn Source>>>,
}

/// What is known.
#[derive(Default)]
pub(super) struct Held {
    pub(super) series: AllSeries,
    pub(super) alarms: BTreeMap<String, Alarm>,
    pub(super) history: History,
    /// How far the counts of the sources have been taken over.
    pub(super) counted: HashMap<Metric, u64>,
    pub(super) queues: queues::Seen,
    pub(super) minute: Minute,
}

/// Where the minutes are.
#[derive(Debug)]
pub(super) struct Minute {
    /// When the next one ends, as it was seen last.
    pub(super) next: Timestamp,
    /// Whether something waits for it.
    pub(super) armed: bool,
    /// Whether an alarm may have another state after it though nothing comes.
    pub(super) restless: bool,
    /// The same of those alone whose periods are whole minutes.
    pub(super) restless_minutes: bool,
}

impl Default for Minute {
    fn default() -> Self {
        // Alarms of an earlier run are looked at first of all.
        Self { next: Timestamp(i64::MIN), armed: false, restless: true, restless_minutes: true }
    }
}

impl CloudWatch {
    pub(crate) fn open(
        context: Arc<Context>,
        outlets: Arc<Outlets>,
        (sns, sqs): (Arc<Sns>, Arc<Sqs>),
        rows: &Rows,
    ) -> Result<Arc<Self>, CloudError> {
        let held = Held {
            series: AllSeries::read(rows)?,
            alarms: rows.table(ALARMS)?.into_iter().collect(),
            history: History::read(rows)?,
            ..Held::default()
        };
        Ok(Arc::new(Self { context, outlets, sns, sqs, held: Mutex::new(held), sources: Mutex::default() }))
    }

    /// Asks a source for its counts from now on, for as long as it is there.
    pub fn watch(&self, source: &Arc<dyn Source>) {
        lock(&self.sources).push(Arc::downgrade(source));
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    /// The ARN of an alarm's name.
    pub fn arn(&self, alarm: &str) -> Arn {
        self.context.config.scope.arn("cloudwatch", &format!("alarm:{alarm}"))
    }

    /// Takes values of a metric at the time now.
    pub fn note(&self, metric: Metric, unit: Unit, value: f64) {
        self.context.meter.note(metric, unit, value);
    }

    /// Takes a value of a metric at a time.
    pub fn note_at(&self, metric: Metric, at: Timestamp, unit: Unit, value: f64) {
        self.context.meter.note_at(metric, at, unit, value);
    }

    pub(super) async fn clear(&self) -> Result<(), CloudError> {
        let writes = {
            let mut held = self.held();
            self.context.meter.take();
            // Counts go on from where they are.
            self.gather(&mut held, self.context.now());
            let mut writes = held.series.clear();
            writes.extend(std::mem::take(&mut held.alarms).into_keys().map(|name| Write::delete(ALARMS, name)));
            writes.extend(held.history.clear());
            held.queues = queues::Seen::default();
            writes
        };
        self.context.journal.commit(writes).await
    }
}

impl Embedded for CloudWatch {
    fn embedded(&self, line: &str, written: Timestamp) {
        self.context.meter.embedded(line, written);
    }
}

/// The row of an alarm.
pub(super) fn row(name: &str, alarm: &Alarm) -> Write {
    // A struct of texts and finite numbers: writing it as JSON does not fail.
    Write::put(ALARMS, name, serde_json::to_string(alarm).unwrap_or_default())
}
