//! What expressions are made of while they are evaluated.

use std::collections::BTreeMap;

/// The values of a time series by when their stretches begin, in seconds.
pub(crate) type Values = BTreeMap<i64, f64>;

/// A time series and what it is called.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TimeSeries {
    pub(crate) label: String,
    pub(crate) values: Values,
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Computed {
    Number(f64),
    Series(TimeSeries),
    Many(Vec<TimeSeries>),
    /// A text as an argument.
    Text(String),
}

/// From when to when an expression is evaluated, in seconds, and the length of a stretch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) period: i64,
}

impl Range {
    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        let step = usize::try_from(self.period).unwrap_or(60).max(1);
        (self.start..self.end).step_by(step)
    }
}

/// What an expression may name.
pub(crate) trait Names {
    /// What an id stands for.
    fn id(&self, id: &str) -> Result<Computed, String>;
    /// All metrics of the request, or those whose label has a text.
    fn metrics(&self, with: Option<&str>) -> Result<Vec<TimeSeries>, String>;
}

/// Applies something to each value; what has no value then is left out.
pub(super) fn each(of: Computed, apply: impl Fn(f64) -> Option<f64>) -> Result<Computed, String> {
    let series = |series: TimeSeries| {
        let values = series.values.into_iter().filter_map(|(at, value)| Some((at, number(apply(value)?)?)));
        TimeSeries { values: values.collect(), label: series.label }
    };
    match of {
        Computed::Number(value) => {
            apply(value).and_then(number).map(Computed::Number).ok_or_else(|| "the expression has no value".to_owned())
        }
        Computed::Series(of) => Ok(Computed::Series(series(of))),
        Computed::Many(all) => Ok(Computed::Many(all.into_iter().map(series).collect())),
        Computed::Text(text) => Err(format!("\"{text}\" is a text where a number or a time series is to be")),
    }
}

/// A number that can be a value.
pub(super) fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
