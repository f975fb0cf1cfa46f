//! What is indexed of a thing or a group: its fields by name, and the values of each.
//!
//! Objects of JSON come apart into fields with a dot between their names; of an array each simple value is one of the field's
//! values, and an array with an object or an array in it is not indexed; null is not, either ("Indexing shadows" of the guide).

use crate::place::Place;
use crate::value::{Number, Text, Value};
use serde_json::Value as Json;
use smol_str::SmolStr;

/// A thing, or a group, as it is indexed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Sorted, each once.
    fields: Vec<(SmolStr, Value)>,
}

impl Document {
    /// Of fields with their values.
    #[must_use]
    pub fn new(fields: impl IntoIterator<Item = (SmolStr, Value)>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_unstable();
        fields.dedup();
        Self { fields }
    }

    /// Those of its values that are to stay.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str, &Value) -> bool) -> Self {
        Self { fields: self.fields.iter().filter(|(name, value)| keep(name, value)).cloned().collect() }
    }

    /// The values of a field.
    pub fn values<'a>(&'a self, field: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let begin = self.fields.partition_point(|(name, _)| name.as_str() < field);
        let rest = self.fields.get(begin..).unwrap_or_default().iter();
        rest.take_while(move |(name, _)| name == field).map(|(name, value)| (name.as_str(), value))
    }

    /// Every field with each of its values.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Collects fields.
#[derive(Debug, Default)]
pub(crate) struct Collector(Vec<(SmolStr, Value)>);

impl Collector {
    pub(crate) fn finish(self) -> Document {
        Document::new(self.0)
    }

    pub(crate) fn text(&mut self, field: impl Into<SmolStr>, text: &str) {
        self.0.push((field.into(), Value::Text(Text::new(text))));
    }

    pub(crate) fn number(&mut self, field: impl Into<SmolStr>, number: f64) {
        self.0.extend(Number::new(number).map(|number| (field.into(), Value::Number(number))));
    }

    pub(crate) fn bool(&mut self, field: impl Into<SmolStr>, bool: bool) {
        self.0.push((field.into(), Value::Bool(bool)));
    }

    pub(crate) fn place(&mut self, field: &str, place: Place) {
        self.0.push((field.into(), Value::Place(place)));
    }

    /// An attribute of the registry: a text, and a number as well where it reads as one.
    pub(crate) fn attribute(&mut self, field: &str, text: &str) {
        self.0.extend(Number::read(text).map(|number| (field.into(), Value::Number(number))));
        self.text(field, text);
    }

    /// What JSON says, under a name.
    pub(crate) fn json(&mut self, field: &mut String, value: &Json) {
        match value {
            Json::Null => (),
            Json::Bool(bool) => self.bool(field.as_str(), *bool),
            Json::Number(number) => self.number(field.as_str(), number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => self.text(field.as_str(), text),
            Json::Array(items) => {
                if !items.iter().any(|item| item.is_array() || item.is_object()) {
                    items.iter().for_each(|item| self.json(field, item));
                }
            }
            Json::Object(members) => {
                let length = field.len();
                for (name, value) in members {
                    field.push('.');
                    field.push_str(name);
                    self.json(field, value);
                    field.truncate(length);
                }
            }
        }
    }
}
