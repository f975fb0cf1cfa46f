//! The language ("AWS IoT SQL reference" in the guide): text to syntax tree and back.
//!
//! - [`lexer`]: characters to tokens.
//! - [`parser`]: tokens to the tree of [`ast`]; never panics, whatever the text, and nests only so deep.
//! - [`print`]: the tree to text; what is printed parses to the same tree.
//! - [`error`]: what is wrong, where, and what to do.
//! - [`template`]: substitution templates, texts with `${expression}` in them.

pub mod ast;
pub mod error;
pub mod lexer;
pub mod parser;
mod print;
pub mod template;

pub use error::{Span, SqlError};
pub use parser::{parse, parse_expression, parse_leniently};

use smol_str::SmolStr;
use std::fmt;

/// A version of the SQL ("SQL versions" in the guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SqlVersion {
    /// `2015-10-08`: what a rule has that names none.
    #[default]
    V2015,
    /// `2016-03-23`.
    V2016,
    /// `beta`: behaves as `2016-03-23`.
    Beta,
}

impl SqlVersion {
    /// The version as a rule's payload names it; `None` where there is no such version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "2015-10-08" => Some(Self::V2015),
            "2016-03-23" => Some(Self::V2016),
            "beta" => Some(Self::Beta),
            _ => None,
        }
    }

    /// The name of the version.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2015 => "2015-10-08",
            Self::V2016 => "2016-03-23",
            Self::Beta => "beta",
        }
    }

    /// Whether whole decimals become `Int`, literals of objects and arrays exist, and queries nest.
    #[must_use]
    pub fn is_2016(self) -> bool {
        self >= Self::V2016
    }
}

impl fmt::Display for SqlVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name among `known` that a misspelt one most likely means.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<SmolStr> {
    let name = name.to_ascii_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.into())
}
