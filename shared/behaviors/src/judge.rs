//! Whether a datapoint is normal.
//!
//! Source: "BehaviorCriteria" of the API reference: the criteria say what is normal.

use crate::behavior::{Behavior, ComparisonOperator, Criteria};
use crate::cidr::Cidr;
use crate::statistics::Baseline;
use crate::value::MetricValue;

/// What was measured over a period.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// One value.
    One(MetricValue),
    /// Many, of which these are the least and the most: messages, each of which has a size.
    Between {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
}

/// What a datapoint was found to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Whether it is normal.
    pub normal: bool,
    /// The value that decided.
    pub value: MetricValue,
}

/// What criteria compare with that do not say so themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// A percentile of the fleet.
    Percentile(f64),
    /// What was learnt.
    Learnt(Baseline),
}

/// Judges a datapoint. `None` where that cannot be: there is no reference yet, or the value is not of the metric's kind.
#[must_use]
pub fn judge(behavior: &Behavior, measured: &Measured, reference: Option<Reference>) -> Option<Judgement> {
    let criteria = behavior.criteria.as_ref()?;
    if let Some(learnt) = &criteria.ml_detection_config {
        let Some(Reference::Learnt(baseline)) = reference else { return None };
        let value = extreme(measured, true);
        let normal = baseline.is_normal(value.as_number()?, learnt.confidence_level);
        return Some(Judgement { normal, value });
    }
    let operator = criteria.comparison_operator?;
    // All of many values have to fit: those do where the one does that fits least.
    let value = extreme(measured, upward(operator));
    let normal = if criteria.statistical_threshold.is_some() {
        let Some(Reference::Percentile(threshold)) = reference else { return None };
        compare(operator, value.as_number()?, threshold)?
    } else {
        fits(operator, &value, criteria)?
    };
    Some(Judgement { normal, value })
}

/// Whether a large value is what breaks the comparison.
fn upward(operator: ComparisonOperator) -> bool {
    matches!(operator, ComparisonOperator::LessThan | ComparisonOperator::LessThanEquals)
}

/// The one value, or the end of many.
#[must_use]
pub fn extreme(measured: &Measured, most: bool) -> MetricValue {
    match measured {
        Measured::One(value) => value.clone(),
        Measured::Between { most: value, .. } if most => MetricValue::count(*value),
        Measured::Between { least, .. } => MetricValue::count(*least),
    }
}

fn compare(operator: ComparisonOperator, value: f64, with: f64) -> Option<bool> {
    Some(match operator {
        ComparisonOperator::LessThan => value < with,
        ComparisonOperator::LessThanEquals => value <= with,
        ComparisonOperator::GreaterThan => value > with,
        ComparisonOperator::GreaterThanEquals => value >= with,
        _ => return None,
    })
}

fn fits(operator: ComparisonOperator, value: &MetricValue, criteria: &Criteria) -> Option<bool> {
    let with = criteria.value.as_ref()?;
    match operator {
        ComparisonOperator::InCidrSet | ComparisonOperator::NotInCidrSet => {
            let blocks: Vec<Cidr> = with.cidrs.iter().flatten().filter_map(|text| text.parse().ok()).collect();
            let within = |address: &String| {
                address.parse::<Cidr>().is_ok_and(|address| blocks.iter().any(|block| block.contains(&address)))
            };
            Some(set(value.cidrs.as_ref()?, within, operator == ComparisonOperator::InCidrSet))
        }
        ComparisonOperator::InPortSet | ComparisonOperator::NotInPortSet => {
            let ports = with.ports.as_ref()?;
            Some(set(value.ports.as_ref()?, |port| ports.contains(port), operator == ComparisonOperator::InPortSet))
        }
        ComparisonOperator::InSet | ComparisonOperator::NotInSet => {
            let in_set = operator == ComparisonOperator::InSet;
            match (&value.numbers, &value.strings) {
                (Some(numbers), _) => {
                    let known = with.numbers.as_ref()?;
                    #[expect(clippy::float_cmp, reason = "a set of numbers has the very number or has it not")]
                    Some(set(numbers, |number| known.iter().any(|known| known == number), in_set))
                }
                (None, Some(strings)) => {
                    let known = with.strings.as_ref()?;
                    Some(set(strings, |text| known.contains(text), in_set))
                }
                (None, None) => None,
            }
        }
        _ => match (value.count, with.count) {
            // Exactly, where both are counts.
            (Some(value), Some(with)) => Some(match operator {
                ComparisonOperator::LessThan => value < with,
                ComparisonOperator::LessThanEquals => value <= with,
                ComparisonOperator::GreaterThan => value > with,
                _ => value >= with,
            }),
            _ => compare(operator, value.as_number()?, with.as_number()?),
        },
    }
}

/// Whether all elements are in a set, or none is. A list without elements is normal either way.
fn set<T>(elements: &[T], within: impl Fn(&T) -> bool, all: bool) -> bool {
    elements.iter().all(|element| within(element) == all)
}
