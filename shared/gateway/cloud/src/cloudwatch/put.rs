//! PutMetricData.

use super::api::Answer;
use super::datum::Datum;
use super::fault::{Code, Fault};
use super::metric::{Metric, Unit, dimensions};
use super::series::MOST_METRICS;
use super::state::CloudWatch;
use super::value::{Given, Out};
use crate::error::CloudError;
use drydock_core::Timestamp;

/// "PutMetricData": 1,000 metrics in a request, 150 values of one.
const METRICS: usize = 1000;
const VALUES: usize = 150;
/// How old values may be, and how far ahead: two weeks and two hours, in milliseconds.
const PAST: i64 = 14 * 24 * 3600 * 1000;
const AHEAD: i64 = 2 * 3600 * 1000;

struct Put {
    metric: Metric,
    unit: Unit,
    resolution: i64,
    at: Timestamp,
    datum: Datum,
}

impl CloudWatch {
    /// Takes values of metrics of AWS's own as of now; once it answers they are on disk.
    ///
    /// # Errors
    /// Where the disk does not take them. Those of metrics for which there is no room any more are left out, with a warning.
    pub async fn put_now(&self, values: Vec<(Metric, Unit, f64)>) -> Result<(), CloudError> {
        let writes = {
            let mut held = self.held();
            let now = self.context.now();
            held.series.age(now);
            for (metric, unit, value) in values {
                if !held.series.has_room_for(&metric) {
                    tracing::warn!(metric = metric.name, most = MOST_METRICS, "no room for another metric");
                    continue;
                }
                held.series.put(&metric, now, 60, unit, &Datum::of(value, 1.0));
            }
            self.wake(&mut held);
            held.series.writes()
        };
        self.context.journal.commit(writes).await
    }

    /// Whether any metric of a name has values from a time on, whatever its dimensions.
    #[must_use]
    pub fn has_since(&self, namespace: &str, name: &str, from: Timestamp) -> bool {
        let held = self.held();
        let mut latest =
            held.series.metrics().filter(|(metric, _)| metric.namespace == namespace && metric.name == name);
        latest.any(|(_, latest)| latest >= from.seconds())
    }

    pub(super) async fn put_data(&self, given: Given<'_>) -> Answer {
        given.only(&["Namespace", "MetricData", "EntityMetricData", "StrictEntityValidation"])?;
        if given.has("EntityMetricData") {
            return Err(Fault::not_implemented("EntityMetricData of PutMetricData"));
        }
        let namespace = given.required("Namespace", 255)?;
        let valid = |c: char| c.is_ascii_alphanumeric() || ".-_/#: ".contains(c);
        if namespace.starts_with(':') || !namespace.chars().all(valid) {
            return Err(Fault::value(format!("The value {namespace} for parameter Namespace is invalid.")));
        }
        // "AWS/" is for AWS's own; what tests and simulators put there is taken, as AWS takes it since 2023 [?].
        let now = self.context.now();
        let data = given.structures("MetricData", METRICS)?;
        if data.is_empty() {
            return Err(Fault::missing("MetricData"));
        }
        let puts: Vec<Put> = data
            .into_iter()
            .enumerate()
            .map(|(place, one)| self::put(namespace, one, now, &format!("MetricData.member.{}", place + 1)))
            .collect::<Result<_, _>>()?;
        let writes = {
            let mut held = self.held();
            if let Some(put) = puts.iter().find(|put| !held.series.has_room_for(&put.metric)) {
                return Err(Fault::new(
                    Code::Throttling,
                    format!("This gateway keeps {MOST_METRICS} metrics, and {} would be one more.", put.metric.name),
                ));
            }
            held.series.age(now);
            for put in &puts {
                held.series.put(&put.metric, put.at, put.resolution, put.unit, &put.datum);
            }
            self.wake(&mut held);
            held.series.writes()
        };
        self.context.journal.commit(writes).await?;
        Ok(Out::Map(Vec::new()))
    }
}

