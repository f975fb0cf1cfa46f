//! Policy documents as the checks read them: those of AWS IoT and those of IAM, which have the same grammar but for principals.
//!
//! They are read leniently: what grants nothing is passed over, and that a document is valid is another rulebook's matter.

use crate::glob::Glob;
use serde_json::Value;
use std::borrow::Cow;
use std::iter;

/// The condition key by which a connection is tied to the thing whose name is its client id.
const ATTACHED: &str = "iot:Connection.Thing.IsAttached";

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub(crate) statements: Vec<Statement>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) allows: bool,
    pub(crate) actions: Actions,
    pub(crate) resources: Resources,
    /// Whether a condition says that the certificate has to be attached to the thing of the connection.
    pub(crate) is_attached: bool,
    /// Whether it holds on some requests only.
    pub(crate) is_conditional: bool,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actions {
    pub(crate) except: bool,
    pub(crate) written: Vec<String>,
    patterns: Vec<Glob>,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) except: bool,
    pub(crate) written: Vec<String>,
    /// Whether `${…}` is a variable, as in documents of version 2012-10-17.
    has_variables: bool,
}

/// A document that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Document {
    /// Reads a document's text.
    ///
    /// # Errors
    /// Where it is not JSON, or not a policy.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Unreadable(format!("it is not JSON: {error}")))?;
        Self::read(&value)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not a policy.
    pub fn read(value: &Value) -> Result<Self, Unreadable> {
        let statements = value.get("Statement").ok_or_else(|| Unreadable("it has no `Statement`".to_owned()))?;
        let has_variables = value.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        let statements = match statements {
            Value::Array(statements) => statements.iter().map(|one| Statement::read(one, has_variables)).collect(),
            one => Statement::read(one, has_variables).map(|one| vec![one]),
        };
        Ok(Self { statements: statements? })
    }

    /// The statements that allow, with their places.
    pub(crate) fn allowing(&self) -> impl Iterator<Item = (usize, &Statement)> {
        self.statements.iter().enumerate().filter(|(_, statement)| statement.allows)
    }

    /// Whether something is denied wherever it is asked for: an action on all resources of a pattern.
    pub(crate) fn denies(&self, action: &Glob, resource: &Glob) -> bool {
        self.statements.iter().any(|statement| {
            !statement.allows
                && !statement.is_conditional
                && statement.actions.cover(action)
                && statement.resources.cover(resource)
        })
    }
}

impl Statement {
    fn read(value: &Value, has_variables: bool) -> Result<Self, Unreadable> {
        let unreadable = |why: &str| Unreadable(why.to_owned());
        let allows = match value.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(unreadable("the `Effect` of a statement is neither Allow nor Deny")),
        };
        let either = |name: &str, not: &str| match (value.get(name), value.get(not)) {
            (Some(values), None) => Some((false, texts(values))),
            (None, Some(values)) => Some((true, texts(values))),
            _ => None,
        };
        let (except, written) =
            either("Action", "NotAction").ok_or_else(|| unreadable("a statement has no `Action`, or two"))?;
        let patterns = written.iter().map(|action| Glob::action(action)).collect();
        let actions = Actions { except, written, patterns };
        let (except, written) =
            either("Resource", "NotResource").ok_or_else(|| unreadable("a statement has no `Resource`, or two"))?;
        let resources = Resources { except, written, has_variables };
        let condition = value.get("Condition");
        let is_conditional = condition.and_then(Value::as_object).is_some_and(|operators| !operators.is_empty());
        Ok(Self { allows, actions, resources, is_attached: condition.is_some_and(is_attached), is_conditional })
    }
}

/// Whether a condition holds for connections of attached things alone.
fn is_attached(condition: &Value) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    let bools = operators.filter(|(operator, _)| operator.eq_ignore_ascii_case("Bool")).map(|(_, keys)| keys);
    bools.filter_map(Value::as_object).flatten().any(|(key, values)| {
        let values = texts(values);
        key.eq_ignore_ascii_case(ATTACHED)
            && !values.is_empty()
            && values.iter().all(|value| value.eq_ignore_ascii_case("true"))
    })
}

/// How the ARNs of AWS IoT begin that patterns are compared in: what is asked is what a policy allows where it applies, in one account
/// and region, however these are written.
pub(crate) const HERE: &str = "arn:aws:iot:r:a:";

/// A resource with [`HERE`] in the place of its own beginning, where that is one of AWS IoT's.
pub(crate) fn of_one_account(resource: &str) -> Cow<'_, str> {
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    match fields.as_slice() {
        ["arn", _, service, _, _, rest] if Glob::plain(service).overlaps(&Glob::plain("iot")) => {
            Cow::Owned(format!("{HERE}{rest}"))
        }
        _ => Cow::Borrowed(resource),
    }
}

/// A text or a list of texts; of what is neither text nor boolean, nothing.
fn texts(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

impl Actions {
    /// Whether it is about an action, or about some of those of a pattern.
    pub(crate) fn overlap(&self, action: &Glob) -> bool {
        match self.except {
            false => self.patterns.iter().any(|pattern| pattern.overlaps(action)),
            true => !self.patterns.iter().any(|pattern| pattern.covers(action)),
        }
    }

    /// Whether it is about an action, or about all of those of a pattern.
    fn cover(&self, action: &Glob) -> bool {
        match self.except {
            false => self.patterns.iter().any(|pattern| pattern.covers(action)),
            true => !self.patterns.iter().any(|pattern| pattern.overlaps(action)),
        }
    }

    /// The patterns with how they are written.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (&str, &Glob)> {
        iter::zip(self.written.iter().map(String::as_str), &self.patterns)
    }
}

impl Resources {
    /// The patterns as they are written, with the variables in `wild` as good as `*`.
    pub(crate) fn patterns<'r>(&'r self, wild: &'r [&'r str]) -> impl Iterator<Item = (&'r str, Glob)> {
        self.written.iter().map(move |text| {
            let here = of_one_account(text);
            let glob = if self.has_variables { Glob::with_variables(&here, wild) } else { Glob::plain(&here) };
            (text.as_str(), glob)
        })
    }

    /// Which pattern is about some resources of another one: as it is written.
    pub(crate) fn overlapping(&self, resource: &Glob, wild: &[&str]) -> Option<String> {
        match self.except {
            false => {
                let found = self.patterns(wild).find(|(_, pattern)| pattern.overlaps(resource));
                found.map(|(text, _)| text.to_owned())
            }
            true => {
                let excepted = self.patterns(&[]).any(|(_, pattern)| pattern.covers(resource));
                (!excepted).then(|| format!("all but {}", self.written.join(", ")))
            }
        }
    }

    /// Whether it is about all resources of a pattern.
    fn cover(&self, resource: &Glob) -> bool {
        match self.except {
            false => self.patterns(&[]).any(|(_, pattern)| pattern.covers(resource)),
            true => !self.patterns(&[]).any(|(_, pattern)| pattern.overlaps(resource)),
        }
    }
}
