//! What the values of a field come to over the documents that a query asks for ("Querying for aggregate data" of the guide).
//!
//! Percentiles interpolate linearly at h = (n-1)p/100, as both of AWS's published examples do; they and cardinalities are exact,
//! where AWS calls its own approximations.

use crate::index::{Hits, Index};
use crate::value::{Number, Value};
use drydock_model::iot::{Bucket, FieldType, PercentPair, Statistics};
use std::collections::BTreeMap;

/// The percents of "GetPercentiles" where the caller names none.
pub const PERCENTS: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];

/// The values of a field as one of its type, with how often each is there, in their order.
#[derive(Debug)]
pub struct Values<'a> {
    counts: Vec<(&'a Value, u64)>,
    of: FieldType,
}

/// Whether a value counts as one of a type.
pub(crate) fn is_of(value: &Value, of: FieldType) -> bool {
    match (of, value) {
        (FieldType::Number, Value::Number(_))
        | (FieldType::Boolean, Value::Bool(_))
        | (FieldType::String, Value::Text(_)) => true,
        (FieldType::Boolean, Value::Text(text)) => matches!(text.folded(), "true" | "false"),
        _ => false,
    }
}

impl<'a> Values<'a> {
    /// The values that some documents have in a field. One that is not of the type does not count; an attribute of the registry is
    /// a boolean where it says `true` or `false`.
    #[must_use]
    pub fn new(index: &'a Index, among: &Hits, field: &str, of: FieldType) -> Self {
        let counts = index.histogram(field, among).into_iter().filter(|(value, _)| is_of(value, of)).collect();
        Self { counts, of }
    }

    fn numbers(&self) -> impl Iterator<Item = (f64, u64)> {
        self.counts.iter().filter_map(|(value, count)| {
            let number = match value {
                Value::Number(number) => number.get(),
                Value::Bool(bool) => f64::from(u8::from(*bool)),
                Value::Text(text) => f64::from(u8::from(text.folded() == "true")),
                Value::Place(_) => return None,
            };
            Some((number, *count))
        })
    }

    fn len(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Whether they are numbers.
    #[must_use]
    pub fn has_numbers(&self) -> bool {
        self.of == FieldType::Number
    }

    /// "GetStatistics": of texts the count alone; without values the count of 0 alone; what overflows is left out.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let count = self.len();
        let mut statistics = Statistics { count: Some(int(count)), ..Statistics::default() };
        if count == 0 || self.of == FieldType::String {
            return statistics;
        }
        let finite = |number: f64| number.is_finite().then_some(number);
        let many = count as f64;
        let sum: f64 = self.numbers().map(|(number, count)| number * count as f64).sum();
        let squares: f64 = self.numbers().map(|(number, count)| number * number * count as f64).sum();
        let average = sum / many;
        // Around the average: the difference of two large numbers would lose what is asked for.
        let variance =
            self.numbers().map(|(number, count)| (number - average).powi(2) * count as f64).sum::<f64>() / many;
        statistics.sum = finite(sum);
        statistics.sum_of_squares = finite(squares);
        statistics.average = finite(average);
        statistics.variance = finite(variance);
        statistics.std_deviation = finite(variance.sqrt());
        statistics.minimum = self.numbers().map(|(number, _)| number).reduce(f64::min);
        statistics.maximum = self.numbers().map(|(number, _)| number).reduce(f64::max);
        statistics
    }

    /// "GetPercentiles": one for each of these percents, in their order; none where there are no values.
    #[must_use]
    pub fn percentiles(&self, percents: &[f64]) -> Vec<PercentPair> {
        let mut numbers: Vec<(f64, u64)> = self.numbers().collect();
        numbers.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        // From how often each is there to the place behind its last.
        let mut many = 0;
        for (_, count) in &mut numbers {
            many += *count;
            *count = many;
        }
        let Some(last) = many.checked_sub(1) else { return Vec::new() };
        let at = |place: u64| {
            let found = numbers.get(numbers.partition_point(|(_, end)| *end <= place));
            found.map(|(number, _)| *number).unwrap_or_default()
        };
        let of = |percent: &f64| {
            let h = last as f64 * percent / 100.0;
            let (low, high) = (at(h.floor() as u64), at(h.ceil() as u64));
            let value = low + (high - low) * (h - h.floor());
            PercentPair { percent: Some(*percent), value: Some(value) }
        };
        percents.iter().map(of).collect()
    }

    /// "GetCardinality": how many values there are, each counted once.
    #[must_use]
    pub fn cardinality(&self) -> i32 {
        int(self.distinct().len() as u64)
    }

    /// "GetBucketsAggregation": the most frequent values, the most frequent first; and how often any value is there.
    #[must_use]
    pub fn buckets(&self, most: usize) -> (i32, Vec<Bucket>) {
        let mut found: Vec<(&Value, u64)> = self.distinct().into_values().collect();
        // The sort is stable: those as frequent stay in their order.
        found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let bucket = |(value, count): (&Value, u64)| Bucket { count: Some(int(count)), key_value: Some(value.shown()) };
        (int(self.len()), found.into_iter().take(most).map(bucket).collect())
    }

    /// Each value once, texts whatever their case, with how often it is there.
    fn distinct(&self) -> BTreeMap<(Option<Number>, &str), (&Value, u64)> {
        let mut distinct = BTreeMap::new();
        for (value, count) in &self.counts {
            let key = match value {
                Value::Number(number) => (Some(*number), ""),
                Value::Bool(true) => (None, "true"),
                Value::Bool(false) => (None, "false"),
                Value::Text(text) => (None, text.folded()),
                Value::Place(_) => continue,
            };
            distinct.entry(key).or_insert((*value, 0)).1 += count;
        }
        distinct
    }
}

fn int(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
