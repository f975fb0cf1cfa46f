//! Queries of metric data (`MetricDataQuery`): a statistic of a metric, or an expression on others; asked by GetMetricData and by
//! alarms.

use super::fault::Fault;
use super::math::{self, Computed, Names, Range, TimeSeries, Values, insights};
use super::metric::{Metric, Unit};
use super::series::AllSeries;
use super::statistic::Statistic;
use super::value::{Given, Out, structure};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A statistic of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricStat {
    pub(super) metric: Metric,
    /// In seconds.
    pub(super) period: i64,
    pub(super) statistic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<Unit>,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DataQuery {
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stat: Option<MetricStat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<i64>,
    pub(super) returns: bool,
}

/// Checks a period in seconds: 1, 5, 10, 20, 30 or a multiple of 60.
pub(super) fn check_period(period: i64) -> Result<i64, Fault> {
    if [1, 5, 10, 20, 30].contains(&period) || (period > 0 && period % 60 == 0) {
        return Ok(period);
    }
    Err(Fault::value(format!("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, and is {period}.")))
}

impl MetricStat {
    fn given(given: Given<'_>) -> Result<Self, Fault> {
        given.only(&["Metric", "Period", "Stat", "Unit"])?;
        let metric = given.structure("Metric")?.ok_or_else(|| Fault::missing("MetricStat.Metric"))?;
        metric.only(&["Namespace", "MetricName", "Dimensions"])?;
        let statistic = given.required("Stat", 100)?;
        if Statistic::named(statistic).is_none() {
            return Err(Fault::value(format!("The parameter Stat is not a statistic: {statistic}.")));
        }
        let period = given.integer("Period")?.ok_or_else(|| Fault::missing("MetricStat.Period"))?;
        Ok(Self {
            metric: Metric::given(metric)?,
            period: check_period(period)?,
            statistic: statistic.to_owned(),
            unit: Unit::given(given)?,
        })
    }

    fn out(&self) -> Out {
        structure([
            ("Metric", Some(self.metric.out())),
            ("Period", Some(Out::Integer(self.period))),
            ("Stat", Some(Out::text(&self.statistic))),
            ("Unit", self.unit.map(|unit| Out::text(unit.as_str()))),
        ])
    }
}

impl DataQuery {
    fn given(given: Given<'_>) -> Result<Self, Fault> {
        given.only(&["Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"])?;
        if given.has("AccountId") {
            return Err(Fault::not_implemented("AccountId of a metric data query (metrics of other accounts)"));
        }
        let id = given.required("Id", 255)?;
        let well = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !well {
            return Err(Fault::validation(format!(
                "The value '{id}' is not a valid id: it must start with a lowercase letter and have only letters, digits and underscores."
            )));
        }
        let stat = given.structure("MetricStat")?.map(MetricStat::given).transpose()?;
        let expression = given.bounded("Expression", 1, math::LONGEST)?.map(str::to_owned);
        if stat.is_some() == expression.is_some() {
            return Err(Fault::validation(format!(
                "The metric data query '{id}' must have either MetricStat or Expression, and not both."
            )));
        }
        if let Some(text) = &expression {
            read(text).map_err(|why| Fault::validation(format!("Error in expression '{id}': {why}")))?;
        }
        Ok(Self {
            id: id.to_owned(),
            stat,
            expression,
            label: given.bounded("Label", 0, 2048)?.map(str::to_owned),
            period: given.integer("Period")?.map(check_period).transpose()?,
            returns: given.truth("ReturnData")?.unwrap_or(true),
        })
    }

    pub(super) fn out(&self) -> Out {
        structure([
            ("Id", Some(Out::text(&self.id))),
            ("MetricStat", self.stat.as_ref().map(MetricStat::out)),
            ("Expression", self.expression.as_ref().map(Out::text)),
            ("Label", self.label.as_ref().map(Out::text)),
            ("ReturnData", Some(Out::Truth(self.returns))),
            ("Period", self.period.map(Out::Integer)),
        ])
    }
}

/// An expression, as it is read.
enum Read {
    Math(math::Expression),
    Insights(insights::Query),
}

fn read(text: &str) -> Result<Read, String> {
    if insights::is_meant(text) { insights::parse(text).map(Read::Insights) } else { math::parse(text).map(Read::Math) }
}

/// The queries that some parameters hold: ids that are there once, expressions that name those that are there, in no circle.
pub(super) fn queries(given: Given<'_>, name: &str, most: usize) -> Result<Vec<DataQuery>, Fault> {
    let queries: Vec<DataQuery> =
        given.structures(name, most)?.into_iter().map(DataQuery::given).collect::<Result<_, _>>()?;
    check(&queries)?;
    Ok(queries)
}

pub(super) fn check(queries: &[DataQuery]) -> Result<(), Fault> {
    let mut known = BTreeSet::new();
    for query in queries {
        if !known.insert(query.id.as_str()) {
            return Err(Fault::validation(format!(
                "The values for parameter id in MetricDataQueries are not unique: {}.",
                query.id
            )));
        }
    }
    let mut needs: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for query in queries {
        let Some(text) = &query.expression else { continue };
        let mut named = BTreeSet::new();
        if let Ok(Read::Math(expression)) = read(text) {
            math::ids(&expression, &mut named);
        }
        named.retain(|id| id != "REPEAT" && id != "LINEAR");
        if let Some(unknown) = named.iter().find(|id| !known.contains(id.as_str())) {
            return Err(Fault::validation(format!(
                "Error in expression '{}': no metric data query has the id {unknown}.",
                query.id
            )));
        }
        needs.insert(&query.id, named);
    }
    // Takes away who needs nobody that is left, until nothing is left or a circle.
    while let Some(free) =
        needs.iter().find(|(_, named)| !named.iter().any(|id| needs.contains_key(id.as_str()))).map(|(id, _)| *id)
    {
        needs.remove(free);
    }
    match needs.keys().next() {
        Some(id) => Err(Fault::validation(format!("Error in expression '{id}': it depends on itself."))),
        None => Ok(()),
    }
}

/// From when to when, in seconds, where stretches of a period begin.
pub(super) type Window<'a> = &'a dyn Fn(i64) -> (i64, i64);

/// Some queries on the values of all metrics.
pub(super) struct Evaluation<'a> {
    pub(super) queries: &'a [DataQuery],
    pub(super) series: &'a AllSeries,
    pub(super) window: Window<'a>,
    /// What was found for an id: an array may be asked for as often as it is named.
    found: RefCell<BTreeMap<String, Computed>>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(queries: &'a [DataQuery], series: &'a AllSeries, window: Window<'a>) -> Self {
        Self { queries, series, window, found: RefCell::default() }
    }

    /// The time series of a query.
    pub(super) fn of(&self, query: &DataQuery) -> Result<Vec<TimeSeries>, String> {
        let label = |series: TimeSeries| match &query.label {
            Some(label) => TimeSeries { label: label.clone(), ..series },
            None => series,
        };
        match self.id(&query.id)? {
            Computed::Series(series) => {
                let own = if query.expression.is_some() { query.id.clone() } else { series.label.clone() };
                Ok(vec![label(TimeSeries { label: own, ..series })])
            }
            Computed::Many(all) => Ok(all.into_iter().map(label).collect()),
            Computed::Number(_) | Computed::Text(_) => {
                Err(format!("the expression '{}' must return time series, and returns a number", query.id))
            }
        }
    }

    /// The period of a query: its own, or that of what its expression names.
    pub(super) fn period(&self, query: &DataQuery) -> i64 {
        self.period_within(query, self.queries.len())
    }

    fn period_within(&self, query: &DataQuery, depth: usize) -> i64 {
        if let Some(stat) = &query.stat {
            return stat.period;
        }
        if let Some(period) = query.period {
            return period;
        }
        let mut named = BTreeSet::new();
        if let Some(Ok(Read::Math(expression))) = query.expression.as_deref().map(read) {
            math::ids(&expression, &mut named);
        }
        let named = self.queries.iter().filter(|other| named.contains(&other.id) && depth > 0);
        named.map(|other| self.period_within(other, depth - 1)).max().unwrap_or(60)
    }

    fn compute(&self, query: &DataQuery) -> Result<Computed, String> {
        let period = self.period(query);
        let (start, end) = (self.window)(period);
        if let Some(stat) = &query.stat {
            let values = statistic(self.series, stat, (start, end))?;
            return Ok(Computed::Series(TimeSeries { label: stat.metric.name.clone(), values }));
        }
        match read(query.expression.as_deref().unwrap_or_default())? {
            Read::Math(expression) => math::evaluate(&expression, self, Range { start, end, period }),
            Read::Insights(asked) => {
                let metrics = self.series.metrics().map(|(metric, _)| metric).filter(|metric| asked.asks_for(metric));
                let stretches =
                    metrics.map(|metric| (metric, whole(self.series.stretches(metric, None, (start, end), period))));
                let mut all = asked.answer(stretches);
                // Without groups there is one time series, of which nothing may be known.
                Ok(if all.len() == 1 { Computed::Series(all.remove(0)) } else { Computed::Many(all) })
            }
        }
    }
}

