//! Metric math ("Using math expressions with CloudWatch metrics"), as far as it is written: arithmetic, comparisons and logic on
//! ids, and the functions of `functions`. What is not written is an error that names it.
//!
//! - `parse`: an expression out of its text.
//! - `functions`: the functions.
//! - `insights`: queries of Metrics Insights (`SELECT … FROM SCHEMA(…)`).

mod functions;
pub(super) mod insights;
mod parse;

pub(super) use parse::{Expression, LONGEST, parse};

use parse::Operator;

use std::collections::{BTreeMap, BTreeSet};

/// The values of a time series by when their stretches begin, in seconds.
pub(super) type Values = BTreeMap<i64, f64>;

/// A time series and what it is called.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct TimeSeries {
    pub(super) label: String,
    pub(super) values: Values,
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Computed {
    Number(f64),
    Series(TimeSeries),
    Many(Vec<TimeSeries>),
    /// A text as an argument.
    Text(String),
}

/// From when to when an expression is evaluated, in seconds, and the length of a stretch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) period: i64,
}

impl Range {
    fn times(self) -> impl Iterator<Item = i64> {
        let step = usize::try_from(self.period).unwrap_or(60).max(1);
        (self.start..self.end).step_by(step)
    }
}

/// What an expression may name.
pub(super) trait Names {
    /// What an id stands for.
    fn id(&self, id: &str) -> Result<Computed, String>;
    /// All metrics of the request, or those whose label has a text.
    fn metrics(&self, with: Option<&str>) -> Result<Vec<TimeSeries>, String>;
}

/// The ids that an expression names.
pub(super) fn ids(expression: &Expression, into: &mut BTreeSet<String>) {
    match expression {
        Expression::Id(id) => {
            into.insert(id.clone());
        }
        Expression::Negative(inner) => ids(inner, into),
        Expression::Binary(_, left, right) => {
            ids(left, into);
            ids(right, into);
        }
        Expression::Call(_, arguments) | Expression::List(arguments) => arguments.iter().for_each(|one| ids(one, into)),
        Expression::Number(_) | Expression::Text(_) => {}
    }
}

/// Evaluates an expression.
pub(super) fn evaluate(expression: &Expression, names: &dyn Names, range: Range) -> Result<Computed, String> {
    match expression {
        Expression::Number(number) => Ok(Computed::Number(*number)),
        Expression::Text(text) => Ok(Computed::Text(text.clone())),
        Expression::Id(id) => names.id(id),
        Expression::Negative(inner) => each(evaluate(inner, names, range)?, |value| Some(-value)),
        Expression::Binary(operator, left, right) => {
            binary(*operator, evaluate(left, names, range)?, evaluate(right, names, range)?)
        }
        Expression::List(items) => {
            let mut all = Vec::new();
            for item in items {
                match evaluate(item, names, range)? {
                    Computed::Series(series) => all.push(series),
                    Computed::Many(series) => all.extend(series),
                    _ => return Err("an array holds time series alone".to_owned()),
                }
            }
            Ok(Computed::Many(all))
        }
        Expression::Call(name, arguments) => functions::call(name, arguments, names, range),
    }
}

/// Applies something to each value; what has no value then is left out.
fn each(of: Computed, apply: impl Fn(f64) -> Option<f64>) -> Result<Computed, String> {
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
fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn binary(operator: Operator, left: Computed, right: Computed) -> Result<Computed, String> {
    match (left, right) {
        (left, Computed::Number(right)) => each(left, |left| operator.apply(left, right)),
        (Computed::Number(left), right) => each(right, |right| operator.apply(left, right)),
        (Computed::Series(left), Computed::Series(right)) => Ok(Computed::Series(zipped(operator, &left, &right))),
        (Computed::Many(all), Computed::Series(right)) => {
            Ok(Computed::Many(all.iter().map(|left| zipped(operator, left, &right)).collect()))
        }
        (Computed::Series(left), Computed::Many(all)) => {
            Ok(Computed::Many(all.iter().map(|right| zipped(operator, &left, right)).collect()))
        }
        (Computed::Many(left), Computed::Many(right)) if left.len() == right.len() => {
            let pairs = left.iter().zip(&right);
            Ok(Computed::Many(pairs.map(|(left, right)| zipped(operator, left, right)).collect()))
        }
        (Computed::Many(_), Computed::Many(_)) => {
            Err("two arrays of different lengths cannot be taken together".to_owned())
        }
        (Computed::Text(text), _) | (_, Computed::Text(text)) => {
            Err(format!("\"{text}\" is a text where a number or a time series is to be"))
        }
    }
}

/// Where either has no value the result has none.
fn zipped(operator: Operator, left: &TimeSeries, right: &TimeSeries) -> TimeSeries {
    let value = |(at, left): (&i64, &f64)| {
        let value = operator.apply(*left, *right.values.get(at)?)?;
        Some((*at, number(value)?))
    };
    TimeSeries { label: left.label.clone(), values: left.values.iter().filter_map(value).collect() }
}
