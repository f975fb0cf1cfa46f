//! How the text of a pattern is read.

use super::InvalidPattern;
use super::expression::{self, Expression};

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// How many regular expressions have been read.
    pub(super) expressions: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, expressions: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Takes a text where it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Takes a word where it is next, in upper or lower case.
    pub(super) fn take_word(&mut self, wanted: &str) -> bool {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let found = rest.get(..end).is_some_and(|word| word.eq_ignore_ascii_case(wanted));
        if found {
            self.at += end;
        }
        found
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), InvalidPattern> {
        self.space();
        if self.take(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the pattern ends".to_owned(), |c| format!("`{c}` stands"));
        Err(self.wrong(format!("{found} where `{wanted}` is expected")))
    }

    /// A text in double quotes: the next character is the first of them. A backslash takes what follows as it is.
    pub(super) fn quoted(&mut self) -> Result<String, InvalidPattern> {
        let begin = self.at;
        self.next();
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '"' => return Ok(text),
                '\\' => text.extend(self.next()),
                c => text.push(c),
            }
        }
        Err(InvalidPattern { why: "a quotation mark has no second one".to_owned(), at: begin })
    }

    /// A regular expression between `%`: the next character is the first of them.
    pub(super) fn expression(&mut self) -> Result<Expression, InvalidPattern> {
        let begin = self.at;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('%') => break,
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.next());
                }
                Some(c) => text.push(c),
                None => {
                    let why = "a regular expression ends without its second `%`".to_owned();
                    return Err(InvalidPattern { why, at: begin });
                }
            }
        }
        self.expressions += 1;
        expression::compile(&text).map_err(|why| InvalidPattern { why, at: begin })
    }

    pub(super) fn wrong(&self, why: impl Into<String>) -> InvalidPattern {
        InvalidPattern { why: why.into(), at: self.at }
    }
}
