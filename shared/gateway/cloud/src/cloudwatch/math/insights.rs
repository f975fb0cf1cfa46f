//! Queries of Metrics Insights ("Metrics Insights query components and syntax"): `SELECT SUM(m) FROM SCHEMA("ns", Dimension) WHERE
//! Dimension = 'value' AND … GROUP BY Dimension ORDER BY SUM() DESC LIMIT 10`.

use super::computed::{TimeSeries, Values};
use crate::cloudwatch::datum::Datum;
use crate::cloudwatch::metric::Metric;
use crate::cloudwatch::statistic::Statistic;
use std::collections::BTreeMap;

/// The most time series of an answer ("Metrics Insights quotas").
const MOST: usize = 500;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    statistic: Statistic,
    metric: String,
    namespace: String,
    /// The names of the dimensions that the metrics have, all of them; any where there is no `SCHEMA`.
    schema: Option<Vec<String>>,
    conditions: Vec<(String, bool, String)>,
    groups: Vec<String>,
    /// By which statistic, and whether the largest comes first.
    order: Option<(Statistic, bool)>,
    limit: usize,
}

/// Whether a text is a query and not an expression.
pub(crate) fn is_meant(text: &str) -> bool {
    text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Mark(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find(first).ok_or("a text has no end")?;
                let inner = inner.get(..end).unwrap_or_default().to_owned();
                tokens.push(if first == '"' { Token::Quoted(inner) } else { Token::Text(inner) });
                end + 2
            }
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                tokens.push(Token::Word(rest.get(..end).unwrap_or_default().to_owned()));
                end
            }
            _ => {
                let mark = ["!=", "=", "(", ")", ","].into_iter().find(|mark| rest.starts_with(mark));
                let mark = mark.ok_or_else(|| format!("`{}` is not expected in a query", first.escape_debug()))?;
                tokens.push(Token::Mark(mark));
                mark.len()
            }
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Reader {
    fn word(&mut self, word: &str) -> bool {
        let is = |token: &Token| matches!(token, Token::Word(text) if text.eq_ignore_ascii_case(word));
        self.tokens.next_if(is).is_some()
    }

    fn mark(&mut self, mark: &'static str) -> bool {
        self.tokens.next_if_eq(&Token::Mark(mark)).is_some()
    }

    fn expect(&mut self, taken: bool, what: &str) -> Result<(), String> {
        if taken { Ok(()) } else { Err(self.wanted(what)) }
    }

    fn wanted(&mut self, what: &str) -> String {
        match self.tokens.peek() {
            None => format!("the query ends where {what} is to be"),
            Some(Token::Word(text) | Token::Quoted(text) | Token::Text(text)) => {
                format!("`{text:.60}` stands where {what} is to be")
            }
            Some(Token::Mark(mark)) => format!("`{mark}` stands where {what} is to be"),
        }
    }

    fn name(&mut self, what: &str) -> Result<String, String> {
        match self.tokens.next_if(|token| matches!(token, Token::Word(_) | Token::Quoted(_))) {
            Some(Token::Word(name) | Token::Quoted(name)) => Ok(name),
            _ => Err(self.wanted(what)),
        }
    }

    fn function(&mut self) -> Result<Statistic, String> {
        let name = self.name("a function")?;
        let statistic = match name.to_ascii_uppercase().as_str() {
            "AVG" => Statistic::Average,
            "COUNT" => Statistic::SampleCount,
            "MAX" => Statistic::Maximum,
            "MIN" => Statistic::Minimum,
            "SUM" => Statistic::Sum,
            _ => return Err(format!("`{name:.60}` is none of the functions AVG, COUNT, MAX, MIN and SUM")),
        };
        let open = self.mark("(");
        self.expect(open, "`(`")?;
        Ok(statistic)
    }

    fn close(&mut self) -> Result<(), String> {
        let close = self.mark(")");
        self.expect(close, "`)`")
    }
}

