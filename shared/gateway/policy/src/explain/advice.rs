//! What may be wrong with policies that refuse a request, from mistakes that are often made.

use super::{Explanation, Outcome, StatementReport};
use crate::action::{Action, ResourceKind, prefix};
use crate::document::{Effect, LanguageVersion};
use crate::pattern::Pattern;
use crate::session::{Decision, SessionPolicies};

pub(super) fn on(explanation: &Explanation, session: &SessionPolicies) -> Vec<String> {
    let mut help = Vec::new();
    match explanation.decision {
        Decision::Allowed => {}
        Decision::ExplicitDeny => {
            let deny = |s: &&StatementReport| s.effect == Effect::Deny && matches!(s.outcome, Outcome::Applies { .. });
            if explanation
                .statements
                .iter()
                .any(|s| s.effect == Effect::Allow && matches!(s.outcome, Outcome::Applies { .. }))
                && let Some(statement) = explanation.statements.iter().find(deny)
            {
                help.push(format!(
                    "a statement allows this, but {} denies it, and a Deny always wins",
                    statement.place()
                ));
            }
        }
        Decision::ImplicitDeny => implicit(explanation, session, &mut help),
    }
    help
}

fn implicit(explanation: &Explanation, session: &SessionPolicies, help: &mut Vec<String>) {
    if explanation.statements.is_empty() {
        help.push("no policy applies: attach one to the certificate, or to a thing group of its thing".to_owned());
        return;
    }
    if !explanation.statements.iter().any(|s| s.effect == Effect::Allow && is_about_action(s)) {
        help.push(format!("no Allow statement names `{}`: add it to the statement's Action", explanation.action));
    }
    for variable in &explanation.variables {
        if let (Some(why), true) = (variable.why, is_in_a_resource(explanation, &variable.name)) {
            help.push(format!("`${{{}}}` has no value to substitute: {why}", variable.name));
        }
    }
    for statement in explanation.statements.iter().filter(|s| s.effect == Effect::Allow) {
        let Outcome::ResourceDiffers { except: false, resources } = &statement.outcome else { continue };
        let unversioned = is_unversioned(session, statement);
        for resource in resources {
            if unversioned && resource.written.contains("${") {
                help.push(format!(
                    "`{}` in {} is taken as it stands, because variables need `\"Version\": \"2012-10-17\"`",
                    resource.written,
                    statement.place()
                ));
            } else if let Some(resolved) = &resource.resolved {
                help.extend(mistaken(explanation, session, resolved).map(|m| format!("{}: {m}", statement.place())));
            }
        }
    }
    help.dedup();
}

fn is_about_action(statement: &StatementReport) -> bool {
    !matches!(statement.outcome, Outcome::ActionDiffers { .. })
}

/// Whether a resource that did not fit has the variable in it.
fn is_in_a_resource(explanation: &Explanation, name: &str) -> bool {
    let wanted = format!("${{{name}}}").to_ascii_lowercase();
    explanation.statements.iter().any(|s| match &s.outcome {
        Outcome::ResourceDiffers { resources, .. } => {
            resources.iter().any(|r| r.written.to_ascii_lowercase().contains(&wanted))
        }
        _ => false,
    })
}

fn is_unversioned(session: &SessionPolicies, statement: &StatementReport) -> bool {
    let of_statement = session.set().policies.iter().find(|p| p.name == statement.policy);
    of_statement.is_some_and(|p| p.document.version == LanguageVersion::V2008)
}

/// A resource that would have fitted but for a mistake in the part before the topic.
fn mistaken(explanation: &Explanation, session: &SessionPolicies, resolved: &str) -> Option<String> {
    let action: Action = explanation.action.parse().ok()?;
    let scope = &session.context().scope;
    let kind = action.resource_kind();
    let name = explanation.resource.strip_prefix(&prefix(scope, kind))?;
    let pattern = Pattern::parse(resolved);
    let others = [ResourceKind::Client, ResourceKind::Topic, ResourceKind::TopicFilter, ResourceKind::Thing];
    for other in others.into_iter().filter(|other| *other != kind) {
        if pattern.matches(&format!("{}{name}", prefix(scope, other))) {
            return Some(format!(
                "`{action}` is judged on `{}…`, but the resource says `{}…`",
                kind.prefix(),
                other.prefix()
            ));
        }
    }
    let fields: Vec<&str> = resolved.splitn(6, ':').collect();
    let [_, _, _, region, account, resource] = fields.as_slice() else { return None };
    let elsewhere = *region != scope.region || *account != scope.account;
    if elsewhere && Pattern::parse(resource).matches(&format!("{}{name}", kind.prefix())) {
        return Some(format!(
            "the resource is in region `{region}` of account `{account}`, but the request is in `{}` of `{}`",
            scope.region, scope.account
        ));
    }
    if kind == ResourceKind::TopicFilter && name.contains(['+', '#']) && resource.contains(['+', '#']) {
        return Some(
            "`+` and `#` in a policy stand for themselves: write the filter as the client sends it, or `*`".to_owned(),
        );
    }
    None
}
