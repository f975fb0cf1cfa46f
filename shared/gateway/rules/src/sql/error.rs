//! Errors in a statement: what is wrong, where, and what to do.

use std::fmt;

/// A stretch of the statement, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// From one byte up to another.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The least span that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The text that the span covers.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// A statement that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do.
    pub help: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The line with a mark under the place.
    pub snippet: String,
}

impl SqlError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, help: None, line: 1, column: 1, snippet: String::new() }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Fills in line, column and snippet from the text that the span is of.
    pub(crate) fn located(mut self, text: &str) -> Self {
        let before = text.get(..self.span.start.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        self.line = before.matches('\n').count() + 1;
        self.column = before.get(line_start..).map_or(0, |part| part.chars().count()) + 1;
        let width = self.span.of(text).lines().next().map_or(1, |part| part.chars().count()).max(1);
        let indent: String = line.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        self.snippet = format!("{line}\n{indent}{}", "^".repeat(width));
        self
    }

    /// The error over several lines: what and where, the place in the statement, and what to do.
    #[must_use]
    pub fn report(&self) -> String {
        let mut out = format!("line {}, column {}: {}", self.line, self.column, self.message);
        for line in self.snippet.lines() {
            out.push_str("\n  | ");
            out.push_str(line);
        }
        if let Some(help) = &self.help {
            out.push_str("\n  = ");
            out.push_str(help);
        }
        out
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqlError {}
