//! The latest reading of each metric, with the state of the alarms on it, in one row a device.
//!
//! The row is a function of the readings that it was made from, not of their order of arrival: each metric keeps the value of
//! the reading that is last by [`Reading::order`], and each alarm is as the last reading by that order wants it that wants
//! anything: one between the limits leaves it to those before, also where they arrive later. Both are written at once. The first
//! try asks for no row: it is right wherever the reading is the newest of all and moves no alarm, which is nearly always.
//! Where it is refused, the refusal brings the row, and the next try holds for that very row alone.

use super::reading::Reading;
use super::telling::{CROSSINGS, Crossing, crossing_attribute, untold};
use super::threshold::{Alarm, Threshold};
use crate::conditional::{Change, Condition, Item, Outcome, Value};
use serde_json::{Map, Value as Json};

/// The attribute that holds the time of the latest reading.
pub const MEASURED_AT: &str = "measuredAt";
/// The place of the latest reading in the order of the device's readings.
pub const ORDER: &str = "order";
/// Each metric's latest value.
pub const READING: &str = "reading";
/// The place of the reading that each of them is from.
pub const ORDERS: &str = "orders";
/// Counts the writes of a reading.
const REVISION: &str = "revision";

/// The most metrics that are kept of a device; those that were not heard of for longest go.
pub const MAX_METRICS: usize = 256;
/// The most metrics that a first try takes: each is a part of two expressions, and DynamoDB takes 4 KB of them.
const MAX_IN_FIRST_TRY: usize = 40;
/// The most crossings that wait to be told before a reading that makes another has to wait.
const MAX_UNTOLD: i64 = 32;

/// What a reading is to what is known of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// It is the latest now.
    Newest,
    /// A later one is known, but not of all its metrics, or none that wants anything of an alarm.
    Partly,
    /// It was the latest already: a message delivered twice.
    Same,
    /// Later ones are known of all its metrics.
    Late,
}

/// A reading on its way into the row of its device.
#[derive(Debug, Clone)]
pub struct Latest<'a> {
    reading: &'a Reading,
    order: String,
    thresholds: Vec<&'a Threshold>,
}

/// What follows from a try.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Try this.
    Write(Change),
    /// The reading is where it belongs; this is the row now.
    Done(Recency, Option<Item>),
    /// It moves an alarm, and too much that it moved before is untold yet: it must come again.
    Full,
}

impl<'a> Latest<'a> {
    /// The reading, and the limits for its device.
    pub fn of(reading: &'a Reading, thresholds: impl IntoIterator<Item = &'a Threshold>) -> Self {
        Self { reading, order: reading.order(), thresholds: thresholds.into_iter().collect() }
    }

    /// Its place in the order of the device's readings.
    #[must_use]
    pub fn order(&self) -> &str {
        &self.order
    }

    /// The first try.
    #[must_use]
    pub fn first_try(&self) -> Change {
        if self.reading.values.len() > MAX_IN_FIRST_TRY {
            return self.merge(None).unwrap_or_else(|_| self.change());
        }
        let mut change = self.newest(self.change());
        let mut conditions = vec![
            Condition::Exists(READING.into()),
            Condition::Exists(ORDERS.into()),
            Condition::less(ORDER, self.order.as_str()),
        ];
        for threshold in &self.thresholds {
            let Some((_, alarm)) = self.demanded(threshold) else { continue };
            let raised = Condition::equal(threshold.attribute(), Alarm::Raised.as_str());
            conditions.push(if alarm == Alarm::Raised { raised } else { raised.negated() });
            change = change.set(threshold.order_attribute(), self.order.as_str());
        }
        change = change.when(Condition::All(conditions));
        for (metric, value) in &self.reading.values {
            change = change.set_in(READING, metric.clone(), Value::Document(value.clone())).set_in(
                ORDERS,
                metric.clone(),
                self.order.as_str(),
            );
        }
        change
    }

