//! A document with its actions, resources and conditions ready to be compared.

use crate::action::Action;
use crate::condition::Condition;
use crate::document::{Document, Effect, LanguageVersion, Selection};
use crate::error::PolicyError;
use crate::pattern::Pattern;
use crate::template::Template;
use crate::variables::Variables;
use std::borrow::Cow;

/// A compiled document.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledDocument {
    /// The version of the policy language.
    pub version: LanguageVersion,
    /// The statements in their order.
    pub statements: Vec<CompiledStatement>,
}

/// A compiled statement.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledStatement {
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The actions it is about.
    pub actions: ActionSelection,
    /// The resources it is about.
    pub resources: ResourceSelection,
    /// What has to hold besides.
    pub conditions: Vec<Condition>,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSelection {
    /// Whether it is `NotAction`.
    pub except: bool,
    /// The patterns as the document has them.
    pub written: Vec<String>,
    /// The patterns in lower case: names of actions are compared without regard to case.
    patterns: Vec<Pattern>,
    /// A bit for each of the data plane's actions that the statement is about.
    known: u32,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSelection {
    /// Whether it is `NotResource`.
    pub except: bool,
    /// The patterns.
    pub templates: Vec<Template>,
}

impl CompiledDocument {
    /// Parses and compiles a document's text.
    ///
    /// # Errors
    /// [`PolicyError`] where the text is not a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::compile(&Document::parse(text)?)
    }

    /// Compiles a document.
    ///
    /// # Errors
    /// [`PolicyError::Grammar`] where a condition's operator is unknown or its value is not of the operator's type.
    pub fn compile(document: &Document) -> Result<Self, PolicyError> {
        let version = document.version;
        let statement = |s: &crate::document::Statement| {
            Ok(CompiledStatement {
                sid: s.sid.clone(),
                effect: s.effect,
                actions: ActionSelection::compile(&s.actions),
                resources: ResourceSelection {
                    except: s.resources.except,
                    templates: s.resources.patterns.iter().map(|r| Template::parse(r, version)).collect(),
                },
                conditions: s.conditions.iter().map(|c| Condition::compile(c, version)).collect::<Result<_, _>>()?,
            })
        };
        Ok(Self { version, statements: document.statements.iter().map(statement).collect::<Result<_, PolicyError>>()? })
    }
}

impl ActionSelection {
    fn compile(selection: &Selection) -> Self {
        let mut actions = Self {
            except: selection.except,
            written: selection.patterns.clone(),
            patterns: selection.patterns.iter().map(|p| Pattern::parse(&p.to_ascii_lowercase())).collect(),
            known: 0,
        };
        let known = Action::ALL.iter().filter(|action| actions.covers(action.names())).map(|action| bit(*action));
        actions.known = known.fold(0, std::ops::BitOr::bitor);
        actions
    }

    /// Whether the statement is about an action of the data plane.
    #[must_use]
    pub fn covers_action(&self, action: Action) -> bool {
        self.known & bit(action) != 0
    }

    /// Whether the statement is about an action that goes by these names.
    #[must_use]
    pub fn covers<N: AsRef<str>>(&self, names: &[N]) -> bool {
        let named = names.iter().any(|name| {
            let name = name.as_ref().to_ascii_lowercase();
            self.patterns.iter().any(|p| p.matches(&name))
        });
        named != self.except
    }
}

fn bit(action: Action) -> u32 {
    1 << action as u32
}

/// A statement's resources with the values of a connection in them.
pub(crate) struct Resources<'t> {
    /// Whether these are the resources that the statement is not about.
    pub(crate) except: bool,
    /// The patterns whose variables have values.
    pub(crate) patterns: Vec<Cow<'t, Pattern>>,
    /// Whether the statement can be judged at all. An `Allow` for all resources except one that cannot be told would allow
    /// that one too, so it allows nothing.
    pub(crate) usable: bool,
}

impl CompiledStatement {
    /// The statement's resources on a connection.
    pub(crate) fn resources(&self, variables: &Variables<'_>) -> Resources<'_> {
        let ResourceSelection { except, templates } = &self.resources;
        let patterns: Vec<_> = templates.iter().filter_map(|t| t.pattern(variables).ok()).collect();
        let complete = patterns.len() == templates.len();
        Resources { except: *except, usable: complete || !except || self.effect == Effect::Deny, patterns }
    }

    /// Whether neither a condition nor a variable makes it differ from connection to connection.
    pub(crate) fn is_the_same_everywhere(&self) -> bool {
        self.conditions.is_empty() && self.resources.templates.iter().all(Template::is_fixed)
    }

    /// Whether all of the statement's conditions hold.
    pub(crate) fn conditions_hold(&self, variables: &Variables<'_>) -> bool {
        self.conditions.iter().all(|c| c.holds(variables))
    }
}

impl Resources<'_> {
    /// Whether the statement is about a resource.
    pub(crate) fn cover(&self, arn: &str) -> bool {
        self.usable && self.patterns.iter().any(|p| p.matches(arn)) != self.except
    }
}
