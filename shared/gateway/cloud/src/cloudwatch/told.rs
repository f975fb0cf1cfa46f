//! What is told of an alarm's new state: the message of SNS ("Alarm notifications"), and the event of a function ("Alarm events and
//! Lambda").

use super::alarm::Config;
use super::change::Change;
use super::query::DataQuery;
use super::statistic::Statistic;
use drydock_core::{Scope, Timestamp};
use serde_json::{Map, Value, json};

/// The longest subject of SNS, in characters.
const SUBJECT: usize = 100;

/// Regions as messages name them.
const REGIONS: [(&str, &str); 18] = [
    ("af-south-1", "Africa (Cape Town)"),
    ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ca-central-1", "Canada (Central)"),
    ("eu-central-1", "EU (Frankfurt)"),
    ("eu-north-1", "EU (Stockholm)"),
    ("eu-west-1", "EU (Ireland)"),
    ("eu-west-2", "EU (London)"),
    ("eu-west-3", "EU (Paris)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
];

fn region(scope: &Scope) -> &str {
    let code = scope.region.as_str();
    REGIONS.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// `2026-11-01T12:34:56.789+0000`.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string().replace('Z', "+0000")
}

/// `01/11/26 12:34:00`, as reasons write a time in seconds.
pub(super) fn short(seconds: i64) -> String {
    let utc = Timestamp(seconds.saturating_mul(1000)).utc();
    format!(
        "{:02}/{:02}/{:02} {:02}:{:02}:{:02}",
        utc.day(),
        u8::from(utc.month()),
        utc.year().rem_euclid(100),
        utc.hour(),
        utc.minute(),
        utc.second()
    )
}

/// A number with its decimal point, as reasons write it.
pub(super) fn number(value: f64) -> String {
    format!("{value:?}")
}

/// The subject and the text of the message to a topic.
pub(super) fn message(change: &Change, scope: &Scope) -> (String, String) {
    let Change { name, arn, alarm, before, at } = change;
    let config = &alarm.config;
    let mut trigger = trigger(config);
    trigger.insert("EvaluationPeriods".to_owned(), config.periods.into());
    if let Some(needed) = config.needed {
        trigger.insert("DatapointsToAlarm".to_owned(), needed.into());
    }
    trigger.insert("ComparisonOperator".to_owned(), config.comparison.as_str().into());
    trigger.insert("Threshold".to_owned(), config.threshold.into());
    trigger.insert("TreatMissingData".to_owned(), config.missing.unwrap_or_default().as_str().into());
    trigger.insert("EvaluateLowSampleCountPercentile".to_owned(), config.low_samples.as_deref().unwrap_or("").into());
    let [ok, alarming, insufficient] = &config.actions;
    let message = json!({
        "AlarmName": name,
        "AlarmDescription": config.description,
        "AWSAccountId": scope.account.as_str(),
        "AlarmConfigurationUpdatedTimestamp": stamp(alarm.configured),
        "NewStateValue": alarm.state.as_str(),
        "NewStateReason": alarm.reason,
        "StateChangeTime": stamp(*at),
        "Region": region(scope),
        "AlarmArn": arn.as_str(),
        "OldStateValue": before.state.as_str(),
        "OKActions": ok,
        "AlarmActions": alarming,
        "InsufficientDataActions": insufficient,
        "Trigger": trigger,
    });
    let subject = format!("{}: \"{name}\" in {}", alarm.state.as_str(), region(scope));
    let subject = subject.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' });
    (subject.take(SUBJECT).collect(), message.to_string())
}

/// What the message says of the metric, or of the expression.
fn trigger(config: &Config) -> Map<String, Value> {
    let mut trigger = Map::new();
    let mut put = |name: &str, value: Value| {
        trigger.insert(name.to_owned(), value);
    };
    let Some(stat) = config.stat() else {
        put("Period", config.period().into());
        put("Metrics", config.queries.iter().map(of_query).collect());
        return trigger;
    };
    put("MetricName", stat.metric.name.as_str().into());
    put("Namespace", stat.metric.namespace.as_str().into());
    let plain = match Statistic::named(&stat.statistic) {
        Some(Statistic::SampleCount) => Some("SAMPLE_COUNT"),
        Some(Statistic::Average) => Some("AVERAGE"),
        Some(Statistic::Sum) => Some("SUM"),
        Some(Statistic::Minimum) => Some("MINIMUM"),
        Some(Statistic::Maximum) => Some("MAXIMUM"),
        _ => None,
    };
    match plain {
        Some(plain) => {
            put("StatisticType", "Statistic".into());
            put("Statistic", plain.into());
        }
        None => {
            put("StatisticType", "ExtendedStatistic".into());
            put("ExtendedStatistic", stat.statistic.as_str().into());
        }
    }
    put("Unit", stat.unit.map(|unit| unit.as_str()).into());
    put("Dimensions", dimensions(stat));
    put("Period", stat.period.into());
    trigger
}

fn dimensions(stat: &super::query::MetricStat) -> Value {
    stat.metric.dimensions.iter().map(|(name, value)| json!({ "value": value, "name": name })).collect()
}

fn of_query(query: &DataQuery) -> Value {
    let mut of = Map::new();
    of.insert("Id".to_owned(), query.id.as_str().into());
    if let Some(expression) = &query.expression {
        of.insert("Expression".to_owned(), expression.as_str().into());
    }
    if let Some(stat) = &query.stat {
        let metric = json!({ "Dimensions": dimensions(stat), "MetricName": stat.metric.name, "Namespace": stat.metric.namespace });
        of.insert("MetricStat".to_owned(), json!({ "Metric": metric, "Period": stat.period, "Stat": stat.statistic }));
    }
    if let Some(label) = &query.label {
        of.insert("Label".to_owned(), label.as_str().into());
    }
    of.insert("ReturnData".to_owned(), query.returns.into());
    of.into()
}

/// The event for a function.
pub(super) fn event(change: &Change, scope: &Scope) -> String {
    let Change { name, arn, alarm, before, at } = change;
    let state = |value: &str, reason: &str, data: Option<&String>, at: Timestamp| {
        let mut state = json!({ "value": value, "reason": reason, "timestamp": stamp(at) });
        if let (Some(data), Some(object)) = (data, state.as_object_mut()) {
            object.insert("reasonData".to_owned(), data.as_str().into());
        }
        state
    };
    let metric = |query: &DataQuery| {
        let mut of = Map::new();
        of.insert("id".to_owned(), query.id.as_str().into());
        if let Some(stat) = &query.stat {
            let mut inner = json!({
                "metric": {
                    "namespace": stat.metric.namespace,
                    "name": stat.metric.name,
                    "dimensions": stat.metric.dimensions,
                },
                "period": stat.period,
                "stat": stat.statistic,
            });
            if let (Some(unit), Some(object)) = (stat.unit, inner.as_object_mut()) {
                object.insert("unit".to_owned(), unit.as_str().into());
            }
            of.insert("metricStat".to_owned(), inner);
        }
        if let Some(expression) = &query.expression {
            of.insert("expression".to_owned(), expression.as_str().into());
        }
        of.insert("returnData".to_owned(), query.returns.into());
        Value::Object(of)
    };
    let event = json!({
        "source": "aws.cloudwatch",
        "alarmArn": arn.as_str(),
        "accountId": scope.account.as_str(),
        "time": stamp(*at),
        "region": scope.region.as_str(),
        "alarmData": {
            "alarmName": name,
            "state": state(alarm.state.as_str(), &alarm.reason, alarm.reason_data.as_ref(), *at),
            "previousState": state(before.state.as_str(), &before.reason, before.reason_data.as_ref(), before.updated),
            "configuration": {
                "description": alarm.config.description,
                "metrics": alarm.config.queries.iter().map(metric).collect::<Vec<_>>(),
            },
        },
    });
    event.to_string()
}
