//! An alarm: what it watches, when it rings, and what its state is; as PutMetricAlarm is given it and as DescribeAlarms shows it.

use super::evaluate::{Comparison, Missing, State};
use super::fault::{Code, Fault};
use super::metric::{Metric, Unit, dimensions_out};
use super::query::{self, DataQuery, MetricStat, check_period};
use super::statistic::Statistic;
use super::value::{Given, Out, structure};
use drydock_core::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The id of the query that stands for an alarm on one metric.
const OWN: &str = "m1";
/// The most actions of a state ("PutMetricAlarm").
const ACTIONS: usize = 5;
/// The most tags of an alarm.
pub(super) const TAGS: usize = 50;

/// What an alarm is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) actions_enabled: bool,
    /// The ARNs that are told of a state, in the order of [`State::ALL`].
    pub(super) actions: [Vec<String>; 3],
    /// Whether it is on one metric, and `queries` has one that stands for it.
    pub(super) single: bool,
    pub(super) queries: Vec<DataQuery>,
    pub(super) periods: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) needed: Option<usize>,
    pub(super) threshold: f64,
    pub(super) comparison: Comparison,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Missing>,
    /// `EvaluateLowSampleCountPercentile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) low_samples: Option<String>,
}

/// An alarm; its key is its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alarm {
    pub(super) config: Config,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) configured: Timestamp,
    pub(super) state: State,
    pub(super) reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason_data: Option<String>,
    pub(super) updated: Timestamp,
    pub(super) transitioned: Timestamp,
}

/// Under which names the actions of each state are given.
pub(super) const ACTION_NAMES: [(&str, State); 3] =
    [("OKActions", State::Ok), ("AlarmActions", State::Alarm), ("InsufficientDataActions", State::Insufficient)];

/// The parameters of PutMetricAlarm that are taken.
const KNOWN: [&str; 21] = [
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "Tags",
];

