//! The template's parameters and their values.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>

use crate::document::{Document, unknown};
use crate::error::{Fallible, Fault, Problem, nearest};
use crate::node::{Node, Value};
use crate::settings::Settings;
use crate::source::Span;
use std::collections::BTreeMap;

const KEYS: &[&str] = &[
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
];

/// The version of the CDK's bootstrap stack, which does not exist here: at least what any template of the CDK wants.
///
/// <https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html>
const BOOTSTRAP: &str = "30";

/// The values that `Ref` gives for parameters, and what could not be checked: name, place and why.
pub(crate) type Values = (BTreeMap<String, Node>, Vec<(String, Span, &'static str)>);

/// The parameters' values: the caller's, or their defaults, each held against its constraints.
pub(crate) fn values(document: &Document, settings: &Settings) -> Fallible<Values> {
    let mut values = BTreeMap::new();
    let mut unchecked = Vec::new();
    for given in settings.parameters.keys() {
        if !document.parameters.contains_key(given) {
            let problem = Problem::Parameter {
                name: given.clone(),
                why: "is given, but the template has none of that name".into(),
            };
            let fault = Fault::new(Span::default(), problem);
            return Err(match nearest(given, document.parameters.keys().map(String::as_str)) {
                Some(near) => fault.helped(format!("did you mean `{near}`?")),
                None => fault.helped("take it away, or declare it under `Parameters`"),
            });
        }
    }
    for (name, node) in &document.parameters {
        let declaration = Declaration::read(name, node)?;
        let given = settings.parameters.get(name).map(|text| Node::text(node.span, text.clone()));
        values.insert(name.clone(), declaration.value(given, &mut unchecked)?);
    }
    Ok((values, unchecked))
}

struct Declaration<'a> {
    name: &'a str,
    node: &'a Node,
    type_: String,
}

impl<'a> Declaration<'a> {
    fn read(name: &'a str, node: &'a Node) -> Fallible<Self> {
        let what = format!("parameter `{name}`");
        for key in node.want_map(&what)? {
            if !KEYS.contains(&key.key.as_str()) {
                return Err(unknown(key, &what, KEYS));
            }
        }
        let missing = || Fault::new(node.span, Problem::Missing { of: what.clone(), name: "Type".to_owned() });
        let type_ = node.get("Type").ok_or_else(missing)?;
        let text = type_.want_text(&format!("`Type` of {what}"))?;
        let known =
            matches!(text.as_str(), "String" | "Number" | "List<Number>" | "List<String>" | "CommaDelimitedList")
                || text.starts_with("AWS::")
                || text.starts_with("List<AWS::");
        if !known {
            return Err(
                type_.mismatch(format!("`Type` of {what}"), "`String`, `Number`, `CommaDelimitedList` or the like")
            );
        }
        Ok(Self { name, node, type_: text })
    }

    fn fault(&self, span: Span, why: impl Into<String>) -> Box<Fault> {
        Fault::new(span, Problem::Parameter { name: self.name.to_owned(), why: why.into() })
    }

    fn value(&self, given: Option<Node>, unchecked: &mut Vec<(String, Span, &'static str)>) -> Fallible<Node> {
        let default = self.node.get("Default");
        if self.type_.starts_with("AWS::SSM::Parameter::Value") && given.is_none() {
            let key = default.and_then(Node::scalar).unwrap_or_default();
            if key.starts_with("/cdk-bootstrap/") {
                // Only the rule that the CDK adds compares it.
                return Ok(Node { span: self.node.span, value: Value::Number(BOOTSTRAP.to_owned()) });
            }
            let why = format!("takes its value from Systems Manager (`{key}`), which is not here");
            return Err(self.fault(self.node.span, why).helped("give its value to the caller as a parameter"));
        }
        let value = match given.or_else(|| default.cloned()) {
            Some(value) => value,
            None => {
                let fault = self.fault(self.node.span, "has no default and no value");
                return Err(fault.helped("give a value, or a `Default` in the template"));
            }
        };
        let text = match &value.value {
            // A default of a list type may be written as a number, but never as a list.
            Value::List(_) | Value::Map(_) | Value::Null => {
                return Err(value
                    .mismatch(format!("`Default` of parameter `{}`", self.name), "a string, a number or a boolean"));
            }
            _ => value.scalar().unwrap_or_default(),
        };
        let list = self.type_ == "CommaDelimitedList" || self.type_.contains("List<");
        let items: Vec<String> =
            if list { text.split(',').map(|item| item.trim().to_owned()).collect() } else { vec![text.clone()] };
        let shown =
            if self.node.get("NoEcho").and_then(Node::boolean) == Some(true) { None } else { Some(text.as_str()) };
        for item in &items {
            self.check(item, shown.map(|_| item.as_str()), value.span, unchecked)?;
        }
        let numeric = self.type_ == "Number";
        Ok(match list {
            true => Node::list(value.span, items.into_iter().map(|item| Node::text(value.span, item)).collect()),
            false if numeric => Node { span: value.span, value: Value::Number(text) },
            false => Node::text(value.span, text),
        })
    }

    /// Holds one value against the constraints. `shown` is what an error may repeat: nothing under `NoEcho`.
    fn check(
        &self,
        item: &str,
        shown: Option<&str>,
        span: Span,
        unchecked: &mut Vec<(String, Span, &'static str)>,
    ) -> Fallible<()> {
        let value = shown.map_or_else(|| "its value".to_owned(), |item| format!("`{item}`"));
        let described = |fault: Box<Fault>| match self.node.get("ConstraintDescription").and_then(Node::scalar) {
            Some(description) => fault.helped(description),
            None => fault,
        };
        if self.type_ == "Number" || self.type_ == "List<Number>" {
            let number: f64 =
                item.parse().map_err(|_| self.fault(span, format!("wants a number, and {value} is none")))?;
            let bound = |key: &str| self.node.get(key).and_then(Node::scalar).and_then(|text| text.parse::<f64>().ok());
            if bound("MinValue").is_some_and(|least| number < least)
                || bound("MaxValue").is_some_and(|most| number > most)
            {
                return Err(described(self.fault(span, format!("does not allow {value}: it is out of range"))));
            }
        }
        let length = item.chars().count();
        let bound = |key: &str| self.node.get(key).and_then(Node::scalar).and_then(|text| text.parse::<usize>().ok());
        if bound("MinLength").is_some_and(|least| length < least)
            || bound("MaxLength").is_some_and(|most| length > most)
        {
            return Err(described(self.fault(span, format!("does not allow {value}: {length} characters"))));
        }
        if let Some(allowed) = self.node.get("AllowedValues") {
            let allowed = allowed.want_list(&format!("`AllowedValues` of parameter `{}`", self.name))?;
            if !allowed.iter().any(|candidate| candidate.scalar().as_deref() == Some(item)) {
                let names = allowed
                    .iter()
                    .filter_map(Node::scalar)
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(described(
                    self.fault(span, format!("does not allow {value}")).helped(format!("allowed: {names}")),
                ));
            }
        }
        if let Some(pattern) = self.node.get("AllowedPattern") {
            let text = pattern.want_text(&format!("`AllowedPattern` of parameter `{}`", self.name))?;
            match regex::Regex::new(&format!("^(?:{text})$")) {
                Ok(regex) if !regex.is_match(item) => {
                    return Err(described(
                        self.fault(span, format!("does not allow {value}: it does not match `{text}`")),
                    ));
                }
                Ok(_) => {}
                // Java's look-around and back-references have no counterpart here.
                Err(_) => unchecked.push((
                    format!("Parameters.{}.AllowedPattern", self.name),
                    pattern.span,
                    "the pattern uses what this gateway's regular expressions do not have, and is not checked",
                )),
            }
        }
        Ok(())
    }
}
