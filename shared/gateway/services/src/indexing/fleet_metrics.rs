//! Fleet metrics: their values to Amazon CloudWatch at the end of each period of the gateway's clock ("Fleet
//! metrics" of the guide).

use super::service::{IndexingService, ready};
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_cloud::cloudwatch::{Metric, Unit};
use drydock_core::{ApiError, ErrorCode, Timestamp};
use drydock_host::Host;
use drydock_indexing::THINGS;
use drydock_indexing::fleet_metrics::FleetMetric;
use drydock_timers::{Due, Reminder};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The namespace of their values.
const NAMESPACE: &str = "AWS/IoTFleetMetrics";
/// The dimension that says which value of a metric it is: `count`, `sum`, and so on.
const DIMENSION: &str = "AggregationType";
/// How many things are brought into the index before it is asked.
const BROUGHT: usize = 1000;
/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

/// Fleet metrics.
pub struct FleetMetricsService {
    host: Host,
    indexing: Arc<IndexingService>,
    reminder: Reminder,
    /// From the start up to the end of its minute devices connect again: what ended while nobody was there to tell it is told then.
    settling: Range<Timestamp>,
    /// The end of the period that was told last in this run, by the metric's name.
    told: Mutex<BTreeMap<String, Timestamp>>,
}

impl FleetMetricsService {
    /// Fleet metrics on an index.
    #[must_use]
    pub fn new(host: Host, indexing: Arc<IndexingService>) -> Self {
        let reminder = host.books.time.reminder("fleet metrics");
        let now = host.books.now();
        let settling = now..now.plus_millis(MINUTE - now.millis().rem_euclid(MINUTE));
        Self { reminder, host, indexing, settling, told: Mutex::default() }
    }

    /// The books have become others: it is looked when the next period ends.
    pub fn look_again(&self) {
        if let Some(next) = self.next(self.host.books.now()) {
            self.reminder.by(next);
        }
    }

    /// Whether an index can be asked, where there is one.
    pub(super) fn is_ready(&self, index: Option<&str>) -> Result<(), ApiError> {
        match ready(&self.indexing.indexed.state.read(), index.unwrap_or(THINGS)) {
            // Which of the faults of a request it is told of is for the book to say.
            Err(error) if error.code == ErrorCode::IndexNotReadyException => Err(error),
            _ => Ok(()),
        }
    }

    /// When the next period ends.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.host.books.indexing.read(|book| book.fleet_metrics().map(|(_, metric)| metric.ends(now)).min());
        ends.map(|ends| if self.settling.contains(&now) { ends.min(self.settling.end) } else { ends })
    }

    /// The metrics whose periods have ended, and that is not told yet.
    fn ended(&self, now: Timestamp) -> Vec<(String, FleetMetric, Timestamp)> {
        let ended: Vec<_> = self.host.books.indexing.read(|book| {
            let mut told = self.told.lock();
            told.retain(|name, _| book.has_fleet_metric(name));
            let ended = book.fleet_metrics().filter_map(|(name, metric)| {
                let end = metric.ended(now);
                let is_early = self.settling.contains(&now);
                let is_told = told.get(name).is_some_and(|told| *told >= end);
                let is_due = end > metric.changed() && !is_early && !is_told;
                is_due.then(|| (name.to_owned(), metric.clone(), end))
            });
            ended.collect()
        });
        // What an earlier run has told is not told again.
        let cloudwatch = self.host.cloud.cloudwatch();
        let is_new = |(name, _, end): &(String, FleetMetric, Timestamp)| {
            self.told.lock().contains_key(name) || !cloudwatch.has_since(NAMESPACE, name, *end)
        };
        ended.into_iter().filter(is_new).collect()
    }

    /// Tells the values of a metric.
    async fn tell(&self, name: &str, metric: &FleetMetric) -> Result<(), ApiError> {
        let (index, field) = (Some(metric.index().to_owned()), Some(metric.field().to_owned()));
        let asked = metric.clone();
        let values = self.indexing.aggregate(index, metric.query()?, field, move |values| asked.told(&values)).await?;
        let unit = metric.unit().and_then(Unit::named).unwrap_or(Unit::NONE);
        let of =
            |(kind, value): (String, f64)| (Metric::new(NAMESPACE, name, &[(DIMENSION, kind.as_str())]), unit, value);
        let put = self.host.cloud.cloudwatch().put_now(values.into_iter().map(of).collect());
        put.await.map_err(|error| ApiError::new(ErrorCode::InternalFailureException, error.to_string()))
    }
}

#[async_trait]
impl Due for FleetMetricsService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let ended = self.ended(now);
        if !ended.is_empty()
            && let Err(error) = self.indexing.indexed.bring(Some(BROUGHT)).await
        {
            tracing::warn!(%error, "the fleet index could not be brought up to date");
        }
        let mut again = None;
        for (name, metric, end) in ended {
            match self.tell(&name, &metric).await {
                Err(error) if error.code == ErrorCode::IndexNotReadyException => {
                    again = Some(now.plus_millis(AGAIN));
                    continue;
                }
                Err(error) => tracing::warn!(%error, metric = name, "a fleet metric has no values this time"),
                Ok(()) => {}
            }
            self.told.lock().insert(name, end);
        }
        let next = self.next(now);
        [again, next].into_iter().flatten().min()
    }
}

#[async_trait]
impl Service for FleetMetricsService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.reminder.clone())
    }
}
