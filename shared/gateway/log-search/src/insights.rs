//! Queries of Logs Insights: the plain part of the language. Follows "CloudWatch Logs Insights language query syntax" of the Amazon
//! CloudWatch Logs user guide. A command or a function that is not here is refused by name.
//!
//! - `reader`: how the text of a query is read. `expression`: expressions. `commands`: the commands.
//! - `value`: what expressions come to, and how it is compared. `functions`: the functions, a line each.
//! - `row`: an event on its way through the commands, with the fields that are discovered in it.
//! - `extract`: `parse`. `stats`: `stats`. `run`: the commands, one after the other.

mod commands;
mod expression;
mod extract;
mod functions;
mod reader;
mod row;
mod run;
mod stats;
mod value;

pub use run::{Answer, Cells};

use commands::Command;

/// The most characters of a query ("StartQuery").
pub const MAX_QUERY: usize = 10_000;
/// The most rows of an answer, and as many as there are where a query does not say ("StartQuery").
pub const MAX_ROWS: usize = 10_000;

/// A query that cannot be read, or asks for what is not here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Malformed {
    /// What is wrong with it.
    pub why: String,
    /// From which character on.
    pub begin: usize,
    /// Up to which character.
    pub end: usize,
}

/// An event that is searched.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// `@timestamp`, in milliseconds since 1970.
    pub timestamp: i64,
    /// `@ingestionTime`, in milliseconds since 1970.
    pub ingestion: i64,
    /// `@message`.
    pub message: &'a str,
    /// `@logStream`.
    pub stream: &'a str,
    /// `@log`: the account and the group, `123456789012:group`.
    pub log: &'a str,
    /// `@ptr`: by which the event is found again.
    pub pointer: &'a str,
}

/// A query, ready to be run.
#[derive(Debug, Clone)]
pub struct Query {
    commands: Vec<Command>,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`Malformed`] with what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Ok(Self { commands: commands::parse(text)? })
    }

    /// Runs it on events; `most` rows come back where the query says no smaller number.
    pub fn run<'a>(&self, records: impl IntoIterator<Item = Record<'a>>, most: usize) -> Answer {
        run::run(&self.commands, records, most.min(MAX_ROWS))
    }
}
