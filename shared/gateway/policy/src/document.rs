//! The text of a policy, taken apart and checked against the grammar.
//!
//! The grammar is IAM's ("Grammar of the IAM JSON policy language") without principals: `Version`, `Id` and `Statement`; in a
//! statement `Sid`, `Effect`, `Action` or `NotAction`, `Resource` or `NotResource`, and `Condition`.

mod grammar;
mod json;

use crate::error::PolicyError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most characters in a document, white space not counted (quota "Policy document size").
pub const MAX_CHARACTERS: usize = 2048;

/// A policy document as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The version of the policy language.
    pub version: LanguageVersion,
    /// The statements in their order.
    pub statements: Vec<Statement>,
}

/// The version of the policy language; with the older one, `${…}` is plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LanguageVersion {
    /// `2008-10-17`, which is also what a document without `Version` has.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The actions it is about.
    pub actions: Selection,
    /// The resources it is about.
    pub resources: Selection,
    /// What has to hold besides, all of it.
    pub conditions: Vec<ConditionText>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the two words of the language")]
pub enum Effect {
    Allow,
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        })
    }
}

/// What a statement is about: `Action` or `Resource`, or all but what `NotAction` or `NotResource` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Whether it is the `Not…` form.
    pub except: bool,
    /// The patterns, with wildcards and variables.
    pub patterns: Vec<String>,
}

/// One operator and key of a `Condition` with the values to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionText {
    /// For example `ForAnyValue:StringEquals`.
    pub operator: String,
    /// For example `iot:ConnectAttributes`.
    pub key: String,
    /// Strings; numbers and booleans as JSON writes them.
    pub values: Vec<String>,
    /// Where it stands, for example `Statement[0].Condition.Bool.aws:SourceIp`.
    pub path: String,
}

impl Document {
    /// Takes a policy's text apart.
    ///
    /// # Errors
    /// [`PolicyError`] where the text is not JSON, no policy, or longer than [`MAX_CHARACTERS`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let length = text.chars().filter(|c| !c.is_whitespace()).count();
        if length > MAX_CHARACTERS {
            return Err(PolicyError::TooLong { length, max: MAX_CHARACTERS });
        }
        grammar::document(json::parse(text)?)
    }
}
