//! CloudWatch: metrics and alarms. What alarms, rings on the gateway's clock.
//!
//! - `api`: the operations, a line each. `put`, `read`, `alarms` and `history` have their work; `protocol` and `value` the wire's.
//! - [`metric`], [`datum`], [`statistic`]: what a metric is, what is kept of its values, and what is asked of them. `series`: all of
//!   them, and for how long they are kept.
//! - `query` and `math`: queries of metric data, and the expressions in them.
//! - `alarm`: an alarm. `evaluate`: what its state is by its data points. `ring`: its state changes, and whom it tells; `told`: how.
//! - [`meter`]: what is counted in this process; [`Source`]: who is asked once a minute. `queues`: the metrics of SQS.
//! - `embedded`: values of metrics in the lines of logs. `minute`: what happens at the end of each minute.
//!
//! Follows the Amazon CloudWatch API reference, and "Using Amazon CloudWatch alarms" and "Metrics concepts" of its user guide. What
//! PutMetricData has acknowledged is on disk; what is counted here goes there every five minutes, and at a stop.

mod alarm;
mod alarms;
mod api;
pub mod datum;
mod embedded;
mod evaluate;
mod fault;
mod history;
mod math;
pub mod meter;
pub mod metric;
mod minute;
mod protocol;
mod put;
mod query;
mod queues;
mod read;
mod ring;
mod series;
pub mod statistic;
mod told;
mod value;

pub use datum::Datum;
pub use meter::{Embedded, Meter};
pub use metric::{Metric, Unit};

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::sns::Sns;
use crate::sqs::Sqs;
use crate::stand_in::{Facts, Service};
use alarm::Alarm;
use drydock_core::{Arn, Timestamp, Write};
use history::History;
use series::AllSeries;
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

const ALARMS: &str = "cloudwatch-alarm";

/// Who counts something that is asked once a minute rather than told at each step.
pub trait Source: Send + Sync {
    /// Every count there is, each since the start: what it has grown by goes to its metric.
    fn counts(&self) -> Vec<(Metric, u64)>;
}

/// Metrics and alarms.
pub struct CloudWatch {
    context: Arc<Context>,
    outlets: Arc<Outlets>,
    sns: Arc<Sns>,
    sqs: Arc<Sqs>,
    held: Mutex<Held>,
    sources: Mutex<Vec<Weak<dyn Source>>>,
}

/// What is known.
#[derive(Default)]
struct Held {
    series: AllSeries,
    alarms: BTreeMap<String, Alarm>,
    history: History,
    /// How far the counts of the sources have been taken over.
    counted: HashMap<Metric, u64>,
    queues: queues::Seen,
    minute: minute::Minute,
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

    fn held(&self) -> MutexGuard<'_, Held> {
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

    async fn clear(&self) -> Result<(), CloudError> {
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
fn row(name: &str, alarm: &Alarm) -> Write {
    // A struct of texts and finite numbers: writing it as JSON does not fail.
    Write::put(ALARMS, name, serde_json::to_string(alarm).unwrap_or_default())
}
