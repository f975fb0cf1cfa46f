//! What cannot be a behavior. The form of the texts is AWS's, as "validate-security-profile-behaviors" of the AWS CLI's examples
//! prints one: `Behavior NAME is malformed. …`.

use crate::behavior::{Behavior, ComparisonOperator, Criteria};
use crate::cidr::Cidr;
use crate::metric::{self, Kind, Span};
use crate::statistics;
use crate::value::MetricValue;
use std::collections::BTreeSet;

/// The seconds that a datapoint may cover.
pub const DURATIONS: &[i32] = &[300, 600, 900, 1800, 3600];
/// The most behaviors of a profile.
pub const BEHAVIORS: usize = 100;
/// The most elements of all values of a profile.
pub const ELEMENTS: usize = 1000;

/// What behaviors refer to.
pub trait Known {
    /// The kind of a custom metric; `None` where there is none of this name.
    fn custom_metric(&self, name: &str) -> Option<Kind>;
    /// Whether there is a dimension of this name.
    fn has_dimension(&self, name: &str) -> bool;
}

/// What is wrong with the behaviors of a profile: a text for each that is malformed, and for all of them.
#[must_use]
pub fn errors(behaviors: &[Behavior], known: &dyn Known) -> Vec<String> {
    let mut errors = Vec::new();
    let mut names = BTreeSet::new();
    for behavior in behaviors {
        if let Err(why) = check(behavior, known) {
            errors.push(format!("Behavior {} is malformed. {why}", behavior.name));
        }
        if !names.insert(behavior.name.as_str()) {
            errors.push(format!("Behavior {} is there more than once", behavior.name));
        }
    }
    if behaviors.len() > BEHAVIORS {
        errors.push(format!("a security profile has at most {BEHAVIORS} behaviors, not {}", behaviors.len()));
    }
    let values = behaviors.iter().filter_map(|behavior| behavior.criteria.as_ref()?.value.as_ref());
    let elements: usize = values.map(MetricValue::elements).sum();
    if elements > ELEMENTS {
        errors.push(format!("the values of a security profile have at most {ELEMENTS} elements, not {elements}"));
    }
    errors
}

/// What may be asked of a metric, AWS's or custom.
struct Asked {
    kind: Kind,
    span: Option<Span>,
    ml: bool,
}

/// Checks that a metric can be measured, and with a dimension where one is named.
///
/// # Errors
/// Why not.
pub fn check_metric(name: &str, dimension: Option<&str>, known: &dyn Known) -> Result<(), String> {
    asked(name, dimension, known).map(|_| ())
}

fn asked(name: &str, dimension: Option<&str>, known: &dyn Known) -> Result<Asked, String> {
    let own = metric::known(name);
    let asked = match own {
        Some(metric) => Asked { kind: metric.kind, span: Some(metric.span), ml: metric.ml },
        None => match known.custom_metric(name) {
            // A duration is for a custom metric to choose.
            Some(kind) => Asked { kind, span: None, ml: kind == Kind::Number },
            None => {
                return Err(format!(
                    "metric {name:.128} is neither one of AWS IoT Device Defender nor a custom metric"
                ));
            }
        },
    };
    if let Some(dimension) = dimension {
        if !own.is_some_and(|metric| metric.dimension) {
            return Err(format!("metric {name} has no dimensions"));
        }
        if !known.has_dimension(dimension) {
            return Err(format!("there is no dimension {dimension:.128}"));
        }
    }
    Ok(asked)
}

fn check(behavior: &Behavior, known: &dyn Known) -> Result<(), String> {
    let Some(metric) = &behavior.metric else { return Err("metric is missing".to_owned()) };
    let dimension = behavior.metric_dimension.as_ref().map(|of| of.dimension_name.as_str());
    let asked = asked(metric, dimension, known)?;
    let Some(criteria) = &behavior.criteria else { return Err("criteria is missing".to_owned()) };
    consecutive("consecutiveDatapointsToAlarm", criteria.consecutive_datapoints_to_alarm)?;
    consecutive("consecutiveDatapointsToClear", criteria.consecutive_datapoints_to_clear)?;
    if let Some(seconds) = criteria.duration_seconds
        && !DURATIONS.contains(&seconds)
    {
        return Err(format!("durationSeconds {seconds} should be one of {DURATIONS:?}"));
    }
    match (&criteria.value, &criteria.statistical_threshold, &criteria.ml_detection_config) {
        (Some(value), None, None) => check_static(metric, criteria, value, &asked),
        (None, Some(threshold), None) => {
            if !asked.kind.is_numeric() || metric == metric::DISCONNECT_DURATION {
                return Err(format!("metric {metric} has no statisticalThreshold"));
            }
            if criteria.duration_seconds.is_none() {
                return Err("durationSeconds is needed with statisticalThreshold".to_owned());
            }
            let statistic = threshold.statistic.as_deref().unwrap_or_default();
            if statistics::share(statistic).is_none() {
                let names: Vec<&str> = statistics::STATISTICS.iter().map(|(name, _)| *name).collect();
                return Err(format!("statistic {statistic:.16} should be one of {}", names.join(", ")));
            }
            compares(criteria, asked.kind).map(|_| ())
        }
        (None, None, Some(_)) => {
            if !asked.ml {
                return Err(format!("metric {metric} has no mlDetectionConfig"));
            }
            match criteria.comparison_operator {
                Some(_) => Err("comparisonOperator does not go with mlDetectionConfig".to_owned()),
                None => Ok(()),
            }
        }
        _ => Err("one of value, statisticalThreshold and mlDetectionConfig is needed, and only one".to_owned()),
    }
}

