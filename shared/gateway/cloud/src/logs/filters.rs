//! Metric filters and subscription filters.

use super::fault::Fault;
use super::groups::{after, page};
use super::input::Input;
use super::rows::{GroupRow, MetricFilter, Subscription};
use super::service::Logs;
use crate::cloudwatch::Unit;
use crate::context::lock;
use drydock_core::{Arn, Timestamp};
use drydock_log_search::pattern::{InvalidPattern, Pattern};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most metric filters of a group ("CloudWatch Logs quotas").
const MAX_METRIC_FILTERS: usize = 100;
/// The most subscription filters of a group.
const MAX_SUBSCRIPTIONS: usize = 2;
/// The most filters of a group that have a regular expression.
const MAX_EXPRESSIONS: usize = 5;
/// The most dimensions of a metric filter ("MetricTransformation").
const MAX_DIMENSIONS: usize = 3;
/// The most messages of a test ("TestMetricFilter").
const MAX_MESSAGES: usize = 50;

fn invalid(invalid: InvalidPattern) -> Fault {
    Fault::parameter(format!("Invalid filter pattern: {}", invalid.why))
}

/// The name of a filter.
fn name<'a>(input: &Input<'a>) -> Result<&'a str, Fault> {
    let name = input.required("filterName")?;
    let fits = (1..=512).contains(&name.len()) && !name.contains([':', '*']);
    let why = "`filterName` has 1 to 512 characters without `:` and `*`";
    fits.then_some(name).ok_or_else(|| Fault::parameter(why))
}

/// What is put into a metric, as `metricTransformations` has it.
fn transformation(input: &Input<'_>, pattern: &str, now: Timestamp) -> Result<MetricFilter, Fault> {
    let list = input.value("metricTransformations").and_then(Value::as_array);
    let Some([Value::Object(members)]) = list.map(Vec::as_slice) else {
        return Err(Fault::parameter("`metricTransformations` has one element"));
    };
    let known = ["metricName", "metricNamespace", "metricValue", "defaultValue", "unit", "dimensions"];
    let given = Input::new(members, "PutMetricFilter", &known)?;
    let value = given.required("metricValue")?;
    if value.starts_with('$') {
        check_selector(pattern, value)?;
    } else if !value.parse().is_ok_and(f64::is_finite) {
        return Err(Fault::parameter(format!(
            "Invalid metric transformation: metricValue `{value:.100}` is not a number or a field"
        )));
    }
    let dimensions = given.map("dimensions")?.unwrap_or_default();
    if dimensions.len() > MAX_DIMENSIONS {
        return Err(Fault::parameter(format!("a metric filter has at most {MAX_DIMENSIONS} dimensions")));
    }
    dimensions.values().try_for_each(|selector| check_selector(pattern, selector))?;
    let default = given
        .value("defaultValue")
        .map(|value| value.as_f64().ok_or_else(|| Fault::parameter("`defaultValue` is not a number")));
    let default = default.transpose()?;
    if default.is_some() && !dimensions.is_empty() {
        let why = "Invalid metric transformation: dimensions and default value are mutually exclusive properties.";
        return Err(Fault::parameter(why));
    }
    Ok(MetricFilter {
        pattern: pattern.to_owned(),
        namespace: given.required("metricNamespace")?.to_owned(),
        metric: given.required("metricName")?.to_owned(),
        value: value.to_owned(),
        default,
        unit: given.text("unit")?.map(str::to_owned),
        dimensions,
        created: now,
    })
}

/// A field of an event: of JSON by its selector, of others by the name that the pattern gives it.
fn check_selector(pattern: &str, selector: &str) -> Result<(), Fault> {
    let wrong =
        || Fault::parameter(format!("Invalid metric transformation: `{selector:.100}` is not a field of the pattern"));
    let pattern = Pattern::parse(pattern).map_err(invalid)?;
    if !selector.starts_with('$') {
        return Err(wrong());
    }
    pattern.value(selector, "{}").map(drop).map_err(|_| wrong())
}

