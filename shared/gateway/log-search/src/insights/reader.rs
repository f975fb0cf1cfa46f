//! How the text of a query is read.

use super::{MAX_QUERY, Malformed};

/// A place in a text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Malformed> {
        let reader = Self { text, at: 0 };
        if text.chars().count() > MAX_QUERY {
            return Err(reader.wrong(format!("a query has at most {MAX_QUERY} characters")));
        }
        Ok(reader)
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

    /// Goes over spaces, and comments from `#` to the end of their line.
    pub(super) fn space(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.peek() != Some('#') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Takes a sign where it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Whether a word is next, in upper or lower case.
    pub(super) fn is_word(&mut self, wanted: &str) -> bool {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        rest.get(..end).is_some_and(|word| word.eq_ignore_ascii_case(wanted))
    }

    pub(super) fn take_word(&mut self, wanted: &str) -> bool {
        let found = self.is_word(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), Malformed> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the query ends".to_owned(), |c| format!("`{c}` stands"));
        Err(self.wrong(format!("{found} where `{wanted}` is expected")))
    }

    /// A name, plain or between backticks; empty where none is next.
    pub(super) fn name(&mut self) -> Result<String, Malformed> {
        self.space();
        if self.peek() == Some('`') {
            return self.until('`');
        }
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Ok(String::new());
        }
        Ok(self.take_while(is_name).to_owned())
    }

    /// A text up to the sign that it begins with. A backslash takes a sign as it is, and stays before anything else.
    pub(super) fn until(&mut self, end: char) -> Result<String, Malformed> {
        let begin = self.at;
        self.next();
        let mut text = String::new();
        while let Some(c) = self.next() {
            if c == end {
                return Ok(text);
            }
            if c == '\\' {
                match self.next() {
                    Some(next) if next == end || (next == '\\' && end != '/') => text.push(next),
                    Some(next) => text.extend(['\\', next]),
                    None => break,
                }
            } else {
                text.push(c);
            }
        }
        Err(Malformed { why: format!("`{end}` has no second one"), ..self.span(begin) })
    }

    /// Where the reader is, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn wrong(&self, why: impl Into<String>) -> Malformed {
        Malformed { why: why.into(), ..self.span(self.at) }
    }

    /// A fault from a place in bytes up to here, in characters.
    pub(super) fn since(&self, begin: usize, why: impl Into<String>) -> Malformed {
        Malformed { why: why.into(), ..self.span(begin) }
    }

    fn span(&self, begin: usize) -> Malformed {
        let characters = |up_to: usize| self.text.get(..up_to).unwrap_or(self.text).chars().count();
        Malformed { why: String::new(), begin: characters(begin), end: characters(self.at) }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '_' | '.' | '$')
}