/// Reads a query.
pub(crate) fn parse(text: &str) -> Result<Query, String> {
    let mut reader = Reader { tokens: tokens(text)?.into_iter().peekable() };
    let select = reader.word("SELECT");
    reader.expect(select, "SELECT")?;
    let statistic = reader.function()?;
    let metric = reader.name("the name of a metric")?;
    reader.close()?;
    let from = reader.word("FROM");
    reader.expect(from, "FROM")?;
    let (namespace, schema) = if reader.word("SCHEMA") {
        let open = reader.mark("(");
        reader.expect(open, "`(`")?;
        let namespace = reader.name("a namespace")?;
        let mut names = Vec::new();
        while reader.mark(",") {
            names.push(reader.name("the name of a dimension")?);
        }
        reader.close()?;
        names.sort();
        (namespace, Some(names))
    } else {
        (reader.name("a namespace")?, None)
    };
    let mut conditions = Vec::new();
    if reader.word("WHERE") {
        loop {
            let name = reader.name("the name of a dimension")?;
            let equal = reader.mark("=");
            if !equal {
                let different = reader.mark("!=");
                reader.expect(different, "`=` or `!=`")?;
            }
            match reader.tokens.next_if(|token| matches!(token, Token::Text(_))) {
                Some(Token::Text(value)) => conditions.push((name, equal, value)),
                _ => return Err(reader.wanted("a value in single quotes")),
            }
            if !reader.word("AND") {
                break;
            }
        }
    }
    let mut groups = Vec::new();
    if reader.word("GROUP") {
        let by = reader.word("BY");
        reader.expect(by, "BY")?;
        groups.push(reader.name("the name of a dimension")?);
        while reader.mark(",") {
            groups.push(reader.name("the name of a dimension")?);
        }
    }
    let mut order = None;
    if reader.word("ORDER") {
        let by = reader.word("BY");
        reader.expect(by, "BY")?;
        let by = reader.function()?;
        reader.close()?;
        let descending = reader.word("DESC");
        if !descending {
            reader.word("ASC");
        }
        order = Some((by, descending));
    }
    let mut limit = MOST;
    if reader.word("LIMIT") {
        let number = reader.name("a number")?;
        let read = number.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        limit = read.ok_or_else(|| format!("the limit is to be 1 to {MOST}"))?;
    }
    if reader.tokens.peek().is_some() {
        return Err(reader.wanted("the end of the query"));
    }
    Ok(Query { statistic, metric, namespace, schema, conditions, groups, order, limit })
}

impl Query {
    /// Whether it asks for a metric.
    pub(crate) fn asks_for(&self, metric: &Metric) -> bool {
        let all = |names: &Vec<String>| metric.dimensions.keys().eq(names.iter());
        let holds = |(name, equal, value): &(String, bool, String)| {
            metric.dimensions.get(name).is_some_and(|held| (held == value) == *equal)
        };
        metric.namespace == self.namespace
            && metric.name == self.metric
            && self.schema.as_ref().is_none_or(all)
            && self.conditions.iter().all(holds)
            && self.groups.iter().all(|name| metric.dimensions.contains_key(name))
    }

    /// The answer out of the values of the metrics that it asks for.
    pub(crate) fn answer<'m>(
        &self,
        metrics: impl Iterator<Item = (&'m Metric, BTreeMap<i64, Datum>)>,
    ) -> Vec<TimeSeries> {
        let mut groups: BTreeMap<Vec<&'m str>, BTreeMap<i64, Datum>> = BTreeMap::new();
        for (metric, stretches) in metrics {
            let key = self.groups.iter().filter_map(|name| metric.dimensions.get(name)).map(String::as_str).collect();
            let group = groups.entry(key).or_default();
            for (at, datum) in stretches {
                group.entry(at).and_modify(|held| held.add(&datum)).or_insert(datum);
            }
        }
        if let Some((by, descending)) = &self.order {
            let whole = |stretches: &BTreeMap<i64, Datum>| {
                let mut all = Datum::of(0.0, 0.0);
                stretches.values().for_each(|datum| all.add(datum));
                by.of(&all).unwrap_or_default()
            };
            let mut ordered: Vec<_> = groups.into_iter().map(|(key, group)| (whole(&group), key, group)).collect();
            ordered.sort_by(
                |(one, ..), (other, ..)| if *descending { other.total_cmp(one) } else { one.total_cmp(other) },
            );
            return ordered.into_iter().take(self.limit).map(|(_, key, group)| self.series(&key, group)).collect();
        }
        groups.into_iter().take(self.limit).map(|(key, group)| self.series(&key, group)).collect()
    }

    fn series(&self, key: &[&str], group: BTreeMap<i64, Datum>) -> TimeSeries {
        let values: Values =
            group.into_iter().filter_map(|(at, datum)| Some((at, self.statistic.of(&datum)?))).collect();
        let label = if key.is_empty() { self.metric.clone() } else { key.join(" ") };
        TimeSeries { label, values }
    }
}