/// Whether a group may have one more filter that has a regular expression.
fn check_expressions(row: &GroupRow) -> Result<(), Fault> {
    let metric = row.metric_filters.values().map(|filter| &filter.pattern);
    let patterns = metric.chain(row.subscriptions.values().map(|subscription| &subscription.pattern));
    let with = patterns.filter(|pattern| Pattern::parse(pattern).is_ok_and(|pattern| pattern.has_expression())).count();
    if with > MAX_EXPRESSIONS {
        let why = format!("a log group has at most {MAX_EXPRESSIONS} filters with regular expressions");
        return Err(Fault::new("LimitExceededException", why));
    }
    Ok(())
}

/// Puts a value under a name, unless there are too many then, or too many with regular expressions.
fn put<T>(
    row: &mut GroupRow,
    of: fn(&mut GroupRow) -> &mut BTreeMap<String, T>,
    (name, value): (&str, T),
    most: usize,
) -> Result<(), Fault> {
    let mut changed = row.clone();
    of(&mut changed).insert(name.to_owned(), value);
    if of(&mut changed).len() > most {
        return Err(Fault::new("LimitExceededException", "Resource limit exceeded."));
    }
    check_expressions(&changed)?;
    *row = changed;
    Ok(())
}

fn metric_filters(row: &mut GroupRow) -> &mut BTreeMap<String, MetricFilter> {
    &mut row.metric_filters
}

fn subscriptions(row: &mut GroupRow) -> &mut BTreeMap<String, Subscription> {
    &mut row.subscriptions
}

