//! The commands of a query, with `|` between them.

use super::expression::{self, Expression};
use super::extract::{self, Extract};
use super::reader::Reader;
use super::stats::{self, Stats};
use super::{MAX_ROWS, Malformed};

/// A column: a value, and what it is called.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) value: Expression,
}

/// A command.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Fields(Vec<Column>),
    Display(Vec<Column>),
    Filter(Expression),
    Parse(Extract),
    Stats(Stats),
    /// Each value, and whether it goes down.
    Sort(Vec<(Expression, bool)>),
    Limit(usize),
    Dedup(Vec<Expression>),
}

pub(super) fn parse(text: &str) -> Result<Vec<Command>, Malformed> {
    let mut reader = Reader::new(text)?;
    let mut commands = Vec::new();
    loop {
        reader.space();
        let begin = reader.at();
        let name = reader.name()?;
        commands.push(match name.to_ascii_lowercase().as_str() {
            "fields" => Command::Fields(list(&mut reader, column)?),
            "display" => Command::Display(list(&mut reader, column)?),
            "filter" | "where" => Command::Filter(expression::parse(&mut reader)?.0),
            "parse" => Command::Parse(extract::parse(&mut reader)?),
            "stats" => Command::Stats(stats::parse(&mut reader)?),
            "sort" => Command::Sort(list(&mut reader, |reader| {
                let (value, _) = expression::parse(reader)?;
                let down = reader.take_word("desc");
                if !down {
                    reader.take_word("asc");
                }
                Ok((value, down))
            })?),
            "limit" => Command::Limit(limit(&mut reader)?),
            "dedup" => Command::Dedup(list(&mut reader, |reader| Ok(expression::parse(reader)?.0))?),
            "" if text.trim().is_empty() => return Err(reader.wrong("the query is empty")),
            "" => return Err(reader.wrong("a command is missing")),
            _ => {
                let why = format!("the command `{name}` is not implemented by this gateway");
                return Err(reader.since(begin, why));
            }
        });
        reader.space();
        if reader.peek().is_none() {
            return Ok(commands);
        }
        reader.expect("|")?;
    }
}

/// Several with commas between them.
pub(super) fn list<T>(
    reader: &mut Reader<'_>,
    one: impl Fn(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut all = vec![one(reader)?];
    while reader.take(",") {
        all.push(one(reader)?);
    }
    Ok(all)
}

/// A value, with `as` and its name where it has one.
pub(super) fn column(reader: &mut Reader<'_>) -> Result<Column, Malformed> {
    let (value, text) = expression::parse(reader)?;
    let name = alias(reader)?.unwrap_or(match &value {
        Expression::Field(name) => name.clone(),
        _ => text,
    });
    Ok(Column { name, value })
}

/// The name behind `as`.
pub(super) fn alias(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    if !reader.take_word("as") {
        return Ok(None);
    }
    let name = reader.name()?;
    if name.is_empty() { Err(reader.wrong("behind `as` stands a name")) } else { Ok(Some(name)) }
}

fn limit(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    reader.space();
    let begin = reader.at();
    let digits = reader.take_while(|c| c.is_ascii_digit());
    let number = digits.parse().ok().filter(|number| (1..=MAX_ROWS).contains(number));
    number.ok_or_else(|| reader.since(begin, format!("a limit is a number from 1 to {MAX_ROWS}")))
}
