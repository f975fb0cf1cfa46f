//! A template as a tree that remembers where each part stood.
//!
//! Short tags (`!Ref`) are already in their long form here (`Ref:`), so YAML and JSON templates look the same.

use crate::error::{Fallible, Fault, Problem};
use crate::source::Span;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a node holds. Numbers keep their text, so that a version such as `1.10` survives where a string is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a mapping, its place, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn text(span: Span, text: impl Into<String>) -> Self {
        Self { span, value: Value::Text(text.into()) }
    }

    pub(crate) fn bool(span: Span, value: bool) -> Self {
        Self { span, value: Value::Bool(value) }
    }

    pub(crate) fn list(span: Span, items: Vec<Node>) -> Self {
        Self { span, value: Value::List(items) }
    }

    pub(crate) fn map<'a>(span: Span, entries: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| Entry { key: key.to_owned(), span: value.span, value });
        Self { span, value: Value::Map(entries.collect()) }
    }

    /// `{Ref: name}`.
    pub(crate) fn reference(span: Span, name: &str) -> Self {
        Self::map(span, [("Ref", Self::text(span, name))])
    }

    /// `{Fn::GetAtt: [name, attribute]}`.
    pub(crate) fn attribute(span: Span, name: &str, attribute: &str) -> Self {
        let both = vec![Self::text(span, name), Self::text(span, attribute)];
        Self::map(span, [("Fn::GetAtt", Self::list(span, both))])
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Takes a key out of a mapping.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        let Value::Map(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(index))
    }

    /// Sets a key of a mapping, in place of what it held.
    pub(crate) fn set(&mut self, key: &str, value: Node) {
        let Value::Map(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(Entry { key: key.to_owned(), span: value.span, value }),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as CloudFormation hands it to a property that wants a string.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A boolean, also where it is written as a string, as CloudFormation takes it.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// What kind of value this is, for error messages.
    pub(crate) fn found(&self) -> String {
        match &self.value {
            Value::Null => "empty (null)".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(number) => format!("`{number}`"),
            Value::Text(text) if text.chars().count() <= 60 => format!("`{text}`"),
            Value::Text(_) => "a text".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    pub(crate) fn mismatch(&self, what: impl Into<String>, expected: &str) -> Box<Fault> {
        let problem = Problem::Shape { what: what.into(), expected: expected.to_owned(), found: self.found() };
        Fault::new(self.span, problem)
    }

    /// The entries of what must be a mapping.
    pub(crate) fn want_map(&self, what: &str) -> Fallible<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.mismatch(what, "a mapping")),
        }
    }

    /// The items of what must be a list.
    pub(crate) fn want_list(&self, what: &str) -> Fallible<&[Node]> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.mismatch(what, "a list")),
        }
    }

    /// The text of what must be a string, or a scalar that reads as one.
    pub(crate) fn want_text(&self, what: &str) -> Fallible<String> {
        self.scalar().ok_or_else(|| self.mismatch(what, "a string"))
    }

    /// A mapping of one key that names an intrinsic function.
    pub(crate) fn intrinsic(&self) -> Option<&Entry> {
        match self.entries() {
            [only] if only.key == "Ref" || only.key.starts_with("Fn::") => Some(only),
            _ => None,
        }
    }

    /// The value as JSON. Numbers that JSON cannot hold become strings.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(text) => text.parse::<serde_json::Number>().map_or_else(|_| text.as_str().into(), Into::into),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Equal as `Fn::Equals` sees it: by value, scalars by their text, wherever they stand.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::List(left), Value::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.same(right))
            }
            (Value::Map(left), Value::Map(right)) => {
                left.len() == right.len()
                    && left.iter().all(|entry| other.get(&entry.key).is_some_and(|value| entry.value.same(value)))
            }
            _ => self.scalar().is_some() && self.scalar() == other.scalar(),
        }
    }
}
