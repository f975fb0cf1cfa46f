//! The query language of fleet indexing, version `2017-09-30` ("Query syntax" of the guide).
//!
//! - [`Query`]: what is asked, as a tree of terms. `parser`: from a text to it, or to an error that says where and what would do.
//! - `words`: the words that a query is made of. `printer`: back to a text that reads as the same query.
//! - [`plan`]: the same, ready to be compared with values.

mod parser;
pub mod plan;
mod printer;
mod words;

use crate::glob::Glob;
use drydock_core::{ApiError, ErrorCode};
use std::fmt;
use std::ops::Range;

/// The one version of the language.
pub const VERSION: &str = "2017-09-30";

/// What a query may be at most ("AWS IoT Core fleet indexing limits and quotas").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters.
    pub length: usize,
    /// Terms.
    pub terms: usize,
    /// Terms with a wildcard first.
    pub leading_wildcards: usize,
    /// Characters of a query that has a term with a wildcard first.
    pub length_with_leading_wildcard: usize,
    /// `*` in a term.
    pub stars: usize,
    /// `?` in a term.
    pub question_marks: usize,
}

impl Limits {
    /// Those of a search, and of a fleet metric.
    pub const SEARCH: Self = Self {
        length: 1000,
        terms: 12,
        leading_wildcards: 1,
        length_with_leading_wildcard: 100,
        stars: 2,
        question_marks: 5,
    };
    /// Those of a dynamic thing group.
    pub const GROUP: Self = Self { terms: 5, ..Self::SEARCH };
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// One term.
    Term(Term),
    /// All of these, two or more.
    And(Vec<Query>),
    /// One of these, two or more.
    Or(Vec<Query>),
    /// Not this.
    Not(Box<Query>),
}

/// A field, or none, and what its value is to be.
#[derive(Debug, Clone)]
pub struct Term {
    /// The field: its name may have wildcards. None looks in all of them.
    pub field: Option<Glob>,
    /// What one of its values has to be.
    pub test: Test,
    /// Which bytes of the query's text it is.
    pub at: Range<usize>,
}

impl PartialEq for Term {
    /// Where it stood does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field && self.test == other.test
    }
}

/// What a value has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is one (`*`).
    Exists,
    /// This word.
    Word(String),
    /// These words, in quotes.
    Phrase(String),
    /// A text that this fits.
    Pattern(Glob),
    /// Between these.
    Between {
        /// The least.
        low: Option<Bound>,
        /// The greatest.
        high: Option<Bound>,
    },
    /// A place within a distance of another (`geo_distance`).
    Near {
        /// Degrees.
        latitude: f64,
        /// Degrees.
        longitude: f64,
        /// How far.
        distance: f64,
        /// In which unit.
        unit: Unit,
    },
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// What it is compared with: a number where it reads as one.
    pub text: String,
    /// Whether it is in the range itself.
    pub inclusive: bool,
}

/// A unit of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `m`
    Metres,
    /// `km`
    Kilometres,
    /// `mi`
    Miles,
}

impl Unit {
    pub(crate) const ALL: [Self; 3] = [Self::Kilometres, Self::Miles, Self::Metres];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Metres => "m",
            Self::Kilometres => "km",
            Self::Miles => "mi",
        }
    }

    pub(crate) fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Kilometres => 1000.0,
            Self::Miles => 1609.344,
        }
    }
}

/// Why a text is not a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// At which character, the first being 1.
    pub at: usize,
    /// What stands there.
    pub near: String,
    /// What is wrong with it.
    pub why: String,
    /// What would do.
    pub help: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid query at character {}", self.at)?;
        if !self.near.is_empty() {
            write!(f, ", at `{}`", self.near)?;
        }
        write!(f, ": {}", self.why)?;
        if !self.help.is_empty() {
            write!(f, ". {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

/// Whether there is a version of the language: none given is the one that there is.
///
/// # Errors
/// `InvalidQueryException`.
pub fn check_version(version: Option<&str>) -> Result<(), ApiError> {
    match version.filter(|version| *version != VERSION) {
        None => Ok(()),
        Some(other) => {
            let why = format!("the query version `{other:.40}` does not exist: it is {VERSION}");
            Err(ApiError::new(ErrorCode::InvalidQueryException, why))
        }
    }
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// Where the text is not one, or is more than the limits allow.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, Invalid> {
        parser::parse(text, limits)
    }

    /// Its terms, in order.
    #[must_use]
    pub fn terms(&self) -> Vec<&Term> {
        match self {
            Self::Term(term) => vec![term],
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::terms).collect(),
            Self::Not(part) => part.terms(),
        }
    }

    /// The fields that it asks for by their whole names. A term without a field asks for what is there anyway, as long as things are
    /// indexed: their names are.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let literal = |term: &Term| term.field.as_ref()?.literal().map(str::to_owned);
        self.terms().into_iter().filter_map(literal).chain(["thingName".to_owned()]).collect()
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printer::print(self))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printer::term(self))
    }
}
