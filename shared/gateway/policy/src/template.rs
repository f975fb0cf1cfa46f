//! Patterns with policy variables in them, as resources and condition values are written.
//!
//! `${name}` stands for a variable's value, and `${*}`, `${?}`, `${$}` for the characters themselves, in documents of version
//! 2012-10-17 ("IAM policy elements: Variables and tags"). A value is always literal text: a `*` in it is not a wildcard.

use crate::document::LanguageVersion;
use crate::pattern::{Builder, Pattern};
use crate::variables::{Variable, Variables};
use std::borrow::Cow;

/// A text with wildcards and variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: Box<str>,
    parts: Box<[Part]>,
    /// The pattern that it is on every connection, where there is no variable in it.
    fixed: Option<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Text in which `*` and `?` are wildcards.
    Wild(Box<str>),
    /// Text that stands for itself.
    Literal(Box<str>),
    Variable(Variable),
}

/// A template's variable that has no value to substitute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unresolved<'t> {
    /// Which.
    pub variable: &'t Variable,
    /// Why not.
    pub why: &'static str,
}

impl Template {
    /// A template from a document's text.
    #[must_use]
    pub fn parse(text: &str, version: LanguageVersion) -> Self {
        let parts = match version {
            LanguageVersion::V2008 => Box::from([Part::Wild(text.into())]),
            LanguageVersion::V2012 => split(text).into(),
        };
        let fixed = fixed(&parts);
        Self { source: text.into(), parts, fixed }
    }

    /// The text as the document has it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether there is no variable in the template.
    pub(crate) fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// The variables in the template.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            _ => None,
        })
    }

    /// The pattern that the template is with these values.
    ///
    /// # Errors
    /// [`Unresolved`] with the first variable that has no value.
    pub fn pattern(&self, values: &Variables<'_>) -> Result<Cow<'_, Pattern>, Unresolved<'_>> {
        if let Some(pattern) = &self.fixed {
            return Ok(Cow::Borrowed(pattern));
        }
        let mut builder = Builder::default();
        for part in &self.parts {
            match part {
                Part::Wild(text) => builder.wild(text),
                Part::Literal(text) => builder.literal(text),
                Part::Variable(variable) => {
                    builder.literal(&values.substitute(variable).map_err(|why| Unresolved { variable, why })?)
                }
            }
        }
        Ok(Cow::Owned(builder.finish()))
    }

    /// The text that the template is with these values, where `*` and `?` stand for themselves.
    ///
    /// # Errors
    /// [`Unresolved`] with the first variable that has no value.
    pub fn text(&self, values: &Variables<'_>) -> Result<String, Unresolved<'_>> {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            match part {
                Part::Wild(piece) | Part::Literal(piece) => text.push_str(piece),
                Part::Variable(variable) => {
                    text.push_str(&values.substitute(variable).map_err(|why| Unresolved { variable, why })?);
                }
            }
        }
        Ok(text)
    }
}

fn fixed(parts: &[Part]) -> Option<Pattern> {
    let mut builder = Builder::default();
    for part in parts {
        match part {
            Part::Wild(text) => builder.wild(text),
            Part::Literal(text) => builder.literal(text),
            Part::Variable(_) => return None,
        }
    }
    Some(builder.finish())
}

fn split(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, next)) = after.split_once('}') else { break };
        if !before.is_empty() {
            parts.push(Part::Wild(before.into()));
        }
        parts.push(match name {
            "*" | "?" | "$" => Part::Literal(name.into()),
            name => Part::Variable(Variable::parse(name)),
        });
        rest = next;
    }
    if !rest.is_empty() {
        parts.push(Part::Wild(rest.into()));
    }
    parts
}
