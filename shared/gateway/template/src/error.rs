//! What can be wrong with a template, where, and what to do about it.

use crate::source::{Place, Source, Span};
use miette::{Diagnostic, LabeledSpan, SourceCode};
use std::fmt;
use std::sync::Arc;

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot read the template: {0}")]
    Unreadable(String),
    /// The text is neither YAML nor JSON, or uses a part of YAML that templates do not have.
    #[error("{0}")]
    Syntax(String),
    /// A mapping names a key twice.
    #[error("`{0}` is given twice in one mapping")]
    Duplicate(String),
    /// A limit on size or depth is passed.
    #[error("{0}")]
    Limit(String),
    /// A part of the template is not shaped as CloudFormation wants it.
    #[error("{what} must be {expected}, not {found}")]
    Shape {
        /// The part.
        what: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Something that must be given is not.
    #[error("{of} needs `{name}`")]
    Missing {
        /// What needs it.
        of: String,
        /// The missing key.
        name: String,
    },
    /// A key that nobody knows.
    #[error("{of} has no `{name}`")]
    UnknownKey {
        /// What was to have it.
        of: String,
        /// The key.
        name: String,
    },
    /// A value outside what is allowed.
    #[error("{what} {why}")]
    Value {
        /// The value's name.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A feature of CloudFormation or SAM that this gateway does not have.
    #[error("{what} is not implemented here: {why}")]
    NotImplemented {
        /// The feature.
        what: String,
        /// Why it cannot be passed over.
        why: String,
    },
    /// A resource type that this gateway does not create.
    #[error("resource `{logical_id}` is of type `{type_}`, which is not implemented here")]
    UnknownType {
        /// The type.
        type_: String,
        /// The resource.
        logical_id: String,
    },
    /// A reference to something that does not exist.
    #[error("{function} names `{name}`, which {why}")]
    Reference {
        /// The intrinsic function that refers.
        function: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// An attribute that the type does not have, or that is not known before the resource exists.
    #[error("`{logical_id}` ({type_}) has no attribute `{attribute}` that is known here")]
    Attribute {
        /// The resource.
        logical_id: String,
        /// Its type.
        type_: String,
        /// The attribute.
        attribute: String,
    },
    /// An intrinsic function is used wrongly.
    #[error("`{function}` {why}")]
    Intrinsic {
        /// The function.
        function: String,
        /// What is wrong.
        why: String,
    },
    /// Resources, conditions or names that need each other.
    #[error("circular dependency: {0}")]
    Circular(String),
    /// A parameter that is missing, unknown or outside its constraints.
    #[error("parameter `{name}` {why}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl Problem {
    /// Whether it is something that this gateway does not have, rather than a mistake.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::NotImplemented { .. } | Self::UnknownType { .. })
    }
}

/// A problem on its way up, before it meets the text that it speaks of.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    pub(crate) span: Span,
    pub(crate) help: Option<String>,
}

pub(crate) type Fallible<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(crate) fn new(span: Span, problem: Problem) -> Box<Self> {
        Box::new(Self { problem, span, help: None })
    }

    pub(crate) fn with_help(span: Span, problem: Problem, help: impl Into<String>) -> Box<Self> {
        Box::new(Self { problem, span, help: Some(help.into()) })
    }

    pub(crate) fn syntax(span: Span, what: impl Into<String>) -> Box<Self> {
        Self::new(span, Problem::Syntax(what.into()))
    }

    pub(crate) fn intrinsic(span: Span, function: &str, why: impl Into<String>) -> Box<Self> {
        Self::new(span, Problem::Intrinsic { function: function.to_owned(), why: why.into() })
    }

    pub(crate) fn value(span: Span, what: impl Into<String>, why: impl Into<String>) -> Box<Self> {
        Self::new(span, Problem::Value { what: what.into(), why: why.into() })
    }

    pub(crate) fn not_implemented(span: Span, what: impl Into<String>, why: impl Into<String>) -> Box<Self> {
        Self::new(span, Problem::NotImplemented { what: what.into(), why: why.into() })
    }

    pub(crate) fn helped(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.help = Some(help.into());
        self
    }
}

/// One thing that is wrong with a template: what, where, and what to do.
///
/// `Display` gives `file:line:column: what`; [`help`](TemplateError::help) the advice. As a [`miette::Diagnostic`] it
/// shows the lines it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    problem: Problem,
    place: Place,
    span: Span,
    help: Option<String>,
    source: Arc<Source>,
}

impl TemplateError {
    pub(crate) fn new(fault: Fault, source: &Arc<Source>) -> Self {
        Self {
            place: source.place(fault.span),
            problem: fault.problem,
            span: fault.span,
            help: fault.help,
            source: Arc::clone(source),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Where it is wrong.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The bytes of the text it speaks of.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for TemplateError {}

impl Diagnostic for TemplateError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(Some("here".to_owned()), self.span.offset, self.span.length);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything that is wrong with a template, at least one thing, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateErrors {
    first: Box<TemplateError>,
    rest: Vec<TemplateError>,
}

impl TemplateErrors {
    pub(crate) fn one(fault: Fault, source: &Arc<Source>) -> Self {
        Self { first: Box::new(TemplateError::new(fault, source)), rest: Vec::new() }
    }

    /// All faults; `None` where there is none.
    pub(crate) fn of(faults: Vec<Fault>, source: &Arc<Source>) -> Option<Self> {
        let mut errors: Vec<_> = faults.into_iter().map(|fault| TemplateError::new(fault, source)).collect();
        errors.sort_by_key(|error| error.span.offset);
        errors.dedup();
        let mut errors = errors.into_iter();
        errors.next().map(|first| Self { first: Box::new(first), rest: errors.collect() })
    }

    /// The errors, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &TemplateError> {
        std::iter::once(self.first.as_ref()).chain(&self.rest)
    }
}

impl fmt::Display for TemplateErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
            if let Some(help) = error.help() {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for TemplateErrors {}

impl Diagnostic for TemplateErrors {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Diagnostic::help(self.first.as_ref())
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.first.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.first.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.rest.iter().map(|error| error as &dyn Diagnostic)))
    }
}

/// The candidate nearest to a misspelt name, where one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).min(4);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The candidate that a name is but for a slip of the pen or two.
pub(crate) fn misspelt<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates.into_iter().find(|candidate| name != *candidate && distance(name, candidate) <= 2)
}

/// Levenshtein's distance, letters compared without case. Names beyond 200 characters are never near.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 200 || right.len() > 200 {
        return usize::MAX;
    }
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.to_lowercase().chars().enumerate() {
        let mut next = vec![above + 1];
        for ((other, pair), left_of) in right.iter().zip(row.windows(2)).zip(0..) {
            let (diagonal, up): (usize, usize) = match pair {
                [diagonal, up] => (*diagonal, *up),
                _ => continue,
            };
            let before = next.get::<usize>(left_of).copied().unwrap_or(usize::MAX - 1);
            next.push((diagonal + usize::from(*other != letter)).min(up + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let names = ["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::IoT::TopicRule"];
        assert_eq!(nearest("AWS::SQS::Que", names), Some("AWS::SQS::Queue"));
        assert_eq!(nearest("AWS::Iot::TopicRule", names), Some("AWS::IoT::TopicRule"));
        assert_eq!(nearest("AWS::EC2::Instance", names), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
