//! A behavior as AWS spells it.
//!
//! Source: "Behavior" and "BehaviorCriteria" of the API reference.

use crate::metric::{self, Span};
use crate::value::MetricValue;
use serde::{Deserialize, Serialize};

/// What is normal for a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// Its name, one in a profile.
    pub name: String,
    /// What is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Which messages count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_dimension: Option<Dimension>,
    /// What is normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// Whether nobody is told of violations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_alerts: Option<bool>,
    /// Whether datapoints are exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_metric: Option<bool>,
}

impl Behavior {
    /// The name of its metric.
    #[must_use]
    pub fn metric(&self) -> &str {
        self.metric.as_deref().unwrap_or_default()
    }

    /// The seconds that a datapoint covers; `None` where each is judged as it comes.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let criteria = self.criteria.as_ref()?;
        criteria.duration_seconds.map(i64::from).or_else(|| {
            let summed = metric::known(self.metric()).is_some_and(|metric| metric.span == Span::Summed);
            (summed || criteria.statistical_threshold.is_some()).then_some(crate::PERIOD)
        })
    }
}

/// Which messages count: those on topics that the filters of a dimension match, or all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dimension {
    /// The dimension's name.
    pub dimension_name: String,
    /// Which of them; `IN` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
}

/// Whether a message's topic is to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// It is to match.
    #[serde(rename = "IN")]
    In,
    /// It is not to match.
    #[serde(rename = "NOT_IN")]
    NotIn,
}

/// What is normal: a datapoint that does not fit is a violation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Criteria {
    /// How the datapoint is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison_operator: Option<ComparisonOperator>,
    /// With what it is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<MetricValue>,
    /// The seconds that a datapoint covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i32>,
    /// How many violations in a row begin an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_datapoints_to_alarm: Option<i32>,
    /// How many normal datapoints in a row end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_datapoints_to_clear: Option<i32>,
    /// Compares with a percentile of the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistical_threshold: Option<StatisticalThreshold>,
    /// Compares with what was learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_detection_config: Option<MlDetectionConfig>,
}

impl Criteria {
    /// How many violations in a row begin an alarm: 1 where nothing is said.
    #[must_use]
    pub fn to_alarm(&self) -> u32 {
        at_least_one(self.consecutive_datapoints_to_alarm)
    }

    /// How many normal datapoints in a row end it: 1 where nothing is said.
    #[must_use]
    pub fn to_clear(&self) -> u32 {
        at_least_one(self.consecutive_datapoints_to_clear)
    }

    /// What it compares with, as `behaviorCriteriaType` names it in lists.
    #[must_use]
    pub fn criteria_type(&self) -> &'static str {
        if self.ml_detection_config.is_some() {
            "MACHINE_LEARNING"
        } else if self.statistical_threshold.is_some() {
            "STATISTICAL"
        } else {
            "STATIC"
        }
    }
}

fn at_least_one(count: Option<i32>) -> u32 {
    count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1).max(1)
}

/// How a datapoint is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonOperator {
    /// Normal is less than the value.
    LessThan,
    /// Normal is at most the value.
    LessThanEquals,
    /// Normal is more than the value.
    GreaterThan,
    /// Normal is at least the value.
    GreaterThanEquals,
    /// Normal: all addresses are in the blocks.
    InCidrSet,
    /// Normal: no address is in the blocks.
    NotInCidrSet,
    /// Normal: all ports are among those.
    InPortSet,
    /// Normal: no port is among those.
    NotInPortSet,
    /// Normal: all elements are among those.
    InSet,
    /// Normal: no element is among those.
    NotInSet,
}

/// A percentile of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticalThreshold {
    /// Such as `p99.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
}

/// That normal is learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MlDetectionConfig {
    /// How sure a violation has to be.
    pub confidence_level: ConfidenceLevel,
}

/// How sure a violation has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ConfidenceLevel {
    /// Not very: many are found.
    Low,
    /// In between.
    Medium,
    /// Very: few are found.
    High,
}
