//! A query that is ready to be compared with values.

use super::{Bound, Query, Term, Test};
use crate::document::Document;
use crate::fields;
use crate::glob::Glob;
use crate::place::Place;
use crate::value::{Number, Text, Value, folded};
use smol_str::SmolStr;
use std::ops::Range;

/// A query, prepared.
#[derive(Debug, Clone)]
pub enum Plan {
    /// One term.
    Leaf(Leaf),
    /// All of these.
    And(Vec<Plan>),
    /// One of these.
    Or(Vec<Plan>),
    /// Not this.
    Not(Box<Plan>),
}

/// A term, prepared.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Which fields it looks into.
    pub(crate) field: Fields,
    /// What one of their values has to be.
    pub(crate) test: Predicate,
    at: Range<usize>,
}

/// Which fields.
#[derive(Debug, Clone)]
pub(crate) enum Fields {
    /// All that a term without a field looks into.
    All,
    /// One.
    One(SmolStr),
    /// Those whose names this fits.
    Like(Glob),
}

/// What a value has to be.
#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    Any,
    Exactly {
        folded: SmolStr,
        number: Option<Number>,
        bool: Option<bool>,
    },
    Pattern(Glob),
    Numbers {
        low: Option<(Number, bool)>,
        high: Option<(Number, bool)>,
    },
    Texts {
        low: Option<(SmolStr, bool)>,
        high: Option<(SmolStr, bool)>,
    },
    /// A range without bounds.
    Ordered,
    Near {
        place: Option<Place>,
        metres: f64,
    },
}

impl Plan {
    /// Prepares a query.
    #[must_use]
    pub fn new(query: &Query) -> Self {
        let all = |parts: &[Query]| parts.iter().map(Self::new).collect();
        match query {
            Query::Term(term) => Self::Leaf(Leaf::new(term)),
            Query::And(parts) => Self::And(all(parts)),
            Query::Or(parts) => Self::Or(all(parts)),
            Query::Not(part) => Self::Not(Box::new(Self::new(part))),
        }
    }

    /// Whether a document is one that is asked for: each of its values is looked at.
    #[must_use]
    pub fn fits(&self, document: &Document) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.fits(document),
            Self::And(parts) => parts.iter().all(|part| part.fits(document)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(document)),
            Self::Not(part) => !part.fits(document),
        }
    }
}

impl Leaf {
    fn new(term: &Term) -> Self {
        let field = match &term.field {
            None => Fields::All,
            Some(glob) => match glob.literal() {
                Some(name) => Fields::One(name.into()),
                None => Fields::Like(glob.clone()),
            },
        };
        Self { field, test: Predicate::new(&term.test), at: term.at.clone() }
    }

    /// Which bytes of the query's text it is.
    #[must_use]
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// Whether it is `*`, which everything is.
    pub(crate) fn is_everything(&self) -> bool {
        matches!((&self.field, &self.test), (Fields::All, Predicate::Any))
    }

    /// Whether a document has a value in these fields that is as it has to be.
    #[must_use]
    pub fn fits(&self, document: &Document) -> bool {
        match &self.field {
            Fields::One(name) => document.values(name).any(|(_, value)| self.test.is(value)),
            fields => {
                self.is_everything() || document.fields().any(|(name, value)| fields.has(name) && self.test.is(value))
            }
        }
    }

    /// The values that it looks at in a document.
    pub fn looked_at<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = (&'a str, &'a Value)> {
        document.fields().filter(|(name, _)| self.field.has(name))
    }
}

impl Fields {
    /// Whether a field of this name is looked into.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => fields::is_looked_into(name),
            Self::One(wanted) => wanted == name,
            Self::Like(glob) => !fields::is_version(name) && glob.fits(name),
        }
    }
}

impl Predicate {
    fn new(test: &Test) -> Self {
        match test {
            Test::Exists => Self::Any,
            Test::Word(text) | Test::Phrase(text) => {
                let folded = folded(text);
                let bool = match folded.as_str() {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => None,
                };
                Self::Exactly { number: Number::read(&folded), bool, folded }
            }
            Test::Pattern(glob) => Self::Pattern(glob.folded()),
            Test::Between { low, high } => between(low.as_ref(), high.as_ref()),
            Test::Near { latitude, longitude, distance, unit } => {
                Self::Near { place: Place::new(*latitude, *longitude), metres: distance * unit.metres() }
            }
        }
    }

    /// Whether a value is as it has to be.
    pub(crate) fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _) | (Self::Ordered, Value::Number(_) | Value::Text(_)) => true,
            (Self::Exactly { number, .. }, Value::Number(value)) => number.as_ref() == Some(value),
            (Self::Exactly { bool, .. }, Value::Bool(value)) => *bool == Some(*value),
            (Self::Exactly { folded, .. }, Value::Text(text)) => text.folded() == folded,
            (Self::Pattern(glob), Value::Text(text)) => glob.fits(text.folded()),
            (Self::Numbers { low, high }, Value::Number(value)) => {
                low.as_ref().is_none_or(|(low, inclusive)| value > low || *inclusive && value == low)
                    && high.as_ref().is_none_or(|(high, inclusive)| value < high || *inclusive && value == high)
            }
            (Self::Texts { low, high }, Value::Text(text)) => is_text_between(text, low.as_ref(), high.as_ref()),
            (Self::Near { place, metres }, Value::Place(value)) => {
                place.is_some_and(|place| place.metres_to(*value) <= *metres)
            }
            _ => false,
        }
    }
}

fn is_text_between(text: &Text, low: Option<&(SmolStr, bool)>, high: Option<&(SmolStr, bool)>) -> bool {
    let text = text.folded();
    low.is_none_or(|(low, inclusive)| text > low.as_str() || *inclusive && text == low)
        && high.is_none_or(|(high, inclusive)| text < high.as_str() || *inclusive && text == high)
}

/// A range of numbers where its bounds are numbers, else one of texts.
fn between(low: Option<&Bound>, high: Option<&Bound>) -> Predicate {
    if low.is_none() && high.is_none() {
        return Predicate::Ordered;
    }
    let number = |bound: Option<&Bound>| match bound {
        None => Some(None),
        Some(bound) => Number::read(&bound.text).map(|number| Some((number, bound.inclusive))),
    };
    if let (Some(low), Some(high)) = (number(low), number(high)) {
        return Predicate::Numbers { low, high };
    }
    let text = |bound: Option<&Bound>| bound.map(|bound| (folded(&bound.text), bound.inclusive));
    Predicate::Texts { low: text(low), high: text(high) }
}
