//! Fleet metrics: queries whose aggregates go to Amazon CloudWatch again and again ("Fleet metrics" of the guide, and the API reference
//! of "CreateFleetMetric").

use crate::aggregate::Values;
use crate::config::{GroupConfig, Indexing, ThingConfig, no_index};
use crate::query::{self, Limits, Query};
use crate::{GROUPS, THINGS};
use drydock_core::{ApiError, Done, ErrorCode, Scope, Timestamp, Write, page};
use drydock_model::iot::{
    AggregationType, AggregationTypeName, CreateFleetMetricRequest, CreateFleetMetricResponse,
    DeleteFleetMetricRequest, DescribeFleetMetricResponse, FieldType, FleetMetricNameAndArn, FleetMetricUnit,
    ListFleetMetricsRequest, ListFleetMetricsResponse, UpdateFleetMetricRequest,
};
use serde::{Deserialize, Serialize};

pub(crate) const TABLE: &str = "fleet_metric";
/// The most fleet metrics ("AWS IoT fleet metrics limits and quotas").
const MOST: usize = 100;
/// The most percents of one.
const PERCENTS: usize = 5;
/// Metrics of a page, where the caller does not say.
const PAGE: i32 = 25;
/// The statistics that there are, as "GetStatistics" names them.
const STATISTICS: [&str; 8] =
    ["count", "average", "sum", "minimum", "maximum", "sumOfSquares", "variance", "stdDeviation"];
/// The one value of a cardinality.
const CARDINALITY: &str = "cardinality";

/// A fleet metric; its key is its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetMetric {
    query: String,
    field: String,
    #[serde(with = "drydock_model::row")]
    aggregation: AggregationType,
    period: i32,
    index: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created: Timestamp,
    modified: Timestamp,
    version: i64,
}

impl FleetMetric {
    /// The name of the index that it is about.
    #[must_use]
    pub fn index(&self) -> &str {
        &self.index
    }

    /// The field whose values are aggregated.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The unit of its values, as CloudWatch names it.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// When it was made or changed last.
    #[must_use]
    pub fn changed(&self) -> Timestamp {
        self.modified
    }

    /// When the period ended that ended last at a time; periods begin with 1970.
    #[must_use]
    pub fn ended(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(-now.millis().rem_euclid(self.millis()))
    }

    /// When the period ends that goes on at a time.
    #[must_use]
    pub fn ends(&self, now: Timestamp) -> Timestamp {
        self.ended(now).plus_millis(self.millis())
    }

    fn millis(&self) -> i64 {
        i64::from(self.period.max(60)) * 1000
    }

    /// What it asks.
    ///
    /// # Errors
    /// `InvalidQueryException`: never for one that was taken.
    pub fn query(&self) -> Result<Query, ApiError> {
        let invalid = |why: query::Invalid| ApiError::new(ErrorCode::InvalidQueryException, why.to_string());
        Query::parse(&self.query, &Limits::SEARCH).map_err(invalid)
    }

    /// What is told of the values of its field, each by what it is called in `values`. What they do not have, as an average of none, is
    /// left out.
    #[must_use]
    pub fn told(&self, values: &Values<'_>) -> Vec<(String, f64)> {
        let wanted = self.aggregation.values.as_deref().unwrap_or_default();
        match self.aggregation.name {
            AggregationTypeName::Cardinality => vec![(CARDINALITY.to_owned(), f64::from(values.cardinality()))],
            AggregationTypeName::Percentiles => {
                let percents: Vec<f64> = wanted.iter().filter_map(|value| percent(value)).collect();
                let found = values.percentiles(&percents).into_iter();
                wanted.iter().cloned().zip(found).filter_map(|(value, pair)| Some((value, pair.value?))).collect()
            }
            AggregationTypeName::Statistics => {
                let all = values.statistics();
                let of = |name: &str| match name {
                    "count" => all.count.map(f64::from),
                    "average" => all.average,
                    "sum" => all.sum,
                    "minimum" => all.minimum,
                    "maximum" => all.maximum,
                    "sumOfSquares" => all.sum_of_squares,
                    "variance" => all.variance,
                    "stdDeviation" => all.std_deviation,
                    _ => None,
                };
                wanted.iter().filter_map(|name| Some((name.clone(), of(name)?))).collect()
            }
        }
    }

    /// The field that it aggregates, with its type, by a configuration.
    fn aggregated(&self, things: &ThingConfig, groups: &GroupConfig) -> Result<(String, FieldType), ApiError> {
        if self.index == GROUPS { groups.aggregated(&self.field) } else { things.aggregated(&self.field) }
    }

    fn check(&self, things: &ThingConfig, groups: &GroupConfig) -> Result<(), ApiError> {
        if !(60..=86_400).contains(&self.period) || self.period % 60 != 0 {
            return Err(ApiError::invalid(format!(
                "the period must be a multiple of 60 seconds, from 60 to 86400, not {}",
                self.period
            )));
        }
        query::check_version(self.query_version.as_deref())?;
        let query = self.query()?;
        match self.index.as_str() {
            THINGS if things.is_on() => things.has_sources_of(&query)?,
            GROUPS if groups.is_on() => {}
            other => return Err(no_index(other)),
        }
        let (_, of) = self.aggregated(things, groups)?;
        self.check_values(of)
    }

