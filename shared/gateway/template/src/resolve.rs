//! Resolution: intrinsic functions give way to values, and each reference leaves an edge in the dependency graph.
//!
//! - [`functions`]: the intrinsic functions that compute; [`cidr`]: blocks of addresses.
//! - [`conditions`]: the condition functions.
//! - [`dynamic`][]: `{{resolve:…}}`.
//! - [`references`]: `Ref`, `Fn::GetAtt`, `Fn::Sub`, and what resources are called.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

mod cidr;
mod conditions;
mod dynamic;
mod functions;
mod references;

use crate::document::{Declared, Document, no_loop};
use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::settings::Settings;
use crate::source::Span;
use references::Identities;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many resolutions may be open at once: deep enough for any template that a person wrote.
const NESTING_LIMIT: usize = 100;
/// How long a chain of conditions, or of names made of names, may be. Each link costs several calls.
const CHAIN_LIMIT: usize = 20;
/// The longest text that an intrinsic function may make.
const TEXT_LIMIT: usize = 1 << 20;

/// Resolves nodes of one document.
pub(crate) struct Resolver<'t> {
    pub(crate) document: &'t Document,
    pub(crate) settings: &'t Settings,
    parameters: BTreeMap<String, Node>,
    resources: BTreeMap<&'t str, &'t Declared>,
    conditions: HashMap<String, bool>,
    /// Conditions whose value is being worked out, for cycles.
    open_conditions: Vec<String>,
    identities: Identities,
    /// The logical ids that the value being resolved refers to.
    edges: BTreeSet<String>,
    depth: usize,
}

impl<'t> Resolver<'t> {
    pub(crate) fn new(document: &'t Document, settings: &'t Settings, parameters: BTreeMap<String, Node>) -> Self {
        Self {
            document,
            settings,
            parameters,
            resources: document.resources.iter().map(|declared| (declared.logical_id.as_str(), declared)).collect(),
            conditions: HashMap::new(),
            open_conditions: Vec::new(),
            identities: Identities::default(),
            edges: BTreeSet::new(),
            depth: 0,
        }
    }

    /// The edges gathered since the last call.
    pub(crate) fn take_edges(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.edges)
    }

    /// A node with its intrinsic functions resolved; `None` where it is `AWS::NoValue`.
    pub(crate) fn resolve(&mut self, node: &Node) -> Fallible<Option<Node>> {
        self.depth += 1;
        if self.depth > NESTING_LIMIT {
            self.depth -= 1;
            let why = format!("functions and references nest deeper than {NESTING_LIMIT} levels here");
            return Err(Fault::new(node.span, Problem::Limit(why)));
        }
        let resolved = self.resolve_inner(node);
        self.depth -= 1;
        // Functions may put a dynamic reference together: it is looked at when all of them are done.
        match resolved? {
            Some(made) if self.depth == 0 => self.dynamic(made).map(Some),
            made => Ok(made),
        }
    }

    fn resolve_inner(&mut self, node: &Node) -> Fallible<Option<Node>> {
        let value = match &node.value {
            Value::Null => {
                let fault = node.mismatch("a value", "given");
                return Err(fault.helped("CloudFormation takes no null: give a value, or take the key away"));
            }
            Value::Text(_) | Value::Bool(_) | Value::Number(_) => node.value.clone(),
            Value::List(items) => {
                let items = items.iter().filter_map(|item| self.resolve(item).transpose());
                Value::List(items.collect::<Fallible<_>>()?)
            }
            Value::Map(entries) => {
                if let Some(function) = node.intrinsic() {
                    return self.call(function, node.span);
                }
                let mut resolved = Vec::with_capacity(entries.len());
                for entry in entries {
                    no_loop(entry)?;
                    if entry.key.starts_with("Fn::") {
                        let why = "must stand alone in its mapping";
                        return Err(Fault::intrinsic(entry.span, &entry.key, why));
                    }
                    if let Some(value) = self.resolve(&entry.value)? {
                        resolved.push(Entry { key: entry.key.clone(), span: entry.span, value });
                    }
                }
                Value::Map(resolved)
            }
        };
        Ok(Some(Node { span: node.span, value }))
    }

    /// A node that must have a value.
    pub(crate) fn value(&mut self, node: &Node, of: &str) -> Fallible<Node> {
        self.resolve(node)?.ok_or_else(|| Fault::intrinsic(node.span, of, "cannot take `AWS::NoValue`"))
    }

    fn text(&mut self, node: &Node, of: &str) -> Fallible<String> {
        let value = self.value(node, of)?;
        value
            .scalar()
            .ok_or_else(|| Fault::intrinsic(node.span, of, format!("wants a string here, not {}", value.found())))
    }

    fn items(&mut self, node: &Node, of: &str) -> Fallible<Vec<Node>> {
        let value = self.value(node, of)?;
        let found = value.found();
        match value.value {
            Value::List(items) => Ok(items),
            _ => Err(Fault::intrinsic(node.span, of, format!("wants a list here, not {found}"))),
        }
    }

    fn call(&mut self, function: &Entry, span: Span) -> Fallible<Option<Node>> {
        no_loop(function)?;
        let (name, argument) = (function.key.as_str(), &function.value);
        let value = match name {
            "Ref" => return self.reference(argument),
            "Fn::GetAtt" => self.get_att(argument)?,
            "Fn::Sub" => self.sub(argument)?,
            "Fn::If" => return self.choose(argument),
            "Fn::Join" => self.join(argument)?,
            "Fn::Split" => self.split(argument)?,
            "Fn::Select" => self.select(argument)?,
            "Fn::FindInMap" => return self.find_in_map(argument),
            "Fn::Base64" => self.base64(argument)?,
            "Fn::GetAZs" => self.zones(argument)?,
            "Fn::ImportValue" => self.import(argument)?,
            "Fn::Length" => self.length(argument, function.span)?,
            "Fn::ToJsonString" => self.json_string(argument, function.span)?,
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Condition" => {
                let fault = Fault::intrinsic(function.span, name, "may only stand under `Conditions`");
                return Err(fault.helped("name a condition there, and use it with `Fn::If`"));
            }
            "Fn::Cidr" => self.cidr(argument)?,
            "Fn::Transform" => {
                let why = "macros run in CloudFormation";
                return Err(Fault::not_implemented(function.span, "`Fn::Transform`", why));
            }
            _ => {
                let fault = Fault::intrinsic(function.span, name, "is not an intrinsic function");
                return Err(match crate::error::nearest(name, functions::NAMES.iter().copied()) {
                    Some(near) => fault.helped(format!("did you mean `{near}`?")),
                    None => fault,
                });
            }
        };
        Ok(Some(Node { span, value: value.value }))
    }

    fn made(&self, span: Span, text: String) -> Fallible<Node> {
        if text.len() > TEXT_LIMIT {
            let why = format!("the text made here is longer than {TEXT_LIMIT} bytes");
            return Err(Fault::new(span, Problem::Limit(why)));
        }
        Ok(Node::text(span, text))
    }
}
