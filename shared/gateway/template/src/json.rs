//! JSON to nodes. A parser of our own, since a node needs its place and a repeated key is an error.

use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::source::Span;
use crate::yaml::DEPTH_LIMIT;
use std::collections::HashSet;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// Reads a JSON text (RFC 8259).
pub(crate) fn parse(text: &str) -> Fallible<Node> {
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { text, at };
    let node = reader.value(0)?;
    reader.blank();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.wrong("more follows after the end of the JSON value")),
    }
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn wrong(&self, why: &str) -> Box<Fault> {
        let length = self.peek().map_or(0, char::len_utf8);
        Fault::syntax(Span { offset: self.at, length }, format!("this is not JSON: {why}"))
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Fallible<Node> {
        self.blank();
        let offset = self.at;
        if depth > DEPTH_LIMIT {
            let why = format!("the template nests deeper than {DEPTH_LIMIT} levels");
            return Err(Fault::new(Span { offset, length: 1 }, Problem::Limit(why)));
        }
        let value = match self.peek() {
            Some('{') => Value::Map(self.object(depth)?),
            Some('[') => Value::List(self.array(depth)?),
            Some('"') => Value::Text(self.string()?),
            Some(_) => self.word()?,
            None => return Err(self.wrong("a value is missing at its end")),
        };
        let length = if matches!(value, Value::Map(_) | Value::List(_)) { 1 } else { self.at - offset };
        Ok(Node { span: Span { offset, length }, value })
    }

    fn object(&mut self, depth: usize) -> Fallible<Vec<Entry>> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        self.blank();
        if self.eat('}') {
            return Ok(entries);
        }
        loop {
            self.blank();
            let offset = self.at;
            if self.peek() != Some('"') {
                return Err(self.wrong("a key in double quotes is wanted"));
            }
            let key = self.string()?;
            let span = Span { offset, length: self.at - offset };
            if !seen.insert(key.clone()) {
                return Err(Fault::with_help(span, Problem::Duplicate(key), "keep one of the two"));
            }
            self.blank();
            if !self.eat(':') {
                return Err(self.wrong("a `:` is wanted after a key"));
            }
            entries.push(Entry { key, span, value: self.value(depth + 1)? });
            self.blank();
            if self.eat('}') {
                return Ok(entries);
            }
            if !self.eat(',') {
                return Err(self.wrong("a `,` or `}` is wanted"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Fallible<Vec<Node>> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.eat(']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blank();
            if self.eat(']') {
                return Ok(items);
            }
            if !self.eat(',') {
                return Err(self.wrong("a `,` or `]` is wanted"));
            }
        }
    }

    /// A string: its end is found here, and `serde_json` takes the escapes.
    fn string(&mut self) -> Fallible<String> {
        let mut escaped = false;
        let rest = self.rest();
        let end = rest.char_indices().skip(1).find_map(|(at, letter)| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends.then_some(at + 1)
        });
        let Some(end) = end else { return Err(self.wrong("this string has no end")) };
        let quoted = rest.get(..end).unwrap_or_default();
        let text =
            serde_json::from_str(quoted).map_err(|error| self.wrong(&format!("this string is malformed ({error})")))?;
        self.at += end;
        Ok(text)
    }

    fn word(&mut self) -> Fallible<Value> {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let value = match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number if serde_json::from_str::<serde_json::Number>(number).is_ok() => Value::Number(number.to_owned()),
            _ => return Err(self.wrong("a value is wanted: a string needs double quotes")),
        };
        self.at += word.len();
        Ok(value)
    }
}
