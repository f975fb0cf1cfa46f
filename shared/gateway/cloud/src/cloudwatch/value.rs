//! What operations are given and what they answer, whichever protocol brought it: JSON in, a tree that knows its times out.

use super::fault::Fault;
use drydock_core::Timestamp;
use serde_json::{Map, Value};

/// The parameters of an operation, or of a part of one. Of the query protocol all scalars are texts, so that a text that reads as
/// a number or a truth value is taken for one.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    map: &'a Map<String, Value>,
}

impl<'a> Given<'a> {
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map }
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// That nothing is given that the operation does not have.
    pub(super) fn only(self, known: &[&str]) -> Result<(), Fault> {
        match self.map.iter().find(|(name, value)| !value.is_null() && !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Fault::validation(format!("{name:.100} is not a parameter of this operation"))),
            None => Ok(()),
        }
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::validation(format!("The parameter {name} must be a string."))),
        }
    }

    /// A text of a length in characters.
    pub(super) fn bounded(self, name: &str, least: usize, most: usize) -> Result<Option<&'a str>, Fault> {
        let text = self.text(name)?;
        if let Some(length) = text.map(|text| text.chars().count()).filter(|length| !(least..=most).contains(length)) {
            return Err(Fault::value(format!(
                "The value for parameter {name} must have {least} to {most} characters, and has {length}."
            )));
        }
        Ok(text)
    }

    pub(super) fn required(self, name: &str, most: usize) -> Result<&'a str, Fault> {
        self.bounded(name, 1, most)?.ok_or_else(|| Fault::missing(name))
    }

    pub(super) fn number(self, name: &str) -> Result<Option<f64>, Fault> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(value) => number(value),
        };
        number.map(Some).ok_or_else(|| Fault::validation(format!("The parameter {name} must be a number.")))
    }

    pub(super) fn integer(self, name: &str) -> Result<Option<i64>, Fault> {
        match self.number(name)? {
            None => Ok(None),
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
            Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(Some(number as i64)),
            Some(_) => Err(Fault::validation(format!("The parameter {name} must be an integer."))),
        }
    }

    pub(super) fn truth(self, name: &str) -> Result<Option<bool>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(_) => Err(Fault::validation(format!("The parameter {name} must be true or false."))),
        }
    }

    /// A time: seconds since 1970, or a text as ISO 8601 has it.
    pub(super) fn time(self, name: &str) -> Result<Option<Timestamp>, Fault> {
        let wrong = || Fault::validation(format!("The parameter {name} must be a time, such as 2026-03-01T08:00:00Z."));
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if number(&Value::String(text.clone())).is_none() => {
                let zoned = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}Z").parse());
                zoned.map(|at| Some(Timestamp(at.as_millisecond()))).map_err(|_| wrong())
            }
            Some(value) => {
                let seconds = number(value).filter(|seconds| seconds.abs() < 1e12).ok_or_else(wrong)?;
                #[expect(clippy::cast_possible_truncation, reason = "it is within 2^53")]
                Ok(Some(Timestamp((seconds * 1000.0).round() as i64)))
            }
        }
    }

    pub(super) fn list(self, name: &str, most: usize) -> Result<Vec<&'a Value>, Fault> {
        let list = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(Fault::validation(format!("The parameter {name} must be a list."))),
        };
        if list.len() > most {
            return Err(Fault::value(format!(
                "The collection {name} must not have a size greater than {most}, and has {}.",
                list.len()
            )));
        }
        Ok(list.iter().collect())
    }

    pub(super) fn texts(self, name: &str, most: usize) -> Result<Vec<&'a str>, Fault> {
        let text = |value: &'a Value| {
            value.as_str().ok_or_else(|| Fault::validation(format!("The parameter {name} must be a list of strings.")))
        };
        self.list(name, most)?.into_iter().map(text).collect()
    }

    pub(super) fn numbers(self, name: &str, most: usize) -> Result<Vec<f64>, Fault> {
        let wrong = || Fault::validation(format!("The parameter {name} must be a list of numbers."));
        self.list(name, most)?.into_iter().map(|value| number(value).ok_or_else(wrong)).collect()
    }

    pub(super) fn structures(self, name: &str, most: usize) -> Result<Vec<Self>, Fault> {
        let structure = |value: &'a Value| {
            let map = value.as_object();
            let wrong = || Fault::validation(format!("The parameter {name} must be a list of structures."));
            map.map(|map| Self { map }).ok_or_else(wrong)
        };
        self.list(name, most)?.into_iter().map(structure).collect()
    }

    pub(super) fn structure(self, name: &str) -> Result<Option<Self>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { map })),
            Some(_) => Err(Fault::validation(format!("The parameter {name} must be a structure."))),
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// What an operation answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Out {
    Text(String),
    Number(f64),
    Integer(i64),
    Truth(bool),
    Time(Timestamp),
    List(Vec<Out>),
    Map(Vec<(&'static str, Out)>),
    /// A map whose keys are what was asked for.
    Entries(Vec<(String, Out)>),
}

impl Out {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// An integer that counts something.
    pub(super) fn count(count: impl TryInto<i64>) -> Self {
        Self::Integer(count.try_into().unwrap_or(i64::MAX))
    }
}

/// A structure with the members that are there.
pub(super) fn structure(members: impl IntoIterator<Item = (&'static str, Option<Out>)>) -> Out {
    Out::Map(members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}
