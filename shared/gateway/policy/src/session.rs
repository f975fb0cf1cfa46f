//! The policies of one connection: variables substituted, conditions decided, resources cut down to what follows
//! `…:topic/` and `…:topicfilter/`. What the broker asks for each message costs a few text comparisons.

use crate::action::{Action, ResourceKind, prefix};
use crate::compile::{CompiledStatement, Resources};
use crate::document::Effect;
use crate::pattern::Tail;
use crate::set::PolicySet;
use crate::variables::{Context, Variables};
use drydock_core::Timestamp;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// What the policies say to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement is about it.
    ImplicitDeny,
}

impl Decision {
    /// Whether the request may go ahead.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

impl fmt::Display for Decision {
    /// AWS's spelling, as `TestAuthorization` answers: `IMPLICIT_DENY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "ALLOWED",
            Self::ExplicitDeny => "EXPLICIT_DENY",
            Self::ImplicitDeny => "IMPLICIT_DENY",
        })
    }
}

/// The policies of one connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SessionPolicies {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    set: Arc<PolicySet>,
    context: Arc<Context>,
    tables: Arc<Tables>,
}

/// What is asked for each message.
#[derive(Debug)]
struct Tables {
    publish: Table,
    retain: Table,
    subscribe: Table,
    receive: Table,
    decide_again_at: Option<Timestamp>,
    /// Whether they are the same on every connection: no statement in them has a condition or a variable.
    common: bool,
}

/// The statements that are about one action and whose conditions hold.
#[derive(Debug, Default)]
struct Table {
    deny: Vec<Arc<Rule>>,
    allow: Vec<Arc<Rule>>,
}

/// A statement's resources of one kind, for the part of the ARN that differs from request to request.
#[derive(Debug)]
struct Rule {
    except: bool,
    tails: Box<[Tail]>,
}

impl SessionPolicies {
    /// The policies of a set for one connection.
    #[must_use]
    pub fn new(set: Arc<PolicySet>, context: Arc<Context>) -> Self {
        let tables = Arc::new(Tables::new(&set, &context));
        Self { inner: Arc::new(Inner { set, context, tables }) }
    }

    /// The same policies for another connection; what does not depend on the connection is shared.
    #[must_use]
    pub fn for_another(&self, context: Arc<Context>) -> Self {
        let Inner { set, context: known, tables } = &*self.inner;
        if !tables.common || known.scope != context.scope {
            return Self::new(Arc::clone(set), context);
        }
        Self { inner: Arc::new(Inner { set: Arc::clone(set), context, tables: Arc::clone(tables) }) }
    }

    /// Whether an action on a topic (or topic filter, client id, thing, role alias: whatever the action is about) is allowed.
    ///
    /// For `Publish`, `RetainPublish`, `Subscribe` and `Receive` this neither parses nor allocates. The other actions, which
    /// happen once per connection or over HTTPS, are evaluated from the statements.
    #[must_use]
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.decide(action, name).is_allowed()
    }

    /// The decision behind [`allows`](Self::allows), at the same cost.
    #[must_use]
    pub fn decide(&self, action: Action, name: &str) -> Decision {
        match action {
            Action::Publish => self.inner.tables.publish.decide(name),
            Action::RetainPublish => self.inner.tables.retain.decide(name),
            Action::Subscribe => self.inner.tables.subscribe.decide(name),
            Action::Receive => self.inner.tables.receive.decide(name),
            other => {
                let covers = |statement: &CompiledStatement| statement.actions.covers_action(other);
                self.judge(covers, self.variables(other.names()), &other.resource(&self.inner.context.scope, name))
            }
        }
    }

    /// The decision on any action, given by all its names, and any resource.
    #[must_use]
    pub fn decide_arn<N: AsRef<str>>(&self, names: &[N], arn: &str) -> Decision {
        self.judge(|statement| statement.actions.covers(names), self.variables(names), arn)
    }

    fn judge(&self, covers: impl Fn(&CompiledStatement) -> bool, variables: Variables<'_>, arn: &str) -> Decision {
        let mut decision = Decision::ImplicitDeny;
        for statement in self.inner.set.policies.iter().flat_map(|p| &p.document.statements) {
            let applies = covers(statement)
                && statement.resources(&variables).cover(arn)
                && statement.conditions_hold(&variables);
            match statement.effect {
                Effect::Deny if applies => return Decision::ExplicitDeny,
                Effect::Allow if applies => decision = Decision::Allowed,
                _ => {}
            }
        }
        decision
    }

    /// The variables as an action sees them.
    pub(crate) fn variables<N: AsRef<str>>(&self, names: &[N]) -> Variables<'_> {
        let connecting = names.iter().any(|n| n.as_ref().eq_ignore_ascii_case(Action::Connect.name()));
        Variables::new(&self.inner.context, connecting)
    }

    /// The policies that were compiled. Where the principal's set has another generation, the session is to be made anew.
    #[must_use]
    pub fn set(&self) -> &Arc<PolicySet> {
        &self.inner.set
    }

    /// The facts that were compiled in.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.inner.context
    }

    /// When a condition on the time may turn out differently, so that the session is to be made anew; usually never.
    #[must_use]
    pub fn decide_again_at(&self) -> Option<Timestamp> {
        self.inner.tables.decide_again_at
    }
}