impl Names for Evaluation<'_> {
    fn id(&self, id: &str) -> Result<Computed, String> {
        if let Some(found) = self.found.borrow().get(id) {
            return Ok(found.clone());
        }
        let query = self.queries.iter().find(|query| query.id == id);
        let found = self.compute(query.ok_or_else(|| format!("no metric data query has the id {id}"))?)?;
        self.found.borrow_mut().insert(id.to_owned(), found.clone());
        Ok(found)
    }

    fn metrics(&self, with: Option<&str>) -> Result<Vec<TimeSeries>, String> {
        let mut all = Vec::new();
        for query in self.queries.iter().filter(|query| query.stat.is_some()) {
            for series in self.of(query)? {
                if with.is_none_or(|text| series.label.contains(text)) {
                    all.push(series);
                }
            }
        }
        Ok(all)
    }
}

/// The values of all units as one.
fn whole(stretches: BTreeMap<i64, Vec<(Unit, super::datum::Datum)>>) -> BTreeMap<i64, super::datum::Datum> {
    let one = |(at, units): (i64, Vec<(Unit, super::datum::Datum)>)| {
        let mut units = units.into_iter().map(|(_, datum)| datum);
        let first = units.next()?;
        let all = units.fold(first, |mut all, datum| {
            all.add(&datum);
            all
        });
        Some((at, all))
    };
    stretches.into_iter().filter_map(one).collect()
}