/// The one of some that a parameter names.
pub(super) fn choice<T: Copy>(
    given: Given<'_>,
    name: &str,
    all: &[T],
    text: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Fault> {
    let Some(asked) = given.text(name)? else { return Ok(None) };
    let found = all.iter().copied().find(|one| text(*one) == asked);
    let names: Vec<&str> = all.iter().map(|one| text(*one)).collect();
    found.map(Some).ok_or_else(|| {
        Fault::validation(format!(
            "1 validation error detected: Value '{asked:.100}' at '{name}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            names.join(", ")
        ))
    })
}

impl Config {
    pub(super) fn given(given: Given<'_>) -> Result<Self, Fault> {
        for (name, what) in [
            ("ThresholdMetricId", "ThresholdMetricId (anomaly detection)"),
            ("EvaluationCriteria", "EvaluationCriteria (PromQL)"),
            ("EvaluationInterval", "EvaluationInterval (PromQL)"),
        ] {
            if given.has(name) {
                return Err(Fault::not_implemented(what));
            }
        }
        given.only(&KNOWN)?;
        if let Some(
            comparison @ ("LessThanLowerOrGreaterThanUpperThreshold"
            | "LessThanLowerThreshold"
            | "GreaterThanUpperThreshold"),
        ) = given.text("ComparisonOperator")?
        {
            return Err(Fault::not_implemented(&format!("ComparisonOperator {comparison} (anomaly detection)")));
        }
        let comparison = choice(given, "ComparisonOperator", &Comparison::ALL, Comparison::as_str)?;
        let (queries, single) = if given.has("Metrics") { (several(given)?, false) } else { (vec![one(given)?], true) };
        let positive = |name: &str| -> Result<Option<usize>, Fault> {
            let number = given.integer(name)?;
            let read = number.map(|number| usize::try_from(number).ok().filter(|number| *number >= 1));
            read.map(|read| read.ok_or_else(|| Fault::value(format!("The parameter {name} must be at least 1."))))
                .transpose()
        };
        let periods = positive("EvaluationPeriods")?.ok_or_else(|| Fault::missing("EvaluationPeriods"))?;
        let needed = positive("DatapointsToAlarm")?;
        if needed.is_some_and(|needed| needed > periods) {
            return Err(Fault::validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods."));
        }
        let mut actions: [Vec<String>; 3] = Default::default();
        for ((name, _), held) in ACTION_NAMES.iter().zip(&mut actions) {
            for text in given.texts(name, ACTIONS)? {
                check_action(text)?;
                held.push(text.to_owned());
            }
        }
        let low_samples = given.text("EvaluateLowSampleCountPercentile")?;
        if low_samples.is_some_and(|text| !["evaluate", "ignore"].contains(&text)) {
            return Err(Fault::value("EvaluateLowSampleCountPercentile must be evaluate or ignore."));
        }
        let config = Self {
            description: given.bounded("AlarmDescription", 0, 1024)?.map(str::to_owned),
            actions_enabled: given.truth("ActionsEnabled")?.unwrap_or(true),
            actions,
            single,
            queries,
            periods,
            needed,
            threshold: given
                .number("Threshold")?
                .filter(|number| number.is_finite())
                .ok_or_else(|| Fault::missing("Threshold"))?,
            comparison: comparison.ok_or_else(|| Fault::missing("ComparisonOperator"))?,
            missing: choice(given, "TreatMissingData", &Missing::ALL, Missing::as_str)?,
            low_samples: low_samples.map(str::to_owned),
        };
        let period = config.period();
        let range = i64::try_from(periods).unwrap_or(i64::MAX).saturating_mul(period);
        // "PutMetricAlarm": a day, and seven where a period is an hour or longer.
        let most = if period >= 3600 { 7 * 86_400 } else { 86_400 };
        if range > most {
            return Err(Fault::validation(format!(
                "Metrics cannot be checked across more than {} (EvaluationPeriods * Period must be <= {most}).",
                if most == 86_400 { "a day" } else { "seven days" }
            )));
        }
        Ok(config)
    }

    /// The period in seconds of the data points.
    pub(super) fn period(&self) -> i64 {
        let own = |query: &DataQuery| query.stat.as_ref().map(|stat| stat.period).or(query.period);
        let returned = self.returned().and_then(own);
        returned.or_else(|| self.queries.iter().filter_map(own).max()).unwrap_or(60)
    }

    /// The query whose values are compared.
    pub(super) fn returned(&self) -> Option<&DataQuery> {
        self.queries.iter().find(|query| query.returns)
    }

    pub(super) fn stat(&self) -> Option<&MetricStat> {
        self.queries.first().filter(|_| self.single)?.stat.as_ref()
    }

    pub(super) fn needed(&self) -> usize {
        self.needed.unwrap_or(self.periods)
    }

    pub(super) fn actions_of(&self, state: State) -> &[String] {
        let place = State::ALL.iter().position(|other| *other == state);
        place.and_then(|place| self.actions.get(place)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// An alarm on one metric.
fn one(given: Given<'_>) -> Result<DataQuery, Fault> {
    let statistic = match (given.text("Statistic")?, given.text("ExtendedStatistic")?) {
        (Some(plain), None) if Statistic::named(plain).is_some_and(|statistic| statistic.is_plain()) => plain,
        (None, Some(extended)) if Statistic::named(extended).is_some_and(|statistic| !statistic.is_plain()) => extended,
        (Some(_), Some(_)) => {
            return Err(Fault::combination("Statistic and ExtendedStatistic are mutually exclusive."));
        }
        (Some(plain), None) => {
            return Err(Fault::validation(format!(
                "1 validation error detected: Value '{plain:.100}' at 'statistic' failed to satisfy constraint: Member must satisfy enum value set: [SampleCount, Average, Sum, Minimum, Maximum]"
            )));
        }
        (None, Some(extended)) => {
            return Err(Fault::value(format!(
                "The value {extended:.100} for parameter ExtendedStatistic is not supported."
            )));
        }
        (None, None) => return Err(Fault::missing("Statistic or ExtendedStatistic")),
    };
    let period = given.integer("Period")?.ok_or_else(|| Fault::missing("Period"))?;
    let stat = MetricStat {
        metric: Metric::given(given)?,
        period: check_period(period)?,
        statistic: statistic.to_owned(),
        unit: Unit::given(given)?,
    };
    Ok(DataQuery { id: OWN.to_owned(), stat: Some(stat), expression: None, label: None, period: None, returns: true })
}

/// An alarm on an expression.
fn several(given: Given<'_>) -> Result<Vec<DataQuery>, Fault> {
    let alone = ["MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit"];
    if let Some(name) = alone.into_iter().find(|name| given.has(name)) {
        return Err(Fault::combination(format!("Metrics and {name} are mutually exclusive.")));
    }
    let queries = query::queries(given, "Metrics", 20)?;
    if queries.iter().filter(|query| query.returns).count() != 1 {
        return Err(Fault::validation("Exactly one element of the metrics list should return data."));
    }
    if queries.iter().filter(|query| query.stat.is_some()).count() > 10 {
        return Err(Fault::validation("An alarm can be based on at most 10 metrics."));
    }
    Ok(queries)
}

/// What is told of a state is a topic or a function.
fn check_action(text: &str) -> Result<(), Fault> {
    let Some(arn) = Arn::parse(text) else {
        return Err(Fault::validation(format!("Invalid arn syntax: {text:.200}")));
    };
    match arn.service() {
        "sns" | "lambda" => Ok(()),
        other => Err(Fault::not_implemented(&format!("an alarm's action of the service `{other:.60}`"))),
    }
}

impl Alarm {
    pub(super) fn new(config: Config, tags: BTreeMap<String, String>, now: Timestamp) -> Self {
        Self {
            config,
            tags,
            configured: now,
            state: State::Insufficient,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            updated: now,
            transitioned: now,
        }
    }

    /// As DescribeAlarms shows it.
    pub(super) fn out(&self, name: &str, arn: &Arn) -> Out {
        let (config, stat) = (&self.config, self.config.stat());
        let statistic = |plain: bool| {
            let named = stat.and_then(|stat| Statistic::named(&stat.statistic).map(|read| (stat, read)));
            named.filter(|(_, read)| read.is_plain() == plain).map(|(stat, _)| Out::text(&stat.statistic))
        };
        let mut members = vec![
            ("AlarmName", Some(Out::text(name))),
            ("AlarmArn", Some(Out::text(arn.as_str()))),
            ("AlarmDescription", config.description.as_ref().map(Out::text)),
            ("AlarmConfigurationUpdatedTimestamp", Some(Out::Time(self.configured))),
            ("ActionsEnabled", Some(Out::Truth(config.actions_enabled))),
        ];
        for ((action, _), held) in ACTION_NAMES.iter().zip(&config.actions) {
            members.push((action, Some(Out::texts(held))));
        }
        members.extend([
            ("StateValue", Some(Out::text(self.state.as_str()))),
            ("StateReason", Some(Out::text(&self.reason))),
            ("StateReasonData", self.reason_data.as_ref().map(Out::text)),
            ("StateUpdatedTimestamp", Some(Out::Time(self.updated))),
            ("MetricName", stat.map(|stat| Out::text(&stat.metric.name))),
            ("Namespace", stat.map(|stat| Out::text(&stat.metric.namespace))),
            ("Statistic", statistic(true)),
            ("ExtendedStatistic", statistic(false)),
            // There, and empty, of an alarm on an expression, as AWS shows it.
            ("Dimensions", Some(stat.map_or(Out::List(Vec::new()), |stat| dimensions_out(&stat.metric.dimensions)))),
            ("Period", stat.map(|stat| Out::Integer(stat.period))),
            ("Unit", stat.and_then(|stat| stat.unit).map(|unit| Out::text(unit.as_str()))),
            ("EvaluationPeriods", Some(Out::count(config.periods))),
            ("DatapointsToAlarm", config.needed.map(Out::count)),
            ("Threshold", Some(Out::Number(config.threshold))),
            ("ComparisonOperator", Some(Out::text(config.comparison.as_str()))),
            ("TreatMissingData", config.missing.map(|missing| Out::text(missing.as_str()))),
            ("EvaluateLowSampleCountPercentile", config.low_samples.as_ref().map(Out::text)),
            ("Metrics", (!config.single).then(|| Out::List(config.queries.iter().map(DataQuery::out).collect()))),
            ("StateTransitionedTimestamp", Some(Out::Time(self.transitioned))),
        ]);
        structure(members)
    }
}

/// The tags that some parameters hold.
pub(super) fn tags(given: Given<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags = BTreeMap::new();
    for tag in given.structures("Tags", TAGS)? {
        let (key, value) = (tag.required("Key", 128)?, tag.bounded("Value", 0, 256)?.unwrap_or_default());
        if key.starts_with("aws:") {
            return Err(Fault::value("A tag's key must not begin with aws:."));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Fault::value(format!("The tag {key} is given twice.")));
        }
    }
    Ok(tags)
}

/// The alarm of a name, and what is said where there is none.
pub(super) fn no_alarm(name: &str) -> Fault {
    Fault::new(Code::ResourceNotFound, format!("Alarm {name} does not exist"))
}
