//! The security profile: what is normal, as Device Defender Detect has it, with the dimensions and custom metrics that it names.

use super::period::MOST;
use behaviors::metric::{self, AUTHORIZATION_FAILURES, DISCONNECT_DURATION, MESSAGES_RECEIVED};
use behaviors::validate::{self, Known};
use behaviors::{Behavior, Dimension, Kind, Operator, PERIOD, topics};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A security profile.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Its name: where alerts say which profile was violated.
    #[serde(rename = "securityProfileName")]
    pub name: String,
    /// What is normal.
    pub behaviors: Vec<Behavior>,
    /// The topic filters of dimensions, by their names.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Vec<String>>,
    /// The types of custom metrics, by their names: `number`, `number-list`, `string-list` or `ip-address-list`.
    #[serde(default)]
    pub custom_metrics: BTreeMap<String, String>,
}

impl Known for Profile {
    fn custom_metric(&self, name: &str) -> Option<Kind> {
        self.custom_metrics.get(name).and_then(|metric_type| Kind::of_custom(metric_type))
    }

    fn has_dimension(&self, name: &str) -> bool {
        self.dimensions.contains_key(name)
    }
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// What is wrong with it, and what a function cannot measure.
    pub fn read(text: &str) -> Result<Self, String> {
        let profile: Self = serde_json::from_str(text).map_err(|error| format!("not a security profile: {error}"))?;
        for (name, metric_type) in &profile.custom_metrics {
            if Kind::of_custom(metric_type).is_none() {
                return Err(format!("the custom metric {name} has the type {metric_type}, which is not one"));
            }
        }
        if let Some(filter) = profile.dimensions.values().flatten().find(|filter| !topics::is_filter(filter)) {
            return Err(format!("`{filter}` is not a topic filter"));
        }
        let mut errors = validate::errors(&profile.behaviors, &profile);
        errors.extend(profile.behaviors.iter().filter_map(unmeasured));
        if errors.is_empty() { Ok(profile) } else { Err(errors.join("; ")) }
    }

    /// The dimensions that behaviors of a metric count by, each once.
    #[must_use]
    pub fn dimensions_of(&self, metric: &str) -> Vec<&Dimension> {
        let of = self.behaviors.iter().filter(|behavior| behavior.metric() == metric);
        let mut all: Vec<&Dimension> = of.filter_map(|behavior| behavior.metric_dimension.as_ref()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Whether a behavior measures a metric.
    #[must_use]
    pub fn measures(&self, metric: &str) -> bool {
        self.behaviors.iter().any(|behavior| behavior.metric() == metric)
    }

    /// Whether a behavior measures what devices report.
    #[must_use]
    pub fn measures_reports(&self) -> bool {
        let is_reported = |behavior: &Behavior| {
            metric::known(behavior.metric()).is_none_or(|metric| metric.side == behaviors::Side::Device)
        };
        self.behaviors.iter().any(is_reported)
    }

    /// Whether a dimension counts a message of a device on a topic.
    #[must_use]
    pub fn counts(&self, dimension: &Dimension, thing: &str, topic: &str) -> bool {
        let filters = self.dimensions.get(&dimension.dimension_name);
        let filters: Vec<String> = filters.into_iter().flatten().map(|filter| topics::filled(filter, thing)).collect();
        topics::counts(&filters, dimension.operator, topic)
    }

    /// The behavior of a name.
    #[must_use]
    pub fn behavior(&self, name: &str) -> Option<&Behavior> {
        self.behaviors.iter().find(|behavior| behavior.name == name)
    }
}

/// How a dimension is told from others in the names of attributes.
#[must_use]
pub fn suffix(dimension: Option<&Dimension>) -> String {
    dimension.map_or_else(String::new, |of| {
        let operator = if of.operator == Some(Operator::NotIn) { "not-in" } else { "in" };
        format!("#{operator}#{}", of.dimension_name)
    })
}

/// Why a behavior cannot be judged by what rules and lifecycle events tell.
fn unmeasured(behavior: &Behavior) -> Option<String> {
    let (name, metric) = (&behavior.name, behavior.metric());
    let criteria = behavior.criteria.as_ref()?;
    if criteria.statistical_threshold.is_some() || criteria.ml_detection_config.is_some() {
        return Some(format!(
            "Behavior {name}: a function knows one device at a time, and can compare with a value alone"
        ));
    }
    match metric {
        MESSAGES_RECEIVED => Some(format!("Behavior {name}: no rule hears of what devices receive")),
        DISCONNECT_DURATION => {
            Some(format!("Behavior {name}: for how long devices are away is what the function `connectivity` tells"))
        }
        AUTHORIZATION_FAILURES if behavior.metric_dimension.is_some() => {
            Some(format!("Behavior {name}: lifecycle events do not say which topic a device was refused"))
        }
        metric::MESSAGES_SENT | metric::CONNECTION_ATTEMPTS | metric::DISCONNECTS | AUTHORIZATION_FAILURES => {
            let periods = behavior.seconds().unwrap_or(PERIOD).div_euclid(PERIOD);
            let most = i64::try_from(MOST).unwrap_or(i64::MAX).saturating_mul(periods);
            let count = criteria.value.as_ref()?.count?;
            (count >= most).then(|| {
                format!("Behavior {name}: at most {MOST} are counted in five minutes, compare with less than {most}")
            })
        }
        _ => None,
    }
}