    /// What follows from the outcome of a try.
    #[must_use]
    pub fn judge(&self, tried: &Change, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Applied { before } => {
                let mut row = before;
                tried.apply(&mut row);
                let newest = row.as_ref().is_some_and(|row| row.text(ORDER) == Some(&self.order));
                match row.as_ref().and_then(|row| self.trim(row)) {
                    Some(trim) => Next::Write(trim),
                    None => Next::Done(if newest { Recency::Newest } else { Recency::Partly }, row),
                }
            }
            Outcome::Refused { current } => {
                if current.as_ref().is_some_and(|row| row.text(ORDER) == Some(&self.order)) {
                    return Next::Done(Recency::Same, current);
                }
                match self.merge(current.as_ref()) {
                    Ok(change) => Next::Write(change),
                    Err(Unmerged::Late) => Next::Done(Recency::Late, current),
                    Err(Unmerged::Full) => Next::Full,
                }
            }
        }
    }

    /// The row with this reading in it, to be written if it still is that row.
    fn merge(&self, row: Option<&Item>) -> Result<Change, Unmerged> {
        let (mut values, mut orders) = known(row);
        let newer: Vec<_> = self.reading.values.iter().filter(|(metric, _)| self.is_newer(&orders, metric)).collect();
        let mut is_late = newer.is_empty();
        let mut change = self.change().when(unchanged(row));
        let mut number = row.and_then(|row| row.number(CROSSINGS)).unwrap_or(0);
        let before = number;
        for threshold in &self.thresholds {
            let Some((value, alarm)) = self.demanded(threshold) else { continue };
            let decided = row.and_then(|row| row.text(&threshold.order_attribute()));
            if decided.is_some_and(|order| order >= self.order.as_str()) {
                continue;
            }
            is_late = false;
            change = change.set(threshold.order_attribute(), self.order.as_str());
            let was = row.and_then(|row| Alarm::read(row.text(&threshold.attribute())?)).unwrap_or(Alarm::Cleared);
            if alarm != was {
                number = number.saturating_add(1);
                let crossing = Crossing::of(threshold, alarm, value, self.reading, &self.order);
                change = change
                    .set(threshold.attribute(), alarm.as_str())
                    .set(crossing_attribute(number), Value::Document(crossing.to_json()));
            }
        }
        if is_late {
            return Err(Unmerged::Late);
        }
        if number > before {
            if row.is_some_and(|row| untold(row) >= MAX_UNTOLD) {
                return Err(Unmerged::Full);
            }
            change = change.set(CROSSINGS, number);
        }
        for (metric, value) in newer {
            values.insert(metric.clone(), value.clone());
            orders.insert(metric.clone(), self.order.as_str().into());
        }
        keep_newest(&mut values, &mut orders);
        if row.and_then(|row| row.text(ORDER)).is_none_or(|latest| latest < self.order.as_str()) {
            change = self.newest(change);
        }
        Ok(change.set(READING, Value::Document(values.into())).set(ORDERS, Value::Document(orders.into())))
    }

    /// The row without what is too much of it.
    fn trim(&self, row: &Item) -> Option<Change> {
        let (mut values, mut orders) = known(Some(row));
        keep_newest(&mut values, &mut orders).then(|| {
            self.change()
                .when(unchanged(Some(row)))
                .set(READING, Value::Document(values.into()))
                .set(ORDERS, Value::Document(orders.into()))
        })
    }

    fn change(&self) -> Change {
        Change::of("thingName", self.reading.thing_name.as_str()).count(REVISION, 1)
    }

    fn newest(&self, change: Change) -> Change {
        change
            .set(ORDER, self.order.as_str())
            .set(MEASURED_AT, self.reading.measured_at)
            .set("receivedAt", self.reading.received_at)
    }

    /// What it wants of an alarm, and the value for which it does.
    fn demanded(&self, threshold: &Threshold) -> Option<(f64, Alarm)> {
        let value = self.reading.number(&threshold.metric)?;
        Some((value, threshold.demands(value)?))
    }

    fn is_newer(&self, orders: &Map<String, Json>, metric: &str) -> bool {
        orders.get(metric).and_then(Json::as_str).is_none_or(|order| order < self.order.as_str())
    }
}

enum Unmerged {
    Late,
    Full,
}

fn known(row: Option<&Item>) -> (Map<String, Json>, Map<String, Json>) {
    let document = |name| row.and_then(|row| row.document(name)).cloned().unwrap_or_default();
    (document(READING), document(ORDERS))
}

fn unchanged(row: Option<&Item>) -> Condition {
    match row.and_then(|row| row.number(REVISION)) {
        Some(revision) => Condition::equal(REVISION, revision),
        None => Condition::Missing(REVISION.into()),
    }
}

/// Drops the metrics that were not heard of for longest; whether there were too many.
fn keep_newest(values: &mut Map<String, Json>, orders: &mut Map<String, Json>) -> bool {
    let too_many = values.len().saturating_sub(MAX_METRICS);
    let mut by_order: Vec<_> = values
        .keys()
        .map(|metric| (orders.get(metric).and_then(Json::as_str).unwrap_or_default().to_owned(), metric.clone()))
        .collect();
    by_order.sort_unstable();
    for (_, metric) in by_order.into_iter().take(too_many) {
        values.remove(&metric);
        orders.remove(&metric);
    }
    too_many > 0
}

#[cfg(test)]
mod tests;
