//! A template's text, and places in it.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A run of bytes in a template's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Span {
    /// Where it begins, in bytes from the start of the text.
    pub offset: usize,
    /// How many bytes it covers; 0 where only a point is known.
    pub length: usize,
}

/// Where something stands in a template, as a person counts: from line 1 and column 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file's name as the caller gave it.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A template's name and text, kept so that errors can show the lines they speak of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.to_owned() })
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        let mut end = span.offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = self.text.get(..end).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            file: Arc::clone(&self.name),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let source = Source::new("t.yaml", "a: 1\nä: ö: 2\n");
        let place = |offset| source.place(Span { offset, length: 0 }).to_string();
        assert_eq!(place(0), "t.yaml:1:1");
        assert_eq!(place(5), "t.yaml:2:1");
        assert_eq!(place(6), "t.yaml:2:1", "inside a character counts as its start");
        assert_eq!(place(9), "t.yaml:2:4");
        assert_eq!(place(99), "t.yaml:3:1", "past the end is the end");
    }
}
