//! Filter patterns: which log events are meant. Follows "Filter pattern syntax for metric filters, subscription filters, filter log
//! events, and Live Tail" of the Amazon CloudWatch Logs user guide.
//!
//! - `terms`: words, phrases and regular expressions in any text: `ERROR -"timed out"`, `?WARN ?ERROR`, `%4[0-9]{2}%`.
//! - `fields`: fields with spaces between them: `[ip, ..., status = 4*, bytes > 1000]`.
//! - `json`: properties of JSON: `{ $.latency >= 500 && $.users[*].id = 7 }`.
//! - `condition`: what a value is compared with; `cursor`: how the text is read; `expression`: a regular expression as they take it.

mod condition;
mod cursor;
mod expression;
mod fields;
mod json;
mod terms;

use cursor::Cursor;
use std::collections::BTreeMap;
use std::fmt;

/// The most characters of a pattern (`filterPattern` in "PutMetricFilter").
pub const MAX_PATTERN: usize = 1024;
/// The most regular expressions of a pattern ("Supported regular expressions (regex) syntax").
const MAX_EXPRESSIONS: usize = 2;

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidPattern {
    /// What is wrong with it.
    pub why: String,
    /// Where, in bytes from its beginning.
    pub at: usize,
}

/// A filter pattern, ready to be asked.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    All,
    Terms(terms::Terms),
    Fields(fields::Fields),
    Json(json::Tree),
}

impl Pattern {
    /// Reads a pattern. One of spaces alone means every event.
    ///
    /// # Errors
    /// [`InvalidPattern`] with what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.chars().count() > MAX_PATTERN {
            return Err(InvalidPattern {
                why: format!("a filter pattern has at most {MAX_PATTERN} characters"),
                at: MAX_PATTERN,
            });
        }
        let mut cursor = Cursor::new(text);
        cursor.space();
        let kind = match cursor.peek() {
            None => Kind::All,
            Some('[') => Kind::Fields(fields::parse(&mut cursor)?),
            Some('{') => Kind::Json(json::parse(&mut cursor)?),
            Some(_) => terms::parse(&mut cursor)?.map_or(Kind::All, Kind::Terms),
        };
        cursor.space();
        if let Some(more) = cursor.peek() {
            return Err(cursor.wrong(format!("`{more}` stands behind the end of the pattern")));
        }
        if cursor.expressions > MAX_EXPRESSIONS {
            let why = format!("a filter pattern has at most {MAX_EXPRESSIONS} regular expressions");
            return Err(cursor.wrong(why));
        }
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Whether an event is meant.
    #[must_use]
    pub fn matches(&self, message: &str) -> bool {
        match &self.kind {
            Kind::All => true,
            Kind::Terms(terms) => terms.matches(message),
            Kind::Fields(fields) => fields.matches(message).is_some(),
            Kind::Json(tree) => serde_json::from_str(message).is_ok_and(|value| tree.matches(&value)),
        }
    }

    /// The values that the pattern names in an event that it means, as `TestMetricFilter` gives them: a field of a text by its name
    /// (`$status`) or place (`$3`), a property of JSON by its selector. `None` where the event is not meant.
    #[must_use]
    pub fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        match &self.kind {
            Kind::All => Some(BTreeMap::new()),
            Kind::Terms(terms) => terms.matches(message).then(BTreeMap::new),
            Kind::Fields(fields) => fields.matches(message),
            Kind::Json(tree) => {
                let value = serde_json::from_str(message).ok()?;
                tree.matches(&value).then(|| tree.extract(&value))
            }
        }
    }

    /// The value of a metric filter's `$.selector` or `$field` in an event that the pattern means.
    ///
    /// # Errors
    /// [`InvalidPattern`] where the selector cannot be read.
    pub fn value(&self, selector: &str, message: &str) -> Result<Option<String>, InvalidPattern> {
        match &self.kind {
            Kind::Json(_) => json::select(selector, message),
            _ => Ok(self.extract(message).and_then(|fields| fields.get(selector).cloned())),
        }
    }

    /// Whether it has a regular expression in it.
    #[must_use]
    pub fn has_expression(&self) -> bool {
        match &self.kind {
            Kind::All => false,
            Kind::Terms(terms) => terms.has_expression(),
            Kind::Fields(fields) => fields.has_expression(),
            Kind::Json(tree) => tree.has_expression(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
