//! GetMetricData, GetMetricStatistics and ListMetrics.

use super::api::Answer;
use super::fault::{Code, Fault};
use super::metric::{Metric, Unit};
use super::query::{self, Evaluation, check_period};
use super::series::LISTED;
use super::state::CloudWatch;
use super::statistic::Statistic;
use super::value::{Given, Out, structure};
use drydock_core::Timestamp;

/// How many data points GetMetricData answers at once, and GetMetricStatistics.
const POINTS: usize = 100_800;
const STATISTICS_POINTS: i64 = 1440;
/// How many stretches of time are looked at for all queries of a request.
const STRETCHES: i64 = 500_000;
/// The entries of a page of ListMetrics.
const PAGE: usize = 500;
/// "ListMetrics" with `RecentlyActive`: three hours.
const RECENT: i64 = 3 * 3600;

fn at(seconds: i64) -> Out {
    Out::Time(Timestamp(seconds.saturating_mul(1000)))
}

impl CloudWatch {
    pub(super) fn metric_data(&self, given: Given<'_>) -> Answer {
        given.only(&[
            "MetricDataQueries",
            "StartTime",
            "EndTime",
            "NextToken",
            "ScanBy",
            "MaxDatapoints",
            "LabelOptions",
        ])?;
        let queries = query::queries(given, "MetricDataQueries", 500)?;
        if queries.is_empty() {
            return Err(Fault::missing("MetricDataQueries"));
        }
        let (start, end) = times(given)?;
        let oldest_first = match given.text("ScanBy")? {
            None | Some("TimestampDescending") => false,
            Some("TimestampAscending") => true,
            Some(other) => {
                return Err(Fault::validation(format!(
                    "ScanBy must be TimestampAscending or TimestampDescending, and is {other:.60}."
                )));
            }
        };
        let most = match given.integer("MaxDatapoints")? {
            None => POINTS,
            Some(most) => usize::try_from(most)
                .ok()
                .filter(|most| (1..=POINTS).contains(most))
                .ok_or_else(|| Fault::value(format!("The parameter MaxDatapoints must be 1 to {POINTS}.")))?,
        };
        let skipped = place(given)?;
        let held = self.fresh();
        let window = |period: i64| (start - start.rem_euclid(period), end);
        let evaluation = Evaluation::new(&queries, &held.series, &window);
        let stretches = |asked: &query::DataQuery| (end - start) / evaluation.period(asked);
        if queries.iter().map(stretches).sum::<i64>() > STRETCHES {
            return Err(Fault::value(format!(
                "The queries are of more than {STRETCHES} data points in all: ask for less time, longer periods or fewer queries."
            )));
        }
        let (mut results, mut messages, mut left, mut skip, mut more) = (Vec::new(), Vec::new(), most, skipped, false);
        for asked in queries.iter().filter(|query| query.returns) {
            let all = match evaluation.of(asked) {
                Ok(all) => all,
                Err(why) => return Err(Fault::validation(format!("Error in expression '{}': {why}", asked.id))),
            };
            for series in all {
                let mut points: Vec<(i64, f64)> = series.values.into_iter().collect();
                if !oldest_first {
                    points.reverse();
                }
                let total = points.len();
                let behind = skip.min(total);
                skip -= behind;
                let shown: Vec<(i64, f64)> = points.into_iter().skip(behind).take(left).collect();
                left -= shown.len();
                let complete = behind + shown.len() == total;
                more |= !complete;
                results.push(structure([
                    ("Id", Some(Out::text(&asked.id))),
                    ("Label", Some(Out::text(series.label))),
                    ("Timestamps", Some(Out::List(shown.iter().map(|(seconds, _)| at(*seconds)).collect()))),
                    ("Values", Some(Out::List(shown.iter().map(|(_, value)| Out::Number(*value)).collect()))),
                    ("StatusCode", Some(Out::text(if complete { "Complete" } else { "PartialData" }))),
                ]));
            }
        }
        if results.is_empty() && queries.iter().all(|query| !query.returns) {
            messages.push(structure([
                ("Code", Some(Out::text("NoData"))),
                ("Value", Some(Out::text("No query returns data."))),
            ]));
        }
        let next = more.then(|| Out::text((skipped + most).to_string()));
        Ok(structure([
            ("MetricDataResults", Some(Out::List(results))),
            ("NextToken", next),
            ("Messages", Some(Out::List(messages))),
        ]))
    }