impl Logs {
    pub(super) async fn put_metric_filter(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name("logGroupName")?, name(&input)?);
        let pattern = input.required("filterPattern")?;
        Pattern::parse(pattern).map_err(invalid)?;
        let filter = transformation(&input, pattern, self.context.now())?;
        self.add_metric_filter(group, name, filter).await?;
        Ok(json!({}))
    }

    /// Puts a metric filter to a group that is there.
    ///
    /// # Errors
    /// [`Fault`] where its pattern cannot be read, its unit is none of CloudWatch's, or the group is not there.
    pub async fn add_metric_filter(&self, group: &str, name: &str, mut filter: MetricFilter) -> Result<(), Fault> {
        if let Some(unit) = filter.unit.as_ref().filter(|unit| Unit::named(unit).is_none()) {
            return Err(Fault::parameter(format!("Invalid metric transformation: `{unit:.100}` is not a unit")));
        }
        Pattern::parse(&filter.pattern).map_err(invalid)?;
        filter.created = self.context.now();
        self.change_group(group, |group| put(&mut group.row, metric_filters, (name, filter), MAX_METRIC_FILTERS)).await
    }

    pub(super) async fn delete_metric_filter(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name("logGroupName")?, name(&input)?);
        let missing = || Fault::new("ResourceNotFoundException", "The specified metric filter does not exist.");
        self.change_group(group, |group| group.row.metric_filters.remove(name).map(drop).ok_or_else(missing)).await?;
        Ok(json!({}))
    }

    pub(super) fn describe_metric_filters(&self, input: Input<'_>) -> Result<Value, Fault> {
        let group = input.text("logGroupName")?;
        let prefix = input.text("filterNamePrefix")?;
        let (metric, namespace) = (input.text("metricName")?, input.text("metricNamespace")?);
        let limit = input.limit("limit", 1..=50)?;
        let after = after(&input)?;
        let held = lock(&self.held);
        if let Some(group) = group {
            held.group(group)?;
        }
        let groups = held.groups.iter().filter(|(name, _)| group.is_none_or(|group| *name == group));
        let filters = groups.flat_map(|(name, group)| group.row.metric_filters.iter().map(move |each| (name, each)));
        let all = filters
            .filter(|(_, (name, filter))| {
                prefix.is_none_or(|prefix| name.starts_with(prefix))
                    && metric.is_none_or(|metric| filter.metric == metric)
                    && namespace.is_none_or(|namespace| filter.namespace == namespace)
            })
            .map(|(group, (name, filter))| (format!("{group}:{name}"), described(group, name, filter)))
            .filter(|(place, _)| after.as_ref().is_none_or(|after| place > after));
        Ok(page("metricFilters", all.take(limit + 1).collect(), limit))
    }

    pub(super) fn test_metric_filter(input: Input<'_>) -> Result<Value, Fault> {
        let pattern = Pattern::parse(input.required("filterPattern")?).map_err(invalid)?;
        let messages = input.texts("logEventMessages", MAX_MESSAGES)?;
        let messages = messages.ok_or_else(|| Fault::parameter("`logEventMessages` is missing"))?;
        let matches: Vec<Value> = messages
            .iter()
            .zip(1..)
            .filter_map(|(message, number)| {
                let values = pattern.extract(message)?;
                Some(json!({ "eventNumber": number, "eventMessage": message, "extractedValues": values }))
            })
            .collect();
        Ok(json!({ "matches": matches }))
    }

    pub(super) async fn put_subscription(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name("logGroupName")?, name(&input)?);
        let pattern = input.required("filterPattern")?;
        let destination = input.required("destinationArn")?;
        self.add_subscription(group, name, pattern, destination).await?;
        Ok(json!({}))
    }

    /// Subscribes a function to the events of a group that is there.
    ///
    /// # Errors
    /// [`Fault`] where the pattern cannot be read, the destination is no function or does not let logs invoke it, or the group is
    /// not there.
    pub async fn add_subscription(&self, group: &str, name: &str, pattern: &str, to: &str) -> Result<(), Fault> {
        Pattern::parse(pattern).map_err(invalid)?;
        let destination = Arn::parse(to).ok_or_else(|| Fault::parameter(format!("`{to:.200}` is not an ARN")))?;
        if destination.service() != "lambda" {
            let what = format!("a subscription filter whose destination is of `{}`", destination.service());
            return Err(Fault::not_implemented(what));
        }
        let from = self.context.config.scope.arn("logs", &format!("log-group:{group}:*"));
        self.may_send(&destination, &from).map_err(|why| {
            let text = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.";
            Fault::parameter(format!("{text} ({why})"))
        })?;
        let subscription = Subscription { pattern: pattern.to_owned(), destination, created: self.context.now() };
        self.change_group(group, |group| put(&mut group.row, subscriptions, (name, subscription), MAX_SUBSCRIPTIONS))
            .await
    }

    pub(super) async fn delete_subscription(&self, input: Input<'_>) -> Result<Value, Fault> {
        let (group, name) = (input.group_name("logGroupName")?, name(&input)?);
        let missing = || Fault::new("ResourceNotFoundException", "The specified subscription filter does not exist.");
        self.change_group(group, |group| group.row.subscriptions.remove(name).map(drop).ok_or_else(missing)).await?;
        Ok(json!({}))
    }

    pub(super) fn describe_subscriptions(&self, input: Input<'_>) -> Result<Value, Fault> {
        let group = input.group_name("logGroupName")?;
        let prefix = input.text("filterNamePrefix")?;
        let limit = input.limit("limit", 1..=50)?;
        let after = after(&input)?;
        let held = lock(&self.held);
        let all = held
            .group(group)?
            .row
            .subscriptions
            .iter()
            .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
            .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after))
            .map(|(name, subscription)| {
                let described = json!({
                    "filterName": name,
                    "logGroupName": group,
                    "filterPattern": subscription.pattern,
                    "destinationArn": subscription.destination.as_str(),
                    "distribution": "ByLogStream",
                    "creationTime": subscription.created.millis(),
                });
                (name.clone(), described)
            });
        Ok(page("subscriptionFilters", all.take(limit + 1).collect(), limit))
    }
}

fn described(group: &str, name: &str, filter: &MetricFilter) -> Value {
    let mut transformation = Map::from_iter([
        ("metricName".to_owned(), filter.metric.as_str().into()),
        ("metricNamespace".to_owned(), filter.namespace.as_str().into()),
        ("metricValue".to_owned(), filter.value.as_str().into()),
    ]);
    let more = [
        ("defaultValue", filter.default.map(Value::from)),
        ("unit", filter.unit.as_deref().map(Value::from)),
        ("dimensions", (!filter.dimensions.is_empty()).then(|| json!(filter.dimensions))),
    ];
    transformation.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    json!({
        "filterName": name,
        "filterPattern": filter.pattern,
        "metricTransformations": [transformation],
        "creationTime": filter.created.millis(),
        "logGroupName": group,
    })
}
