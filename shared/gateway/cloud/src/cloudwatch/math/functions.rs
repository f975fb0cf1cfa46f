//! The functions of metric math.

use super::computed::{Computed, Names, Range, TimeSeries, Values, each, number};
use super::parse::Expression;
use drydock_core::Timestamp;

/// Those that are not written here, of which the error says so.
const NOT_HERE: [&str; 8] = [
    "ANOMALY_DETECTION_BAND",
    "DB_PERF_INSIGHTS",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "SEARCH",
    "SERVICE_QUOTA",
    "SLICE",
    "SORT",
];

/// Calls a function; `evaluate` gives the value of an argument.
pub(super) fn call(
    name: &str,
    arguments: &[Expression],
    names: &dyn Names,
    range: Range,
    evaluate: &dyn Fn(&Expression) -> Result<Computed, String>,
) -> Result<Computed, String> {
    let argument = |place: usize| -> Result<Computed, String> {
        let argument = arguments.get(place).ok_or_else(|| format!("{name} has too few arguments"))?;
        evaluate(argument)
    };
    let takes = |least: usize, most: usize| match arguments.len() {
        count if (least..=most).contains(&count) => Ok(()),
        count => Err(format!("{name} takes {least} to {most} arguments, not {count}")),
    };
    if NOT_HERE.contains(&name) {
        return Err(format!("the function {name} is not implemented by this gateway"));
    }
    if name == "METRICS" {
        takes(0, 1)?;
        return match arguments.first() {
            None => Ok(Computed::Many(names.metrics(None)?)),
            Some(Expression::Text(text)) => Ok(Computed::Many(names.metrics(Some(text))?)),
            Some(_) => Err("METRICS takes a text".to_owned()),
        };
    }
    if name == "FILL" {
        takes(2, 2)?;
        let fill = match arguments.get(1) {
            Some(Expression::Id(id)) if id == "REPEAT" => Fill::Repeat,
            Some(Expression::Id(id)) if id == "LINEAR" => Fill::Linear,
            _ => match argument(1)? {
                Computed::Number(value) => Fill::Value(value),
                Computed::Series(series) => Fill::Series(series.values),
                _ => return Err("FILL takes a number, a time series, REPEAT or LINEAR".to_owned()),
            },
        };
        return mapped(argument(0)?, |values| fill.apply(&values, range));
    }
    if name == "IF" {
        takes(2, 3)?;
        let otherwise = if arguments.len() == 3 { Some(argument(2)?) } else { None };
        return choose(argument(0)?, argument(1)?, otherwise, range);
    }
    takes(1, 1)?;
    match name {
        "ABS" => each(argument(0)?, |value| Some(value.abs())),
        "CEIL" => each(argument(0)?, |value| Some(value.ceil())),
        "FLOOR" => each(argument(0)?, |value| Some(value.floor())),
        "LOG" => each(argument(0)?, |value| (value > 0.0).then(|| value.ln())),
        "LOG10" => each(argument(0)?, |value| (value > 0.0).then(|| value.log10())),
        "SUM" => over(argument(0)?, |values| values.iter().sum()),
        "AVG" => over(argument(0)?, mean),
        "MIN" => over(argument(0)?, |values| values.iter().copied().fold(f64::INFINITY, f64::min)),
        "MAX" => over(argument(0)?, |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "STDDEV" => over(argument(0)?, |values| {
            let mean = mean(values);
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / count(values)).sqrt()
        }),
        "DATAPOINT_COUNT" => match argument(0)? {
            Computed::Many(all) => Ok(Computed::Many(all.into_iter().map(|one| flat(one, range)).collect())),
            Computed::Series(series) => Ok(Computed::Number(counted(&series))),
            _ => Err("DATAPOINT_COUNT takes a time series".to_owned()),
        },
        "FIRST" | "LAST" => match argument(0)? {
            Computed::Many(mut all) => {
                let one = if name == "FIRST" { all.drain(..).next() } else { all.pop() };
                Ok(Computed::Series(one.unwrap_or_default()))
            }
            _ => Err(format!("{name} takes an array of time series")),
        },
        "DIFF" => mapped(argument(0)?, |values| steps(&values, |(_, before), (_, value)| Some(value - before))),
        "DIFF_TIME" => mapped(argument(0)?, |values| steps(&values, |(before, _), (at, _)| Some(seconds(at - before)))),
        "RATE" => mapped(argument(0)?, |values| {
            steps(&values, |(earlier, before), (at, value)| Some((value - before) / seconds(at - earlier)))
        }),
        "RUNNING_SUM" => mapped(argument(0)?, |values| {
            let mut sum = 0.0;
            let running = values.into_iter().map(|(at, value)| {
                sum += value;
                (at, sum)
            });
            running.collect()
        }),
        "PERIOD" => match argument(0)? {
            Computed::Series(_) => Ok(Computed::Number(seconds(range.period))),
            _ => Err("PERIOD takes a time series".to_owned()),
        },
        "REMOVE_EMPTY" => match argument(0)? {
            Computed::Many(all) => Ok(Computed::Many(all.into_iter().filter(|one| !one.values.is_empty()).collect())),
            other => Ok(other),
        },
        "TIME_SERIES" => match argument(0)? {
            Computed::Number(value) => {
                let values = range.times().map(|at| (at, value)).collect();
                Ok(Computed::Series(TimeSeries { label: name.to_owned(), values }))
            }
            _ => Err("TIME_SERIES takes a number".to_owned()),
        },
        "EPOCH" | "YEAR" | "MONTH" | "DATE" | "DAY" | "HOUR" | "MINUTE" => {
            mapped(argument(0)?, |values| values.into_keys().map(|at| (at, part(name, at))).collect())
        }
        _ => Err(format!("{name} is not a function of metric math")),
    }
}

