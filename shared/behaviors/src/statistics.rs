//! Percentiles of a fleet, and a baseline that is learnt.

use crate::behavior::ConfidenceLevel;
use serde::{Deserialize, Serialize};

/// The percentiles that "StatisticalThreshold" of the API reference lists, each with its share of a hundred.
pub const STATISTICS: &[(&str, f64)] = &[
    ("p0", 0.0),
    ("p0.1", 0.1),
    ("p0.01", 0.01),
    ("p1", 1.0),
    ("p10", 10.0),
    ("p50", 50.0),
    ("p90", 90.0),
    ("p99", 99.0),
    ("p99.9", 99.9),
    ("p99.99", 99.99),
    ("p100", 100.0),
];

/// The share of a percentile's name.
#[must_use]
pub fn share(statistic: &str) -> Option<f64> {
    STATISTICS.iter().find(|(name, _)| *name == statistic).map(|(_, share)| *share)
}

/// A percentile by the nearest rank: the least value that so many hundredths of all do not exceed. `None` where there is none.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is between 0 and the number of values"
)]
pub fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    let rank = (share / 100.0 * values.len() as f64).ceil() as usize;
    let at = rank.saturating_sub(1).min(values.len().checked_sub(1)?);
    let (_, value, _) = values.select_nth_unstable_by(at, f64::total_cmp);
    Some(*value)
}

/// What is usual, as this project learns it: the median of all datapoints, and how far from it half of them are at most (the median
/// absolute deviation). AWS's own models are not public: this is ours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The median.
    pub median: f64,
    /// The median absolute deviation.
    pub deviation: f64,
}

/// By how much the median absolute deviation of a normal distribution is less than its standard deviation.
const SCALE: f64 = 1.4826;

impl Baseline {
    /// Learns from datapoints; `None` where there is none.
    #[must_use]
    pub fn learn(values: &mut [f64]) -> Option<Self> {
        let median = percentile(values, 50.0)?;
        for value in values.iter_mut() {
            *value = (*value - median).abs();
        }
        Some(Self { median, deviation: percentile(values, 50.0)? })
    }

    /// Whether a value is usual. Where half of all datapoints are the median, a difference of one is taken for the deviation.
    #[must_use]
    pub fn is_normal(&self, value: f64, confidence: ConfidenceLevel) -> bool {
        let deviations = match confidence {
            ConfidenceLevel::Low => 3.0,
            ConfidenceLevel::Medium => 5.0,
            ConfidenceLevel::High => 8.0,
        };
        let deviation = if self.deviation > 0.0 { self.deviation * SCALE } else { 1.0 };
        (value - self.median).abs() <= deviations * deviation
    }
}
