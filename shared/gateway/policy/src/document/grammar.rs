//! From JSON to a [`Document`]: which keys there may be, and what each may hold.

use super::json::Node;
use super::{ConditionText, Document, Effect, LanguageVersion, Selection, Statement};
use crate::error::PolicyError;

type Parsed<T> = Result<T, PolicyError>;

pub(super) fn document(node: Node) -> Parsed<Document> {
    let Node::Object(entries) = node else {
        return Err(PolicyError::grammar("$", format!("a policy is an object, not {}", node.kind())));
    };
    let mut version = LanguageVersion::V2008;
    let mut statements = None;
    for (key, value) in entries {
        match key.as_str() {
            "Version" => version = language_version(value)?,
            "Id" => drop(string("Id", value)?),
            "Statement" => statements = Some(statement_list(value)?),
            other => {
                return Err(PolicyError::grammar(other, "a policy has no such element")
                    .help(nearest(other, &["Version", "Id", "Statement"])));
            }
        }
    }
    let statements = statements.ok_or_else(|| {
        PolicyError::grammar("$", "`Statement` is missing")
            .help("give an array of statements, each with Effect, Action and Resource")
    })?;
    Ok(Document { version, statements })
}

fn language_version(value: Node) -> Parsed<LanguageVersion> {
    match string("Version", value)?.as_str() {
        "2012-10-17" => Ok(LanguageVersion::V2012),
        "2008-10-17" => Ok(LanguageVersion::V2008),
        other => Err(PolicyError::grammar("Version", format!("`{other}` is not a version of the policy language"))
            .help("write `2012-10-17`")),
    }
}

fn statement_list(value: Node) -> Parsed<Vec<Statement>> {
    match value {
        Node::Object(_) => Ok(vec![statement("Statement", value)?]),
        Node::List(items) => {
            items.into_iter().enumerate().map(|(i, item)| statement(&format!("Statement[{i}]"), item)).collect()
        }
        other => Err(PolicyError::grammar(
            "Statement",
            format!("expected a statement or an array of statements, found {}", other.kind()),
        )),
    }
}

fn statement(path: &str, value: Node) -> Parsed<Statement> {
    let Node::Object(entries) = value else {
        return Err(PolicyError::grammar(path, format!("a statement is an object, not {}", value.kind())));
    };
    let (mut sid, mut effect, mut actions, mut resources, mut conditions) = (None, None, None, None, Vec::new());
    for (key, value) in entries {
        let here = format!("{path}.{key}");
        match key.as_str() {
            "Sid" => sid = Some(string(&here, value)?),
            "Effect" => effect = Some(self::effect(&here, value)?),
            "Action" | "NotAction" => {
                select(&mut actions, here, value, key == "NotAction", check_action, "Action")?;
            }
            "Resource" | "NotResource" => {
                select(&mut resources, here, value, key == "NotResource", check_resource, "Resource")?;
            }
            "Condition" => conditions = self::conditions(&here, value)?,
            "Principal" | "NotPrincipal" => {
                return Err(PolicyError::grammar(here, "an AWS IoT policy names no principal").help(
                    "remove it; attach the policy to a certificate, a thing group or a Cognito identity instead",
                ));
            }
            other => {
                let known = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
                return Err(PolicyError::grammar(here, "a statement has no such element").help(nearest(other, &known)));
            }
        }
    }
    let missing = |what: &str, advice: &str| PolicyError::grammar(path, format!("{what} is missing")).help(advice);
    Ok(Statement {
        sid,
        effect: effect.ok_or_else(|| missing("`Effect`", "write `Allow` or `Deny`"))?,
        actions: actions
            .ok_or_else(|| missing("`Action` or `NotAction`", "name actions, for example `iot:Publish`"))?,
        resources: resources
            .ok_or_else(|| missing("`Resource` or `NotResource`", "name ARNs, or `*` for every resource"))?,
        conditions,
    })
}

fn effect(path: &str, value: Node) -> Parsed<Effect> {
    match string(path, value)?.as_str() {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(PolicyError::grammar(path, format!("`{other}` is not an effect"))
            .help("write `Allow` or `Deny`, in this case")),
    }
}

fn select(
    slot: &mut Option<Selection>,
    path: String,
    value: Node,
    except: bool,
    check: fn(&str, &str) -> Parsed<()>,
    name: &str,
) -> Parsed<()> {
    if slot.is_some() {
        return Err(PolicyError::grammar(path, format!("a statement has `{name}` or `Not{name}`, not both")));
    }
    let patterns = strings(&path, value, false)?;
    for (i, pattern) in patterns.iter().enumerate() {
        check(&if patterns.len() == 1 { path.clone() } else { format!("{path}[{i}]") }, pattern)?;
    }
    *slot = Some(Selection { except, patterns });
    Ok(())
}

/// An action is `*` or `<service>:<action>`.
fn check_action(path: &str, action: &str) -> Parsed<()> {
    let fits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "*?-_".contains(c));
    let valid = action == "*" || action.split_once(':').is_some_and(|(service, name)| fits(service) && fits(name));
    if valid {
        return Ok(());
    }
    Err(PolicyError::grammar(path, format!("`{action}` is not an action"))
        .help("write the service, a colon and the action, for example `iot:Connect`"))
}

/// A resource is `*` or starts as an ARN does.
fn check_resource(path: &str, resource: &str) -> Parsed<()> {
    if resource == "*" || resource.starts_with("arn:") {
        return Ok(());
    }
    Err(PolicyError::grammar(path, format!("`{resource}` is neither an ARN nor `*`"))
        .help("write for example `arn:aws:iot:us-east-1:123456789012:topic/some/topic`"))
}

fn conditions(path: &str, value: Node) -> Parsed<Vec<ConditionText>> {
    let Node::Object(operators) = value else {
        return Err(PolicyError::grammar(path, format!("expected an object of operators, found {}", value.kind())));
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let here = format!("{path}.{operator}");
        let Node::Object(keys) = keys else {
            return Err(PolicyError::grammar(
                here,
                format!("expected an object of keys and values, found {}", keys.kind()),
            ));
        };
        for (key, values) in keys {
            let path = format!("{here}.{key}");
            let values = strings(&path, values, true)?;
            conditions.push(ConditionText { operator: operator.clone(), key, values, path });
        }
    }
    Ok(conditions)
}

fn string(path: &str, value: Node) -> Parsed<String> {
    match value {
        Node::Text(text) => Ok(text),
        other => Err(PolicyError::grammar(path, format!("expected a string, found {}", other.kind()))),
    }
}

/// A string or an array of them; `plain` lets numbers and booleans stand for their text, as in a condition.
fn strings(path: &str, value: Node, plain: bool) -> Parsed<Vec<String>> {
    let one = |path: &str, value: Node| match value {
        Node::Plain(text) if plain => Ok(text),
        other => string(path, other),
    };
    match value {
        Node::List(items) => {
            items.into_iter().enumerate().map(|(i, item)| one(&format!("{path}[{i}]"), item)).collect()
        }
        Node::Object(_) | Node::Null => {
            Err(PolicyError::grammar(path, format!("expected a string or an array of strings, found {}", value.kind())))
        }
        single => Ok(vec![one(path, single)?]),
    }
}

/// Advice for an unknown key: the known one that differs in case alone or starts alike, or all of them.
fn nearest(unknown: &str, known: &[&str]) -> String {
    let lower = unknown.to_lowercase();
    let stem = lower.trim_end_matches('s');
    match known.iter().find(|k| k.to_lowercase() == lower || k.to_lowercase() == stem) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("it may have {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    }
}