/// What takes the place of values that are not there.
enum Fill {
    Value(f64),
    Series(Values),
    Repeat,
    Linear,
}

impl Fill {
    fn apply(&self, values: &Values, range: Range) -> Values {
        let filled = range.times().filter_map(|at| {
            if let Some(value) = values.get(&at) {
                return Some((at, *value));
            }
            let before = || values.range(..at).next_back();
            let value = match self {
                Self::Value(value) => Some(*value),
                Self::Series(other) => other.get(&at).copied(),
                Self::Repeat => before().map(|(_, value)| *value),
                Self::Linear => before()
                    .zip(values.range(at..).next())
                    .map(|((from, low), (to, high))| low + (high - low) * seconds(at - from) / seconds(to - from)),
            };
            Some((at, value?))
        });
        filled.collect()
    }
}

fn mapped(of: Computed, apply: impl Fn(Values) -> Values) -> Result<Computed, String> {
    let one = |series: TimeSeries| TimeSeries { values: apply(series.values), label: series.label };
    match of {
        Computed::Series(series) => Ok(Computed::Series(one(series))),
        Computed::Many(all) => Ok(Computed::Many(all.into_iter().map(one).collect())),
        _ => Err("a number or a text stands where a time series is to be".to_owned()),
    }
}

/// A time series to a number; an array of them to one time series of what all have at each time.
fn over(of: Computed, apply: impl Fn(&[f64]) -> f64) -> Result<Computed, String> {
    match of {
        Computed::Number(value) => Ok(Computed::Number(value)),
        Computed::Series(series) => {
            let values: Vec<f64> = series.values.into_values().collect();
            let value = if values.is_empty() { None } else { number(apply(&values)) };
            value.map(Computed::Number).ok_or_else(|| "there are no values to take together".to_owned())
        }
        Computed::Many(all) => {
            let mut columns: std::collections::BTreeMap<i64, Vec<f64>> = std::collections::BTreeMap::new();
            for (at, value) in all.into_iter().flat_map(|series| series.values) {
                columns.entry(at).or_default().push(value);
            }
            let values = columns.into_iter().filter_map(|(at, column)| Some((at, number(apply(&column))?)));
            Ok(Computed::Series(TimeSeries { label: String::new(), values: values.collect() }))
        }
        Computed::Text(_) => Err("a text stands where a time series is to be".to_owned()),
    }
}

fn flat(series: TimeSeries, range: Range) -> TimeSeries {
    let count = counted(&series);
    TimeSeries { values: range.times().map(|at| (at, count)).collect(), label: series.label }
}

fn counted(series: &TimeSeries) -> f64 {
    u32::try_from(series.values.len()).map_or(f64::MAX, f64::from)
}

fn count(values: &[f64]) -> f64 {
    u32::try_from(values.len()).map_or(f64::MAX, f64::from)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values)
}

/// Something of each value and the one before it.
fn steps(values: &Values, apply: impl Fn((i64, f64), (i64, f64)) -> Option<f64>) -> Values {
    let pairs = values.iter().zip(values.iter().skip(1));
    let step = pairs.filter_map(|((earlier, before), (at, value))| {
        Some((*at, number(apply((*earlier, *before), (*at, *value))?)?))
    });
    step.collect()
}

#[expect(clippy::cast_precision_loss, reason = "times of this calendar are below 2^53")]
fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

fn part(name: &str, at: i64) -> f64 {
    let utc = Timestamp(at.saturating_mul(1000)).utc();
    match name {
        "YEAR" => f64::from(utc.year()),
        "MONTH" => f64::from(u8::from(utc.month())),
        "DATE" => f64::from(utc.day()),
        "DAY" => f64::from(utc.weekday().number_from_monday()),
        "HOUR" => f64::from(utc.hour()),
        "MINUTE" => f64::from(utc.minute()),
        _ => seconds(at),
    }
}

/// `IF`: at each time that the condition has a value.
fn choose(condition: Computed, then: Computed, otherwise: Option<Computed>, range: Range) -> Result<Computed, String> {
    let condition = match condition {
        Computed::Number(value) => {
            let chosen = if value != 0.0 { Some(then) } else { otherwise };
            return Ok(chosen.unwrap_or_else(|| Computed::Series(TimeSeries::default())));
        }
        Computed::Series(series) => series,
        _ => return Err("the condition of IF is to be a number or a time series".to_owned()),
    };
    let at = |result: &Option<Computed>, at: i64| match result {
        Some(Computed::Number(value)) => Ok(Some(*value)),
        Some(Computed::Series(series)) => Ok(series.values.get(&at).copied()),
        None => Ok(None),
        Some(_) => Err("IF chooses between numbers and time series".to_owned()),
    };
    let then = Some(then);
    let mut values = Values::new();
    for time in range.times().filter(|time| condition.values.contains_key(time)) {
        let is = condition.values.get(&time).is_some_and(|value| *value != 0.0);
        if let Some(value) = at(if is { &then } else { &otherwise }, time)? {
            values.insert(time, value);
        }
    }
    Ok(Computed::Series(TimeSeries { label: condition.label, values }))
}
