//! A value: what was measured, or what it is compared with.

use serde::{Deserialize, Serialize};

/// A value as AWS spells it ("MetricValue" of the API reference): one of the members is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricValue {
    /// A count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Blocks of addresses, or addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidrs: Option<Vec<String>>,
    /// Ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<i32>>,
    /// A number of a custom metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    /// Numbers of a custom metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<f64>>,
    /// Texts of a custom metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strings: Option<Vec<String>>,
}

impl MetricValue {
    /// A count.
    #[must_use]
    pub fn count(count: i64) -> Self {
        Self { count: Some(count), ..Self::default() }
    }

    /// Addresses.
    #[must_use]
    pub fn cidrs(cidrs: Vec<String>) -> Self {
        Self { cidrs: Some(cidrs), ..Self::default() }
    }

    /// Ports.
    #[must_use]
    pub fn ports(ports: Vec<i32>) -> Self {
        Self { ports: Some(ports), ..Self::default() }
    }

    /// What can be compared as a number: a count, or a number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts above 2^53 are compared to the nearest 1024")]
    pub fn as_number(&self) -> Option<f64> {
        self.number.or_else(|| self.count.map(|count| count as f64))
    }

    /// How many members are there.
    pub(crate) fn members(&self) -> usize {
        [
            self.count.is_some(),
            self.cidrs.is_some(),
            self.ports.is_some(),
            self.number.is_some(),
            self.numbers.is_some(),
            self.strings.is_some(),
        ]
        .into_iter()
        .filter(|there| *there)
        .count()
    }

    /// How many elements its list has; one where it is none.
    pub(crate) fn elements(&self) -> usize {
        let lists = [
            self.cidrs.as_ref().map(Vec::len),
            self.ports.as_ref().map(Vec::len),
            self.numbers.as_ref().map(Vec::len),
            self.strings.as_ref().map(Vec::len),
        ];
        lists.into_iter().flatten().next().unwrap_or(1)
    }
}
