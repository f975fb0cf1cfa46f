//! What a period's row says of a behavior.

use super::attribute::{
    ADDRESS, ATTEMPTS, CLOSED, DISCONNECTS, EXPIRES_AT, LEAST, MESSAGES, MOST as MOST_BYTES, REFUSALS, REPORT, ROW,
    THING_NAME,
};
use super::profile::suffix;
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Outcome};
use behaviors::metric::{self, Span};
use behaviors::{Behavior, Measured, MetricValue, PERIOD};

/// The most messages, attempts and ends of connections that are counted in a period.
pub const MOST: usize = 1_000;
/// The most addresses that are told apart in a period.
pub const ADDRESSES: u64 = 32;
/// How long after its end a period is judged, in milliseconds: what comes later is not judged.
pub const GRACE: EpochMillis = 60_000;
/// How long rows of periods are kept, in seconds: a behavior looks back for an hour.
const KEPT: i64 = 2 * 86_400;

/// The number of the period that a time is in.
#[must_use]
pub fn of(at: EpochMillis) -> i64 {
    at.div_euclid(PERIOD.saturating_mul(1000))
}

/// When a period ends.
#[must_use]
pub fn end(period: i64) -> EpochMillis {
    period.saturating_add(1).saturating_mul(PERIOD.saturating_mul(1000))
}

/// The key of a period's row.
#[must_use]
pub fn key(period: i64) -> String {
    format!("{period:012}")
}

/// A change of a period's row that does nothing yet.
pub(super) fn change(thing: &str, period: i64) -> Change {
    let expires = end(period).div_euclid(1000).saturating_add(KEPT);
    Change::of(THING_NAME, thing).and_key(ROW, key(period)).set(EXPIRES_AT, expires)
}

/// Lets nothing more be added to a period.
#[must_use]
pub fn close(thing: &str, period: i64) -> Change {
    change(thing, period).when(Condition::Missing(CLOSED.into())).set(CLOSED, true)
}

/// The row of a period that is [closed](close), however often that was done; `None`: nothing was heard in it.
#[must_use]
pub fn closed(outcome: Outcome) -> Option<Item> {
    match outcome {
        Outcome::Applied { before } => before,
        Outcome::Refused { current } => current,
    }
}

/// Over how many periods a behavior measures.
#[must_use]
pub fn span(behavior: &Behavior) -> i64 {
    behavior.seconds().unwrap_or(PERIOD).div_euclid(PERIOD).max(1)
}

/// What was measured over some periods, the oldest first; `None` where that is nothing.
#[must_use]
pub fn measured(behavior: &Behavior, rows: &[Option<Item>]) -> Option<Measured> {
    let rows = rows.iter().flatten();
    let name = behavior.metric();
    let of = suffix(behavior.metric_dimension.as_ref());
    let sum = |attribute: &str| {
        let counts = rows.clone().map(|row| row.numbers(attribute).map_or(0, std::collections::BTreeSet::len));
        // More make no difference.
        let counts = counts.map(|count| i64::try_from(count.min(MOST)).unwrap_or(i64::MAX));
        Some(Measured::One(MetricValue::count(counts.fold(0, i64::saturating_add))))
    };
    match name {
        metric::MESSAGES_SENT => sum(&format!("{MESSAGES}{of}")),
        metric::CONNECTION_ATTEMPTS => sum(ATTEMPTS),
        metric::DISCONNECTS => sum(DISCONNECTS),
        metric::AUTHORIZATION_FAILURES => sum(REFUSALS),
        metric::MESSAGE_BYTE_SIZE => {
            let (least, most) = (format!("{LEAST}{of}"), format!("{MOST_BYTES}{of}"));
            let least = rows.clone().filter_map(|row| row.number(&least)).min()?;
            let most = rows.clone().filter_map(|row| row.number(&most)).max()?;
            Some(Measured::Between { least, most })
        }
        metric::SOURCE_IP => {
            let addresses = rows.clone().flat_map(addresses).map(str::to_owned);
            let mut addresses: Vec<String> = addresses.collect();
            addresses.sort();
            addresses.dedup();
            (!addresses.is_empty()).then(|| Measured::One(MetricValue::cidrs(addresses)))
        }
        _ => reported(behavior, name, rows.clone()),
    }
}

fn addresses(row: &Item) -> impl Iterator<Item = &str> {
    (0..ADDRESSES).filter_map(|number| row.text(&format!("{ADDRESS}{number}")))
}

/// What the device reported: summed up where the metric is, else the last.
fn reported<'r>(behavior: &Behavior, name: &str, rows: impl Iterator<Item = &'r Item>) -> Option<Measured> {
    let is_summed = match metric::known(name) {
        Some(metric) => metric.span == Span::Summed,
        // A custom metric is summed up over as many periods as its behavior says.
        None => behavior.criteria.as_ref().is_some_and(|criteria| criteria.duration_seconds.is_some()),
    };
    let values =
        rows.filter_map(|row| serde_json::from_value::<MetricValue>(row.document(REPORT)?.get(name)?.clone()).ok());
    let sum = |sum: MetricValue, value: MetricValue| match (sum.count, value.count, sum.number, value.number) {
        (Some(sum), Some(value), ..) => MetricValue::count(sum.saturating_add(value)),
        (_, _, Some(sum), Some(value)) => MetricValue { number: Some(sum + value), ..MetricValue::default() },
        _ => value,
    };
    values.reduce(|before, value| if is_summed { sum(before, value) } else { value }).map(Measured::One)
}
