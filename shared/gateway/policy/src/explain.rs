//! A decision with everything that led to it: the statements considered, what of each did not fit, and the variables' values.

mod advice;
mod render;

use crate::action::Action;
use crate::compile::CompiledStatement;
use crate::condition::Condition;
use crate::document::Effect;
use crate::session::{Decision, SessionPolicies};
use crate::set::AppliedPolicy;
use crate::template::Template;
use crate::variables::{Lookup, Variable, Variables};
use serde::Serialize;
use std::collections::BTreeSet;

/// Why a request was decided as it was. [`Display`](std::fmt::Display) writes it for people, serde for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The action, for example `iot:Publish`.
    pub action: String,
    /// The ARN it was judged on.
    pub resource: String,
    /// The decision of the policies.
    pub decision: Decision,
    /// Why it is refused whatever the policies say, where it is: the topic breaks a rule of the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Every statement of every policy that applies, in order.
    pub statements: Vec<StatementReport>,
    /// The variables that statements about this action look at.
    pub variables: Vec<VariableReport>,
    /// What may be wrong and what to do about it.
    pub help: Vec<String>,
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementReport {
    /// The policy's name.
    pub policy: String,
    /// The policy's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Through what the policy applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attached_to: Vec<String>,
    /// The statement's index in the document, from 0.
    pub statement: usize,
    /// Its `Sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Whether it applies, or what did not fit.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether a statement applies, or what did not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// It applies.
    Applies {
        /// The resource that fits; none for a `NotResource`.
        #[serde(skip_serializing_if = "Option::is_none")]
        resource: Option<ResourceReport>,
    },
    /// It is about other actions.
    ActionDiffers {
        /// Whether these are the actions it is not about.
        except: bool,
        /// The actions as written.
        actions: Vec<String>,
    },
    /// It is about other resources.
    ResourceDiffers {
        /// Whether these are the resources it is not about.
        except: bool,
        /// The resources.
        resources: Vec<ResourceReport>,
    },
    /// Action and resource fit, but a condition does not hold.
    ConditionFails {
        /// The conditions that do not hold.
        conditions: Vec<ConditionReport>,
    },
}

/// A resource of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceReport {
    /// As the document has it.
    pub written: String,
    /// With the variables' values; none where one has no value, so that the resource matches nothing.
    pub resolved: Option<String>,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionReport {
    /// The operator.
    pub operator: String,
    /// The key.
    pub key: String,
    /// The values in the document.
    pub expected: Vec<String>,
    /// The key's values on this connection; none where it is absent.
    pub actual: Option<Vec<String>>,
}

/// A variable and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableReport {
    /// The variable's name.
    pub name: String,
    /// Its values; none where it is absent.
    pub values: Option<Vec<String>>,
    /// Why it is absent, or why it is not substituted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
}

impl Explanation {
    /// Whether it is allowed, by the policies and by the broker.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.decision.is_allowed() && self.refused.is_none()
    }
}

impl SessionPolicies {
    /// Why an action on a topic (or whatever the action is about) is decided as it is. Slow: not for every message.
    #[must_use]
    pub fn explain(&self, action: Action, name: &str) -> Explanation {
        self.explain_arn(action.names(), &action.resource(&self.context().scope, name))
    }

    /// The same for any action, given by all its names, and any resource.
    #[must_use]
    pub fn explain_arn<N: AsRef<str>>(&self, names: &[N], arn: &str) -> Explanation {
        let variables = self.variables(names);
        let mut statements = Vec::new();
        let mut used = BTreeSet::new();
        let mut substituted = BTreeSet::new();
        for policy in &self.set().policies {
            for (index, statement) in policy.document.statements.iter().enumerate() {
                if statement.actions.covers(names) {
                    substituted.extend(statement.resources.templates.iter().flat_map(Template::variables));
                    used.extend(statement.conditions.iter().flat_map(Condition::variables));
                }
                statements.push(report(policy, index, statement, outcome(statement, names, arn, &variables)));
            }
        }
        let applies =
            |effect| statements.iter().any(|s| s.effect == effect && matches!(s.outcome, Outcome::Applies { .. }));
        let decision = match (applies(Effect::Deny), applies(Effect::Allow)) {
            (true, _) => Decision::ExplicitDeny,
            (false, true) => Decision::Allowed,
            (false, false) => Decision::ImplicitDeny,
        };
        used.extend(&substituted);
        let variable = |v| variable_report(v, substituted.contains(v), &variables);
        let mut explanation = Explanation {
            action: names.first().map(|n| n.as_ref().to_owned()).unwrap_or_default(),
            resource: arn.to_owned(),
            decision,
            refused: None,
            statements,
            variables: used.into_iter().map(variable).collect(),
            help: Vec::new(),
        };
        explanation.help = advice::on(&explanation, self);
        explanation
    }
}

fn report(policy: &AppliedPolicy, index: usize, statement: &CompiledStatement, outcome: Outcome) -> StatementReport {
    StatementReport {
        policy: policy.name.clone(),
        version: policy.version.clone(),
        attached_to: policy.attached_to.clone(),
        statement: index,
        sid: statement.sid.clone(),
        effect: statement.effect,
        outcome,
    }
}

fn outcome<N: AsRef<str>>(statement: &CompiledStatement, names: &[N], arn: &str, variables: &Variables<'_>) -> Outcome {
    if !statement.actions.covers(names) {
        let (except, actions) = (statement.actions.except, statement.actions.written.clone());
        return Outcome::ActionDiffers { except, actions };
    }
    let resource = |template: &Template| ResourceReport {
        written: template.source().to_owned(),
        resolved: template.pattern(variables).ok().map(|p| p.to_string()),
    };
    if !statement.resources(variables).cover(arn) {
        let resources = statement.resources.templates.iter().map(resource).collect();
        return Outcome::ResourceDiffers { except: statement.resources.except, resources };
    }
    let failing: Vec<_> =
        statement.conditions.iter().filter(|c| !c.holds(variables)).map(|c| condition_report(c, variables)).collect();
    if !failing.is_empty() {
        return Outcome::ConditionFails { conditions: failing };
    }
    let fits = |template: &&Template| template.pattern(variables).is_ok_and(|p| p.matches(arn));
    let fitting = statement.resources.templates.iter().find(fits).map(resource);
    Outcome::Applies { resource: fitting }
}

fn condition_report(condition: &Condition, variables: &Variables<'_>) -> ConditionReport {
    ConditionReport {
        operator: condition.operator.to_string(),
        key: condition.key.to_string(),
        expected: condition.values.clone(),
        actual: values(variables.lookup(&condition.key)).ok(),
    }
}

fn variable_report(variable: &Variable, substituted: bool, variables: &Variables<'_>) -> VariableReport {
    let name = variable.to_string();
    match values(variables.lookup(variable)) {
        Ok(values) => {
            let why = variables.substitute(variable).err().filter(|_| substituted);
            VariableReport { name, values: Some(values), why }
        }
        Err(why) => VariableReport { name, values: None, why: Some(why) },
    }
}

fn values(lookup: Lookup<'_>) -> Result<Vec<String>, &'static str> {
    match lookup {
        Lookup::Absent(why) => Err(why),
        Lookup::One(value) => Ok(vec![value.into_owned()]),
        Lookup::Many(values) => Ok(values.into_iter().map(Into::into).collect()),
    }
}