impl Tables {
    fn new(set: &PolicySet, context: &Context) -> Self {
        let [mut publish, mut retain, mut subscribe, mut receive] = <[Table; 4]>::default();
        let variables = Variables::new(context, false);
        let (topic, filter) =
            (prefix(&context.scope, ResourceKind::Topic), prefix(&context.scope, ResourceKind::TopicFilter));
        let mut decide_again_at = None;
        let mut common = true;
        for statement in set.policies.iter().flat_map(|p| &p.document.statements) {
            let turns = statement.conditions.iter().filter_map(|c| c.decide_again_at(context.now)).min();
            decide_again_at = [decide_again_at, turns].into_iter().flatten().min();
            common &= turns.is_none();
            let covers = |action: Action| statement.actions.covers_action(action);
            let on_topics: Vec<&mut Table> = [
                (covers(Action::Publish), &mut publish),
                (covers(Action::RetainPublish), &mut retain),
                (covers(Action::Receive), &mut receive),
            ]
            .into_iter()
            .filter_map(|(covered, table)| covered.then_some(table))
            .collect();
            let on_filters = covers(Action::Subscribe);
            if on_topics.is_empty() && !on_filters {
                continue;
            }
            common &= statement.is_the_same_everywhere();
            if !statement.conditions_hold(&variables) {
                continue;
            }
            let resources = statement.resources(&variables);
            if !on_topics.is_empty()
                && let Some(rule) = Rule::new(&resources, &topic)
            {
                on_topics.into_iter().for_each(|table| table.add(statement, &rule));
            }
            if on_filters && let Some(rule) = Rule::new(&resources, &filter) {
                subscribe.add(statement, &rule);
            }
        }
        Self { publish, retain, subscribe, receive, decide_again_at, common }
    }
}

impl Table {
    fn add(&mut self, statement: &CompiledStatement, rule: &Arc<Rule>) {
        match statement.effect {
            Effect::Deny => self.deny.push(Arc::clone(rule)),
            Effect::Allow => self.allow.push(Arc::clone(rule)),
        }
    }

    fn decide(&self, name: &str) -> Decision {
        if self.deny.iter().any(|rule| rule.covers(name)) {
            Decision::ExplicitDeny
        } else if self.allow.iter().any(|rule| rule.covers(name)) {
            Decision::Allowed
        } else {
            Decision::ImplicitDeny
        }
    }
}

impl Rule {
    /// The rule of a statement's resources for ARNs that start with a prefix; `None` where it is about none of them.
    fn new(resources: &Resources<'_>, prefix: &str) -> Option<Arc<Self>> {
        let tails: Box<[Tail]> = resources.patterns.iter().flat_map(|p| p.after(prefix)).collect();
        let of_use = resources.usable && (resources.except || !tails.is_empty());
        of_use.then(|| Arc::new(Self { except: resources.except, tails }))
    }

    fn covers(&self, name: &str) -> bool {
        self.tails.iter().any(|tail| tail.matches(name)) != self.except
    }
}
