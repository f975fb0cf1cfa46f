//! What a rulebook hands back, and how it is filled again after a restart.
//!
//! A rulebook is plain state in memory and the decisions on it. A command changes the memory at once and returns the
//! [`Write`]s that make the change durable and the [`Event`]s that tell of it; the composition commits the first, then
//! delivers the second, then answers. Where the commit fails, the composition throws the memory away and loads it anew.

use crate::event::Event;

/// One write to durable state: a row of a table that the rulebook owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The table, one of the rulebook's [`Rulebook::TABLES`].
    pub table: &'static str,
    /// The row's key.
    pub key: String,
    /// The row as JSON text; `None` deletes it.
    pub value: Option<String>,
}

impl Write {
    /// Puts a row.
    pub fn put(table: &'static str, key: impl Into<String>, value: String) -> Self {
        Self { table, key: key.into(), value: Some(value) }
    }

    /// Deletes a row.
    pub fn delete(table: &'static str, key: impl Into<String>) -> Self {
        Self { table, key: key.into(), value: None }
    }
}

/// The result of a command: what to answer, what to make durable, what to tell.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Done<T> {
    /// The answer.
    pub reply: T,
    /// What has to be on disk before the answer is given.
    pub writes: Vec<Write>,
    /// What happened.
    pub events: Vec<Event>,
}

impl<T> Done<T> {
    /// An answer that changes nothing.
    pub fn reply(reply: T) -> Self {
        Self { reply, writes: Vec::new(), events: Vec::new() }
    }

    /// An answer with its writes.
    pub fn written(reply: T, writes: Vec<Write>) -> Self {
        Self { reply, writes, events: Vec::new() }
    }

    /// The same with an event more.
    pub fn with(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The same with another answer.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Done<U> {
        Done { reply: f(self.reply), writes: self.writes, events: self.events }
    }
}

/// A row that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("row `{key}` of table `{table}` cannot be read: {why}")]
pub struct CorruptRow {
    /// The table.
    pub table: String,
    /// The row's key.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

/// State that can be filled from its rows.
pub trait Rulebook: Send + 'static {
    /// The tables it owns, in the order they are to be loaded in.
    const TABLES: &'static [&'static str];

    /// Takes one row in, as [`Write::put`] wrote it.
    ///
    /// # Errors
    /// [`CorruptRow`] where the row is not of the table's form.
    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow>;

    /// Forgets all state; configuration stays.
    fn clear(&mut self);

    /// Whether an event of a command that has just run is promised to somebody: what is told of it is kept with the change, and
    /// told whatever happens to the process meanwhile.
    fn promises(&self, event: &Event) -> bool {
        let _ = event;
        false
    }
}