    fn check_values(&self, of: FieldType) -> Result<(), ApiError> {
        let wrong = |why: String| Err(ApiError::new(ErrorCode::InvalidAggregationException, why));
        let values = self.aggregation.values.as_deref().unwrap_or_default();
        let known = match self.aggregation.name {
            AggregationTypeName::Cardinality if values.is_empty() => return Ok(()),
            AggregationTypeName::Cardinality => &[CARDINALITY][..],
            AggregationTypeName::Statistics => &STATISTICS[..],
            AggregationTypeName::Percentiles => {
                if of != FieldType::Number {
                    return wrong("percentiles are of fields of the type Number".to_owned());
                }
                if values.len() > PERCENTS {
                    return wrong(format!("{} percentiles are too many: at most {PERCENTS}", values.len()));
                }
                &[]
            }
        };
        if values.is_empty() {
            return wrong("aggregationType needs values: which of them are to be told".to_owned());
        }
        for (place, value) in values.iter().enumerate() {
            if values.iter().take(place).any(|before| before == value) {
                return wrong(format!("`{value:.20}` is given twice in the values of aggregationType"));
            }
            if known.is_empty() && percent(value).is_none() {
                return wrong(format!("`{value:.20}` is not a percent between 0 and 100"));
            }
            if !known.is_empty() && !known.contains(&value.as_str()) {
                return wrong(format!("`{value:.20}` is not one of {}", known.join(", ")));
            }
        }
        Ok(())
    }
}

/// The percent of a value: `95`, or `p95` as CloudWatch writes it.
fn percent(value: &str) -> Option<f64> {
    let digits = value.strip_prefix('p').unwrap_or(value);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|percent| plain && (0.0..=100.0).contains(percent))
}

fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("iot", &format!("fleetmetric/{name}")).to_string()
}

fn row(name: &str, metric: &FleetMetric) -> Write {
    // A struct of texts and numbers: writing it as JSON does not fail.
    Write::put(TABLE, name, serde_json::to_string(metric).unwrap_or_default())
}

fn missing(name: &str) -> ApiError {
    ApiError::not_found(format!("the fleet metric `{name}` does not exist"))
}

fn unit(unit: Option<FleetMetricUnit>) -> Option<String> {
    unit.map(|unit| unit.as_str().to_owned())
}

impl Indexing {
    /// All fleet metrics, by name.
    pub fn fleet_metrics(&self) -> impl Iterator<Item = (&str, &FleetMetric)> {
        self.metrics.iter().map(|(name, metric)| (name.as_str(), metric))
    }

    /// Whether there is a fleet metric of a name.
    #[must_use]
    pub fn has_fleet_metric(&self, name: &str) -> bool {
        self.metrics.contains_key(name)
    }

    /// Whether another configuration has what the fleet metrics of this one ask for ("Can't downgrade fleet indexing configuration";
    /// "Modifying custom fields used by existing fleet metrics is not supported").
    pub(crate) fn keeps_fleet_metrics(&self, things: &ThingConfig, groups: &GroupConfig) -> Result<(), ApiError> {
        for (name, metric) in &self.metrics {
            let (was, is) = (metric.aggregated(&self.things(), &self.groups()), metric.aggregated(things, groups));
            let other_type = matches!((was, is), (Ok(was), Ok(is)) if was != is);
            let lost = metric.check(things, groups).err().map(|error| error.message.into_owned());
            if let Some(why) = lost.or_else(|| other_type.then(|| format!("the type of `{}` changes", metric.field))) {
                return Err(ApiError::invalid(format!(
                    "the fleet metric `{name}` needs what the indexing configuration has now: {why}"
                )));
            }
        }
        Ok(())
    }

    /// The fields that fleet metrics ask for in the index of things, with who does.
    pub(crate) fn asked_by_fleet_metrics(&self) -> Vec<(String, String)> {
        let of_things = self.metrics.iter().filter(|(_, metric)| metric.index == THINGS);
        let asked = of_things.filter_map(|(name, metric)| {
            let fields = metric.query().ok()?.fields();
            Some(fields.into_iter().map(move |field| (field, format!("the fleet metric `{name}`"))))
        });
        asked.flatten().collect()
    }

