//! What is kept of the values of a metric in a stretch of time: their number, sum, least and largest, and which they were.

use serde::{Deserialize, Serialize};

/// How many different values are kept of a stretch; beyond that neighbours become one.
const SPREAD: usize = 512;
/// How many are left of those that have become one, at most twice as many.
const ROOM: u16 = 200;

/// Values of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Datum {
    /// How many.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The values and how often each, in their order; empty where all are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spread: Vec<(f64, f64)>,
    /// Whether some values are known by their statistics alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    blurred: bool,
}

impl Datum {
    /// A value, so many times.
    #[must_use]
    pub fn of(value: f64, count: f64) -> Self {
        Self { count, sum: value * count, min: value, max: value, spread: Vec::new(), blurred: false }
    }

    /// Values that are known by their statistics alone (`StatisticSet`).
    #[must_use]
    pub fn set(count: f64, sum: f64, min: f64, max: f64) -> Self {
        // One value, or all the same: nothing is unknown.
        let known = count == 1.0 || min == max;
        Self { count, sum, min, max, spread: Vec::new(), blurred: !known }
    }

    /// Takes other values in.
    pub fn add(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = other.clone();
            return;
        }
        let spread = if self.blurred || other.blurred || (self.all_same() && other.all_same() && self.min == other.min)
        {
            Vec::new()
        } else {
            merged(&self.values(), &other.values())
        };
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.blurred |= other.blurred;
        self.spread = spread;
    }

    fn all_same(&self) -> bool {
        self.min == self.max
    }

    fn values(&self) -> Vec<(f64, f64)> {
        if self.spread.is_empty() { vec![(self.min, self.count)] } else { self.spread.clone() }
    }

    /// The values and how often each, in their order; `None` where they are not known ("Percentiles": of statistic sets).
    #[must_use]
    pub fn known(&self) -> Option<Vec<(f64, f64)>> {
        (!self.blurred).then(|| self.values())
    }
}

fn merged(one: &[(f64, f64)], other: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = one.iter().chain(other).copied().collect();
    all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut values: Vec<(f64, f64)> = Vec::with_capacity(all.len());
    for (value, count) in all {
        match values.last_mut() {
            Some((last, times)) if *last == value => *times += count,
            _ => values.push((value, count)),
        }
    }
    if values.len() <= SPREAD {
        return values;
    }
    // Neighbours of little weight become one, so that each has about as much as another.
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let enough = total / f64::from(ROOM);
    let mut fewer: Vec<(f64, f64)> = Vec::with_capacity(SPREAD);
    for (value, count) in values {
        match fewer.last_mut() {
            Some((mean, weight)) if *weight + count <= enough => {
                *mean = (*mean * *weight + value * count) / (*weight + count);
                *weight += count;
            }
            _ => fewer.push((value, count)),
        }
    }
    fewer
}