fn consecutive(name: &str, count: Option<i32>) -> Result<(), String> {
    match count {
        Some(count) if !(1..=10).contains(&count) => Err(format!("{name} {count} should be in range[1,10]")),
        _ => Ok(()),
    }
}

fn check_static(metric: &str, criteria: &Criteria, value: &MetricValue, asked: &Asked) -> Result<(), String> {
    let operator = compares(criteria, asked.kind)?;
    match (asked.span, criteria.duration_seconds) {
        (Some(Span::Summed), None) => return Err(format!("durationSeconds is needed for metric {metric}")),
        (Some(Span::Single), Some(_)) => {
            return Err(format!("durationSeconds does not go with metric {metric}"));
        }
        (None, Some(_)) if asked.kind != Kind::Number => {
            return Err(format!("durationSeconds does not go with metric {metric}: it is a list"));
        }
        _ => {}
    }
    let rising = matches!(operator, ComparisonOperator::GreaterThan | ComparisonOperator::GreaterThanEquals);
    if metric == metric::DISCONNECT_DURATION && rising {
        return Err(format!("comparisonOperator of metric {metric} should be less-than or less-than-equals"));
    }
    check_value(asked.kind, value)
}

/// The operator, where it compares values of this kind.
fn compares(criteria: &Criteria, kind: Kind) -> Result<ComparisonOperator, String> {
    use ComparisonOperator as Is;
    let Some(operator) = criteria.comparison_operator else { return Err("comparisonOperator is missing".to_owned()) };
    let (fits, which) = match kind {
        Kind::Count | Kind::Number => (
            matches!(operator, Is::LessThan | Is::LessThanEquals | Is::GreaterThan | Is::GreaterThanEquals),
            "less-than, less-than-equals, greater-than or greater-than-equals",
        ),
        Kind::Cidrs => (matches!(operator, Is::InCidrSet | Is::NotInCidrSet), "in-cidr-set or not-in-cidr-set"),
        Kind::Ports => (matches!(operator, Is::InPortSet | Is::NotInPortSet), "in-port-set or not-in-port-set"),
        Kind::Numbers | Kind::Strings => (matches!(operator, Is::InSet | Is::NotInSet), "in-set or not-in-set"),
    };
    if fits { Ok(operator) } else { Err(format!("comparisonOperator should be {which}")) }
}

/// Checks a value that a metric of a kind is compared with.
fn check_value(kind: Kind, value: &MetricValue) -> Result<(), String> {
    let member = kind.member();
    let there = match kind {
        Kind::Count => value.count.is_some(),
        Kind::Number => value.number.is_some(),
        Kind::Cidrs => value.cidrs.as_ref().is_some_and(|list| !list.is_empty()),
        Kind::Ports => value.ports.as_ref().is_some_and(|list| !list.is_empty()),
        Kind::Numbers => value.numbers.as_ref().is_some_and(|list| !list.is_empty()),
        Kind::Strings => value.strings.as_ref().is_some_and(|list| !list.is_empty()),
    };
    if !there || value.members() != 1 {
        return Err(format!("value should have {member}, and nothing else"));
    }
    if let Some(count) = value.count.filter(|count| *count < 0) {
        return Err(format!("count {count} should not be negative"));
    }
    if let Some(port) = value.ports.iter().flatten().find(|port| !(0..=65535).contains(*port)) {
        return Err(format!("port {port} should be in range[0,65535]"));
    }
    match value.cidrs.iter().flatten().find(|text| text.parse::<Cidr>().is_err()) {
        Some(text) => Err(format!("{text:.64} is not a CIDR")),
        None => Ok(()),
    }
}