    /// "CreateFleetMetric". One that is there as it is asked for is answered as it is.
    ///
    /// # Errors
    /// `InvalidRequestException`, `InvalidQueryException`, `InvalidAggregationException`, `ResourceNotFoundException` for an index that
    /// is not there, `ResourceAlreadyExistsException` for a name that another has, `LimitExceededException`.
    pub fn create_fleet_metric(
        &mut self,
        input: CreateFleetMetricRequest,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Done<CreateFleetMetricResponse>, ApiError> {
        let name = input.metric_name;
        let mut metric = FleetMetric {
            query: input.query_string,
            field: input.aggregation_field,
            aggregation: input.aggregation_type,
            period: input.period,
            index: input.index_name.unwrap_or_else(|| THINGS.to_owned()),
            query_version: input.query_version,
            unit: unit(input.unit),
            description: input.description,
            created: now,
            modified: now,
            version: 1,
        };
        let reply = CreateFleetMetricResponse { metric_arn: Some(arn(scope, &name)), metric_name: Some(name.clone()) };
        if let Some(held) = self.metrics.get(&name) {
            (metric.created, metric.modified, metric.version) = (held.created, held.modified, held.version);
            if *held == metric {
                return Ok(Done::reply(reply));
            }
            let why = format!("the fleet metric `{name}` exists with other settings: use UpdateFleetMetric");
            return Err(ApiError::new(ErrorCode::ResourceAlreadyExistsException, why));
        }
        metric.check(&self.things(), &self.groups())?;
        if self.metrics.len() >= MOST {
            let why = format!("there are {MOST} fleet metrics already, the most that an account has");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let write = row(&name, &metric);
        self.metrics.insert(name, metric);
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateFleetMetric": what is given replaces what was there.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `VersionConflictException`, and those of [`create_fleet_metric`](Self::create_fleet_metric) for
    /// what is not valid.
    pub fn update_fleet_metric(
        &mut self,
        input: UpdateFleetMetricRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let name = input.metric_name;
        let held = self.metrics.get(&name).ok_or_else(|| missing(&name))?;
        conflict(&name, held, input.expected_version)?;
        let metric = FleetMetric {
            query: input.query_string.unwrap_or_else(|| held.query.clone()),
            field: input.aggregation_field.unwrap_or_else(|| held.field.clone()),
            aggregation: input.aggregation_type.unwrap_or_else(|| held.aggregation.clone()),
            period: input.period.unwrap_or(held.period),
            index: input.index_name,
            query_version: input.query_version.or_else(|| held.query_version.clone()),
            unit: unit(input.unit).or_else(|| held.unit.clone()),
            description: input.description.or_else(|| held.description.clone()),
            created: held.created,
            modified: now,
            version: held.version + 1,
        };
        metric.check(&self.things(), &self.groups())?;
        let write = row(&name, &metric);
        self.metrics.insert(name, metric);
        Ok(Done::written((), vec![write]))
    }

    /// "DeleteFleetMetric". One that is not there is deleted already: AWS has no error for it.
    ///
    /// # Errors
    /// `VersionConflictException`.
    pub fn delete_fleet_metric(&mut self, input: &DeleteFleetMetricRequest) -> Result<Done<()>, ApiError> {
        let name = &input.metric_name;
        let Some(held) = self.metrics.get(name) else { return Ok(Done::reply(())) };
        conflict(name, held, input.expected_version)?;
        self.metrics.remove(name);
        Ok(Done::written((), vec![Write::delete(TABLE, name.as_str())]))
    }

    /// "DescribeFleetMetric".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_fleet_metric(&self, name: &str, scope: &Scope) -> Result<DescribeFleetMetricResponse, ApiError> {
        let metric = self.metrics.get(name).ok_or_else(|| missing(name))?;
        Ok(DescribeFleetMetricResponse {
            aggregation_field: Some(metric.field.clone()),
            aggregation_type: Some(metric.aggregation.clone()),
            creation_date: Some(metric.created),
            description: metric.description.clone(),
            index_name: Some(metric.index.clone()),
            last_modified_date: Some(metric.modified),
            metric_arn: Some(arn(scope, name)),
            metric_name: Some(name.to_owned()),
            period: Some(metric.period),
            query_string: Some(metric.query.clone()),
            query_version: Some(metric.query_version.clone().unwrap_or_else(|| query::VERSION.to_owned())),
            unit: metric.unit.as_deref().and_then(|unit| unit.parse().ok()),
            version: Some(metric.version),
        })
    }

    /// "ListFleetMetrics", by name.
    ///
    /// # Errors
    /// `InvalidRequestException` for a token that no list gave.
    pub fn list_fleet_metrics(
        &self,
        input: &ListFleetMetricsRequest,
        scope: &Scope,
    ) -> Result<ListFleetMetricsResponse, ApiError> {
        const OPERATION: &str = "ListFleetMetrics";
        let after = input.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let names = self.metrics.keys().filter(|name| after.as_ref().is_none_or(|after| *name > after));
        let most = usize::try_from(input.max_results.unwrap_or(PAGE)).unwrap_or_default();
        let (names, next) = page::cut(names, most, |name| (*name).clone());
        let entry = |name: &String| FleetMetricNameAndArn {
            metric_arn: Some(arn(scope, name)),
            metric_name: Some(name.clone()),
        };
        Ok(ListFleetMetricsResponse {
            fleet_metrics: Some(names.into_iter().map(entry).collect()),
            next_token: next.map(|place| page::token(OPERATION, &place)),
        })
    }
}

fn conflict(name: &str, held: &FleetMetric, expected: Option<i64>) -> Result<(), ApiError> {
    match expected.filter(|expected| *expected != held.version) {
        None => Ok(()),
        Some(expected) => {
            let why = format!("the fleet metric `{name}` has the version {}, not {expected}", held.version);
            Err(ApiError::new(ErrorCode::VersionConflictException, why))
        }
    }
}