/// The values of a statistic from a time up to before another, in seconds.
pub(super) fn statistic(series: &AllSeries, stat: &MetricStat, range: (i64, i64)) -> Result<Values, String> {
    let statistic =
        Statistic::named(&stat.statistic).ok_or_else(|| format!("`{}` is not a statistic", stat.statistic))?;
    let stretches = whole(series.stretches(&stat.metric, stat.unit, range, stat.period));
    Ok(stretches.into_iter().filter_map(|(at, datum)| Some((at, statistic.of(&datum)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::datum::Datum;
    use drydock_core::Timestamp;

    const CASES: &str = include_str!("../../cases/expressions.txt");
    /// A Saturday, at midnight.
    const START: i64 = 1_764_979_200;

    fn stat(id: &str, dimension: &str) -> DataQuery {
        let stat = MetricStat {
            metric: Metric::new("n", "m", &[("d", dimension)]),
            period: 60,
            statistic: "Average".to_owned(),
            unit: None,
        };
        DataQuery {
            id: id.to_owned(),
            stat: Some(stat),
            expression: None,
            label: Some(id.to_owned()),
            period: None,
            returns: false,
        }
    }

    #[test]
    fn expressions_come_to_what_the_table_says() {
        let mut series = AllSeries::default();
        let mut put = |dimension: &str, values: [Option<f64>; 4]| {
            for (minute, value) in (0_i64..).zip(values) {
                let at = Timestamp((START + minute * 60) * 1000);
                if let Some(value) = value {
                    series.put(&Metric::new("n", "m", &[("d", dimension)]), at, 60, Unit::NONE, &Datum::of(value, 1.0));
                }
            }
        };
        put("1", [Some(1.0), Some(2.0), None, Some(4.0)]);
        put("2", [Some(10.0), Some(10.0), Some(10.0), Some(0.0)]);
        for line in CASES.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (text, expected) = line.rsplit_once("| ").unwrap();
            let asked = DataQuery {
                id: "e1".to_owned(),
                stat: None,
                expression: Some(text.trim().to_owned()),
                label: None,
                period: None,
                returns: true,
            };
            let queries = [stat("m1", "1"), stat("m2", "2"), asked];
            let window = |_| (START, START + 240);
            let read = read(text.trim()).map(drop);
            let checked = read.and_then(|()| check(&queries).map_err(|fault| fault.message));
            let found = checked.and_then(|()| Evaluation::new(&queries, &series, &window).of(&queries[2]));
            let shown = match found {
                Err(why) => {
                    let part = expected.strip_prefix("! ").unwrap_or_else(|| panic!("{why} in {line}"));
                    assert!(why.contains(part), "{why} in {line}");
                    continue;
                }
                Ok(all) => {
                    let values = all.into_iter().next().map(|series| series.values).unwrap_or_default();
                    let value = |minute: i64| values.get(&(START + minute * 60));
                    let shown = (0..4).map(|minute| {
                        value(minute).map_or(".".to_owned(), |value| ((value * 1e9).round() / 1e9).to_string())
                    });
                    shown.collect::<Vec<_>>().join(" ")
                }
            };
            assert_eq!(shown, expected.trim(), "{line}");
        }
    }
}