    pub(super) fn statistics(&self, given: Given<'_>) -> Answer {
        given.only(&[
            "Namespace",
            "MetricName",
            "Dimensions",
            "StartTime",
            "EndTime",
            "Period",
            "Statistics",
            "ExtendedStatistics",
            "Unit",
        ])?;
        let metric = Metric::given(given)?;
        let period = check_period(given.integer("Period")?.ok_or_else(|| Fault::missing("Period"))?)?;
        let (start, end) = times(given)?;
        let points = (end - start) / period;
        if points > STATISTICS_POINTS {
            return Err(Fault::combination(format!(
                "You have requested up to {points} datapoints, which exceeds the limit of {STATISTICS_POINTS}. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
            )));
        }
        let (plain, extended) = (given.texts("Statistics", 5)?, given.texts("ExtendedStatistics", 10)?);
        if plain.is_empty() && extended.is_empty() {
            return Err(Fault::missing("Statistics or ExtendedStatistics"));
        }
        let mut statistics = Vec::new();
        for (name, is_plain) in plain.iter().map(|name| (name, true)).chain(extended.iter().map(|name| (name, false))) {
            match Statistic::named(name).filter(|statistic| statistic.is_plain() == is_plain) {
                Some(statistic) => statistics.push((*name, statistic)),
                None => return Err(Fault::value(format!("The value {name:.100} is not a statistic."))),
            }
        }
        let unit = Unit::given(given)?;
        let held = self.fresh();
        let stretches = held.series.stretches(&metric, unit, (start, end), period);
        let mut data = Vec::new();
        for (seconds, units) in stretches {
            for (unit, datum) in units {
                let mut point = vec![("Timestamp", Some(at(seconds)))];
                let mut extended = Vec::new();
                for (name, statistic) in &statistics {
                    let Some(value) = statistic.of(&datum) else { continue };
                    let member = match statistic {
                        Statistic::SampleCount => "SampleCount",
                        Statistic::Average => "Average",
                        Statistic::Sum => "Sum",
                        Statistic::Minimum => "Minimum",
                        Statistic::Maximum => "Maximum",
                        _ => {
                            extended.push(((*name).to_owned(), Out::Number(value)));
                            continue;
                        }
                    };
                    point.push((member, Some(Out::Number(value))));
                }
                point.push(("Unit", Some(Out::text(unit.as_str()))));
                if !extended.is_empty() {
                    point.push(("ExtendedStatistics", Some(Out::Entries(extended))));
                }
                data.push(structure(point));
            }
        }
        Ok(structure([("Label", Some(Out::text(metric.name))), ("Datapoints", Some(Out::List(data)))]))
    }

    pub(super) fn list_metrics(&self, given: Given<'_>) -> Answer {
        given.only(&[
            "Namespace",
            "MetricName",
            "Dimensions",
            "NextToken",
            "RecentlyActive",
            "IncludeLinkedAccounts",
            "OwningAccount",
        ])?;
        if given.truth("IncludeLinkedAccounts")? == Some(true) || given.has("OwningAccount") {
            return Err(Fault::not_implemented("IncludeLinkedAccounts and OwningAccount of ListMetrics"));
        }
        let namespace = given.bounded("Namespace", 1, 255)?;
        let name = given.bounded("MetricName", 1, 255)?;
        let mut filters = Vec::new();
        for filter in given.structures("Dimensions", 10)? {
            filters.push((filter.required("Name", 255)?, filter.bounded("Value", 1, 1024)?));
        }
        let recent = match given.text("RecentlyActive")? {
            None => LISTED,
            Some("PT3H") => RECENT,
            Some(other) => return Err(Fault::validation(format!("RecentlyActive must be PT3H, and is {other:.60}."))),
        };
        let skipped = place(given)?;
        let held = self.fresh();
        let oldest = self.context.now().seconds() - recent;
        let matches = |metric: &Metric| {
            namespace.is_none_or(|namespace| metric.namespace == namespace)
                && name.is_none_or(|name| metric.name == name)
                && filters.iter().all(|(name, value)| {
                    metric.dimensions.get(*name).is_some_and(|held| value.is_none_or(|value| held == value))
                })
        };
        let mut found =
            held.series.metrics().filter(|(metric, latest)| *latest >= oldest && matches(metric)).skip(skipped);
        let page: Vec<Out> = found.by_ref().take(PAGE).map(|(metric, _)| metric.out()).collect();
        let next = found.next().map(|_| Out::text((skipped + PAGE).to_string()));
        Ok(structure([("Metrics", Some(Out::List(page))), ("NextToken", next)]))
    }
}

/// From when to when, in seconds.
fn times(given: Given<'_>) -> Result<(i64, i64), Fault> {
    let start = given.time("StartTime")?.ok_or_else(|| Fault::missing("StartTime"))?;
    let end = given.time("EndTime")?.ok_or_else(|| Fault::missing("EndTime"))?;
    if start >= end {
        return Err(Fault::value("The parameter StartTime must be less than the parameter EndTime."));
    }
    // Up to before the end, which may be within a second.
    Ok((start.seconds(), end.plus_millis(999).seconds()))
}

/// How much was shown before.
fn place(given: Given<'_>) -> Result<usize, Fault> {
    let token = given.text("NextToken")?.filter(|token| !token.is_empty());
    let read = token.map(|token| token.parse().ok().filter(|place| *place < 1_000_000_000));
    read.map_or(Ok(0), |place| {
        place.ok_or_else(|| Fault::new(Code::InvalidNextToken, "The next token specified is invalid."))
    })
}