fn put(namespace: &str, given: Given<'_>, now: Timestamp, place: &str) -> Result<Put, Fault> {
    given.only(&[
        "MetricName",
        "Dimensions",
        "Timestamp",
        "Value",
        "Values",
        "Counts",
        "StatisticValues",
        "Unit",
        "StorageResolution",
    ])?;
    let name = given.required("MetricName", 255)?;
    let metric = Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions(given)? };
    let at = given.time("Timestamp")?.unwrap_or(now);
    if at.since(now) > AHEAD || now.since(at) > PAST {
        return Err(Fault::value(format!(
            "The parameter {place}.Timestamp must specify a time within the past two weeks, and no more than two hours ahead."
        )));
    }
    let resolution = match given.integer("StorageResolution")? {
        None | Some(60) => 60,
        Some(1) => 1,
        Some(other) => {
            return Err(Fault::value(format!(
                "The parameter {place}.StorageResolution must be 1 or 60, and is {other}."
            )));
        }
    };
    let forms = ["Value", "Values", "StatisticValues"].into_iter().filter(|name| given.has(name)).collect::<Vec<_>>();
    if let [one, other, ..] = forms.as_slice() {
        return Err(Fault::combination(format!(
            "The parameters {place}.{one} and {place}.{other} are mutually exclusive and you have specified both."
        )));
    }
    let datum = match forms.first() {
        Some(&"Values") => values(given, place)?,
        Some(&"StatisticValues") => statistics(given, place)?,
        _ => Datum::of(check(given.number("Value")?, &format!("{place}.Value"))?, 1.0),
    };
    Ok(Put { metric, unit: Unit::given(given)?.unwrap_or(Unit::NONE), resolution, at, datum })
}

fn values(given: Given<'_>, place: &str) -> Result<Datum, Fault> {
    let (values, counts) = (given.numbers("Values", VALUES)?, given.numbers("Counts", VALUES)?);
    if values.is_empty() {
        return Err(Fault::missing(&format!("{place}.Values")));
    }
    if given.has("Counts") && counts.len() != values.len() {
        return Err(Fault::value(format!(
            "The parameters {place}.Values and {place}.Counts must be of the same size."
        )));
    }
    let mut all = Datum::of(0.0, 0.0);
    for (index, value) in values.into_iter().enumerate() {
        let count = counts.get(index).copied().unwrap_or(1.0);
        if !count.is_finite() || count <= 0.0 {
            return Err(Fault::value(format!("The parameter {place}.Counts must hold numbers greater than zero.")));
        }
        all.add(&Datum::of(check(Some(value), &format!("{place}.Values"))?, count));
    }
    Ok(all)
}

fn statistics(given: Given<'_>, place: &str) -> Result<Datum, Fault> {
    let place = format!("{place}.StatisticValues");
    let set = given.structure("StatisticValues")?.ok_or_else(|| Fault::missing(&place))?;
    set.only(&["SampleCount", "Sum", "Minimum", "Maximum"])?;
    let one = |name: &str| {
        let number = set.number(name)?;
        if number.is_none() {
            return Err(Fault::missing(&format!("{place}.{name}")));
        }
        check(number, &format!("{place}.{name}"))
    };
    let (count, sum, min, max) = (one("SampleCount")?, one("Sum")?, one("Minimum")?, one("Maximum")?);
    if min > max {
        return Err(Fault::value(format!("The parameter {place}.Maximum must be greater than {place}.Minimum.")));
    }
    if count <= 0.0 {
        return Err(Fault::value(format!("The parameter {place}.SampleCount must be greater than 0.")));
    }
    Ok(Datum::set(count, sum, min, max))
}

/// "MetricDatum": from -2^360 to 2^360; NaN and the infinities are not values.
fn check(number: Option<f64>, place: &str) -> Result<f64, Fault> {
    let largest = 2_f64.powi(360);
    match number {
        Some(number) if number.is_finite() && number.abs() <= largest => Ok(number),
        Some(number) => Err(Fault::value(format!("The value {number} for parameter {place} is invalid."))),
        None => Err(Fault::missing(place)),
    }
}
