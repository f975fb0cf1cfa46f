//! `stats`: aggregates, by groups. Percentiles are exact, between two values on the straight line, and so are distinct counts.

use super::Malformed;
use super::commands::{Column, alias, column, list};
use super::expression::{self, Expression};
use super::reader::Reader;
use super::row::Row;
use super::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A `stats`.
#[derive(Debug, Clone)]
pub(super) struct Stats {
    aggregates: Vec<(String, Aggregate)>,
    by: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Aggregate {
    kind: Kind,
    of: Option<Expression>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Count,
    CountDistinct,
    Sum,
    Average,
    Least,
    Greatest,
    Deviation,
    Percentile(f64),
    Earliest,
    Latest,
    SortsFirst,
    SortsLast,
}

const KINDS: &[(&str, Kind)] = &[
    ("avg", Kind::Average),
    ("count", Kind::Count),
    ("count_distinct", Kind::CountDistinct),
    ("earliest", Kind::Earliest),
    ("latest", Kind::Latest),
    ("max", Kind::Greatest),
    ("min", Kind::Least),
    ("pct", Kind::Percentile(0.0)),
    ("percentile", Kind::Percentile(0.0)),
    ("sortsfirst", Kind::SortsFirst),
    ("sortslast", Kind::SortsLast),
    ("stddev", Kind::Deviation),
    ("sum", Kind::Sum),
];

pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Stats, Malformed> {
    let aggregates = list(reader, aggregate)?;
    let by = if reader.take_word("by") { list(reader, column)? } else { Vec::new() };
    Ok(Stats { aggregates, by })
}

fn aggregate(reader: &mut Reader<'_>) -> Result<(String, Aggregate), Malformed> {
    reader.space();
    let (begin, rest) = (reader.at(), reader.rest());
    let name = reader.name()?;
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) else {
        let why = format!("the aggregate `{name}` is not implemented by this gateway: take one of {}", known());
        return Err(reader.since(begin, why));
    };
    let mut kind = *kind;
    reader.expect("(")?;
    let of = if reader.take("*") || (kind == Kind::Count && reader.take(")")) {
        if !matches!(kind, Kind::Count) {
            return Err(reader.since(begin, format!("`{name}` is of a field")));
        }
        None
    } else {
        Some(expression::parse(reader)?.0)
    };
    if let Kind::Percentile(percent) = &mut kind {
        reader.expect(",")?;
        reader.space();
        let digits = reader.take_while(|c| c.is_ascii_digit() || c == '.');
        let given = digits.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
        *percent = given.ok_or_else(|| reader.since(begin, "a percentile is from 0 to 100"))?;
    }
    let text = |reader: &Reader<'_>| rest.strip_suffix(reader.rest()).unwrap_or(rest).trim_end().to_owned();
    if !text(reader).ends_with(')') || of.is_some() {
        reader.expect(")")?;
    }
    let written = text(reader);
    let name = alias(reader)?.unwrap_or(written);
    Ok((name, Aggregate { kind, of }))
}

fn known() -> String {
    KINDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl Stats {
    /// What the columns are called: the groups first.
    pub(super) fn names(&self) -> Vec<String> {
        let groups = self.by.iter().map(|column| column.name.clone());
        groups.chain(self.aggregates.iter().map(|(name, _)| name.clone())).collect()
    }

    /// A row for each group, in the order of the groups.
    pub(super) fn apply<'a>(&self, rows: &[Row<'a>]) -> Vec<Row<'a>> {
        let mut groups: BTreeMap<Vec<Key>, Vec<&Row<'a>>> = BTreeMap::new();
        for row in rows {
            groups.entry(self.by.iter().map(|column| Key(column.value.of(row))).collect()).or_default().push(row);
        }
        let made = groups.into_iter().map(|(key, members)| {
            let keys = self.by.iter().zip(key).map(|(column, key)| (column.name.clone(), key.0));
            let values = self.aggregates.iter().map(|(name, aggregate)| (name.clone(), aggregate.of(&members)));
            Row::made(keys.chain(values).collect())
        });
        made.collect()
    }
}

/// A value that groups are ordered by.
#[derive(Debug, Clone)]
struct Key(Value);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Of equal numbers that are written differently each is a group of its own.
        self.0.order(&other.0).then_with(|| self.0.text().cmp(&other.0.text()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

impl Aggregate {
    fn of(&self, rows: &[&Row<'_>]) -> Value {
        let Some(of) = &self.of else { return count(rows.len()) };
        let there = || rows.iter().map(|row| (row.timestamp(), of.of(row))).filter(|(_, value)| !value.is_missing());
        let values = || there().map(|(_, value)| value);
        let numbers: Vec<f64> = match self.kind {
            Kind::Sum | Kind::Average | Kind::Deviation | Kind::Percentile(_) | Kind::Least | Kind::Greatest => {
                values().filter_map(|value| value.number()).collect()
            }
            _ => Vec::new(),
        };
        #[expect(clippy::cast_precision_loss, reason = "as many rows are not read")]
        let mean = (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64);
        let found = match self.kind {
            Kind::Count => Some(count(values().count())),
            Kind::CountDistinct => Some(count(values().map(|value| value.text()).collect::<BTreeSet<_>>().len())),
            Kind::Sum => mean.map(|_| Value::Number(numbers.iter().sum())),
            Kind::Average => mean.map(Value::Number),
            Kind::Least if !numbers.is_empty() => values().filter(|v| v.number().is_some()).min_by(Value::order),
            Kind::Greatest if !numbers.is_empty() => values().filter(|v| v.number().is_some()).max_by(Value::order),
            Kind::Least | Kind::Greatest => None,
            #[expect(clippy::cast_precision_loss, reason = "as many rows are not read")]
            Kind::Deviation => mean.map(|mean| {
                let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
                Value::Number((squares / numbers.len() as f64).sqrt())
            }),
            Kind::Percentile(percent) => percentile(numbers, percent).map(Value::Number),
            Kind::Earliest => there().min_by_key(|(at, _)| *at).map(|(_, value)| value),
            Kind::Latest => there().max_by_key(|(at, _)| *at).map(|(_, value)| value),
            Kind::SortsFirst => values().min_by_key(Value::text),
            Kind::SortsLast => values().max_by_key(Value::text),
        };
        found.unwrap_or(Value::Missing)
    }
}

#[expect(clippy::cast_precision_loss, reason = "as many rows are not read")]
fn count(number: usize) -> Value {
    Value::Number(number as f64)
}

fn percentile(mut numbers: Vec<f64>, percent: f64) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "as many rows are not read")]
    let place = numbers.len().checked_sub(1)? as f64 * percent / 100.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let (below, above) = (*numbers.get(place.floor() as usize)?, *numbers.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}
