//! The functions on single values: "Functions" of the query syntax. Dates on a grid are in `expression`, aggregates in `stats`.

use super::value::Value;
use std::cmp::Ordering;
use std::ops::RangeInclusive;

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    /// How many arguments it takes.
    pub(super) takes: RangeInclusive<usize>,
    pub(super) call: fn(&[Value]) -> Value,
}

const MANY: usize = 32;

const fn function(name: &'static str, takes: RangeInclusive<usize>, call: fn(&[Value]) -> Value) -> Function {
    Function { name, takes, call }
}

const ALL: &[Function] = &[
    function("abs", 1..=1, |values| computed(values, f64::abs)),
    function("ceil", 1..=1, |values| computed(values, f64::ceil)),
    function("coalesce", 1..=MANY, |values| {
        values.iter().find(|value| !value.is_missing()).cloned().unwrap_or(Value::Missing)
    }),
    function("concat", 1..=MANY, |values| Value::Text(values.iter().map(Value::text).collect())),
    function("floor", 1..=1, |values| computed(values, f64::floor)),
    function("frommillis", 1..=1, |values| whole(values).map_or(Value::Missing, Value::Time)),
    function("greatest", 1..=MANY, |values| {
        values.iter().filter(|value| !value.is_missing()).max_by(|a, b| a.order(b)).cloned().unwrap_or(Value::Missing)
    }),
    function("isblank", 1..=1, |values| Value::Bool(text(values, 0).is_none_or(|text| text.trim().is_empty()))),
    function("isempty", 1..=1, |values| Value::Bool(text(values, 0).is_none_or(|text| text.is_empty()))),
    function("ispresent", 1..=1, |values| Value::Bool(values.first().is_some_and(|value| !value.is_missing()))),
    function("least", 1..=MANY, |values| {
        values.iter().filter(|value| !value.is_missing()).min_by(|a, b| a.order(b)).cloned().unwrap_or(Value::Missing)
    }),
    function("log", 1..=1, |values| computed(values, f64::ln)),
    function("ltrim", 1..=1, |values| mapped(values, |text| text.trim_start().to_owned())),
    function("replace", 3..=3, |values| match (text(values, 0), text(values, 1), text(values, 2)) {
        (Some(of), Some(from), Some(to)) => Value::Text(of.replace(&from, &to)),
        _ => Value::Missing,
    }),
    function("rtrim", 1..=1, |values| mapped(values, |text| text.trim_end().to_owned())),
    function("sqrt", 1..=1, |values| computed(values, f64::sqrt)),
    function("strcontains", 2..=2, |values| match (text(values, 0), text(values, 1)) {
        (Some(of), Some(part)) => Value::Number(if of.contains(&part) { 1.0 } else { 0.0 }),
        _ => Value::Missing,
    }),
    function("strlen", 1..=1, |values| match text(values, 0) {
        #[expect(clippy::cast_precision_loss, reason = "no text is that long")]
        Some(text) => Value::Number(text.chars().count() as f64),
        None => Value::Missing,
    }),
    function("substr", 2..=3, |values| {
        let count = |at: usize| values.get(at).and_then(Value::number);
        let Some(text) = text(values, 0) else { return Value::Missing };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a float stays in bounds"
        )]
        let (from, most) = (count(1).unwrap_or_default() as usize, count(2).map_or(usize::MAX, |most| most as usize));
        Value::Text(text.chars().skip(from).take(most).collect())
    }),
    function("tolower", 1..=1, |values| mapped(values, |text| text.to_lowercase())),
    function("tomillis", 1..=1, |values| values.first().and_then(Value::number).map_or(Value::Missing, Value::Number)),
    function("toupper", 1..=1, |values| mapped(values, |text| text.to_uppercase())),
    function("trim", 1..=1, |values| mapped(values, |text| text.trim().to_owned())),
];

/// A function by its name in lower case.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    ALL.iter().find(|function| function.name == name)
}

fn text(values: &[Value], at: usize) -> Option<String> {
    values.get(at).filter(|value| !value.is_missing()).map(Value::text)
}

fn mapped(values: &[Value], of: fn(String) -> String) -> Value {
    text(values, 0).map_or(Value::Missing, |text| Value::Text(of(text)))
}

fn computed(values: &[Value], of: fn(f64) -> f64) -> Value {
    let number = values.first().and_then(Value::number).map(of).filter(|number| number.is_finite());
    number.map_or(Value::Missing, Value::Number)
}

#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds, cut to whole ones")]
fn whole(values: &[Value]) -> Option<i64> {
    let number = values.first().and_then(Value::number)?;
    (number.abs().partial_cmp(&9e15) == Some(Ordering::Less)).then_some(number as i64)
}
