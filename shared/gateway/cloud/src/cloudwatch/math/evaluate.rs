//! Expressions are evaluated.

use super::computed::{Computed, Names, Range, TimeSeries, each, number};
use super::functions;
use super::parse::{Expression, Operator};
use std::collections::BTreeSet;

/// The ids that an expression names.
pub(crate) fn ids(expression: &Expression, into: &mut BTreeSet<String>) {
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
pub(crate) fn evaluate(expression: &Expression, names: &dyn Names, range: Range) -> Result<Computed, String> {
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
        Expression::Call(name, arguments) => {
            functions::call(name, arguments, names, range, &|argument| evaluate(argument, names, range))
        }
    }
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
