//! `parse`: fields out of a text, by a pattern with `*` or by a regular expression with names in it.

use super::Malformed;
use super::commands::{alias, list};
use super::expression::{self, Expression};
use super::reader::Reader;
use super::row::{MESSAGE, Row};
use super::value::Value;
use regex::Regex;

/// A `parse`.
#[derive(Debug, Clone)]
pub(super) struct Extract {
    from: Expression,
    pattern: Regex,
    /// What the groups of the expression are called, by their numbers from 1 on.
    names: Vec<Option<String>>,
}

pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Extract, Malformed> {
    reader.space();
    let begins_with_pattern = matches!(reader.peek(), Some('"' | '\'' | '/'));
    let from = if begins_with_pattern {
        Expression::Field(MESSAGE.to_owned())
    } else {
        let name = reader.name()?;
        if name.is_empty() {
            return Err(reader.wrong("behind `parse` stands a field or a pattern"));
        }
        Expression::Field(name)
    };
    reader.space();
    let begin = reader.at();
    match reader.peek() {
        Some(quote @ ('"' | '\'')) => {
            let glob = reader.until(quote)?;
            let parts: Vec<String> = glob.split('*').map(regex::escape).collect();
            let stars = parts.len() - 1;
            // The last one goes to the end where nothing stands behind it.
            let joined = parts.join("(.*?)");
            let ends = if glob.ends_with('*') { "$" } else { "" };
            let pattern = expression::compile(&format!("(?s){joined}{ends}"));
            let pattern = pattern.map_err(|why| reader.since(begin, why))?;
            let Some(first) = alias(reader)? else {
                return Err(reader.wrong("behind the pattern of `parse` stands `as` and a name for each `*`"));
            };
            let mut names = vec![Some(first)];
            if reader.take(",") {
                names.extend(list(reader, |reader| Ok(Some(reader.name()?)))?);
            }
            if names.len() != stars {
                let why = format!("the pattern has {stars} `*` and {} names", names.len());
                return Err(reader.since(begin, why));
            }
            Ok(Extract { from, pattern, names })
        }
        Some('/') => {
            let text = reader.until('/')?;
            let pattern = expression::compile(&text).map_err(|why| reader.since(begin, why))?;
            let names: Vec<_> = pattern.capture_names().skip(1).map(|name| name.map(str::to_owned)).collect();
            if names.iter().all(Option::is_none) {
                return Err(reader.since(begin, "the expression of `parse` names no group: `(?<name>…)`"));
            }
            Ok(Extract { from, pattern, names })
        }
        _ => Err(reader.wrong("behind the field of `parse` stands a pattern in quotes or between slashes")),
    }
}

impl Extract {
    /// Names in a row what is found; what is not there is missing.
    pub(super) fn apply(&self, row: &mut Row<'_>) {
        let text = self.from.of(row).text();
        let found = self.pattern.captures(&text);
        for (at, name) in self.names.iter().enumerate() {
            let Some(name) = name else { continue };
            let group = found.as_ref().and_then(|found| found.get(at + 1));
            row.name(name, group.map_or(Value::Missing, |group| Value::Text(group.as_str().to_owned())));
        }
    }
}
