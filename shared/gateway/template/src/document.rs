//! A template's sections, taken apart but not yet resolved.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>

use crate::error::{Fallible, Fault, Problem, nearest};
use crate::loops;
use crate::node::{Entry, Node};
use crate::source::Span;
use std::collections::BTreeMap;

/// The SAM transform.
pub(crate) const SAM: &str = "AWS::Serverless-2016-10-31";
/// The transform that brings `Fn::Length`, `Fn::ToJsonString` and `Fn::ForEach`.
pub(crate) const LANGUAGE_EXTENSIONS: &str = "AWS::LanguageExtensions";
/// CloudFormation's quota on resources in a template.
const RESOURCE_LIMIT: usize = 500;

const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Hooks",
    "Globals",
    "Resources",
    "Outputs",
];

/// What a resource may say beside its properties:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-product-attribute-reference.html>,
/// and SAM's `Connectors` and `IgnoreGlobals`.
const RESOURCE_KEYS: &[&str] = &[
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Connectors",
    "IgnoreGlobals",
];

/// A template's sections.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) transforms: Vec<String>,
    pub(crate) parameters: BTreeMap<String, Node>,
    pub(crate) mappings: BTreeMap<String, Node>,
    pub(crate) conditions: BTreeMap<String, Node>,
    pub(crate) globals: Option<Node>,
    pub(crate) resources: Vec<Declared>,
    pub(crate) outputs: Vec<Entry>,
    /// Sections that are read but have no effect here: name, place and why.
    pub(crate) unused: Vec<(String, Span, &'static str)>,
}

/// A resource as the template declares it, or as the SAM transform generates it.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) logical_id: String,
    pub(crate) span: Span,
    pub(crate) type_: String,
    pub(crate) type_span: Span,
    /// A mapping.
    pub(crate) properties: Node,
    pub(crate) depends_on: Vec<(String, Span)>,
    pub(crate) condition: Option<(String, Span)>,
    pub(crate) metadata: Option<Node>,
    /// `Metadata: {Drydock: aws-only}`: the resource exists on AWS alone.
    pub(crate) aws_only: bool,
    /// Why it is left to AWS though the template does not say so: nothing here stands in for its type.
    pub(crate) left: Option<String>,
    /// `Metadata: {Drydock: {AwsOnly: [Layers, Events.Api]}}`: parts of the resource that exist on AWS alone.
    pub(crate) aws_only_parts: Vec<(String, Span)>,
    /// Keys beside `Type` that the SAM transform drops, its own and its events': their paths.
    pub(crate) dropped: Vec<(String, Span)>,
    /// SAM's `IgnoreGlobals`: `*` or property names.
    pub(crate) ignored_globals: Vec<String>,
}

impl Document {
    pub(crate) fn read(root: &Node) -> Fallible<Self> {
        let sections = root.want_map("a template")?;
        for section in sections {
            if !SECTIONS.contains(&section.key.as_str()) {
                return Err(unknown(section, "a template", SECTIONS));
            }
        }
        if let Some(version) = root.get("AWSTemplateFormatVersion")
            && version.scalar().as_deref() != Some("2010-09-09")
        {
            return Err(version.mismatch("`AWSTemplateFormatVersion`", "`2010-09-09`"));
        }
        let resources = root.get("Resources").ok_or_else(|| {
            let problem = Problem::Missing { of: "a template".to_owned(), name: "Resources".to_owned() };
            Fault::with_help(root.span, problem, "is this a SAM or CloudFormation template?")
        })?;
        let entries = resources.want_map("`Resources`")?;
        if entries.len() > RESOURCE_LIMIT {
            let why = format!("a template has at most {RESOURCE_LIMIT} resources, and this one has {}", entries.len());
            return Err(Fault::new(resources.span, Problem::Limit(why)));
        }
        let mut unused = Vec::new();
        for (name, why) in [
            ("Rules", "assertions on parameters are for the person who deploys"),
            ("Hooks", "there is no deployment with traffic to shift"),
        ] {
            if let Some(entry) = root.entry(name) {
                unused.push((name.to_owned(), entry.span, why));
            }
        }
        for connectors in entries.iter().filter_map(|resource| resource.value.entry("Connectors")) {
            unused.push((
                "Connectors".to_owned(),
                connectors.span,
                "they are permissions of IAM, which is not evaluated here",
            ));
        }
        Ok(Self {
            transforms: root.get("Transform").map_or(Ok(Vec::new()), transforms)?,
            parameters: section(root, "Parameters")?,
            mappings: section(root, "Mappings")?,
            conditions: section(root, "Conditions")?,
            globals: root.get("Globals").cloned(),
            resources: entries.iter().map(Declared::read).collect::<Fallible<_>>()?,
            outputs: root.get("Outputs").map_or(Ok(&[][..]), |outputs| outputs.want_map("`Outputs`"))?.to_vec(),
            unused,
        })
    }

    pub(crate) fn has_transform(&self, name: &str) -> bool {
        self.transforms.iter().any(|transform| transform == name)
    }
}

fn section(root: &Node, name: &str) -> Fallible<BTreeMap<String, Node>> {
    let Some(section) = root.get(name) else { return Ok(BTreeMap::new()) };
    let entries = section.want_map(&format!("`{name}`"))?;
    entries.iter().map(|entry| no_loop(entry).map(|()| (entry.key.clone(), entry.value.clone()))).collect()
}

fn transforms(node: &Node) -> Fallible<Vec<String>> {
    let one = |node: &Node| match node.as_text() {
        Some(name) if name == SAM || name == LANGUAGE_EXTENSIONS => Ok(name.to_owned()),
        Some(name) => {
            let why = format!("only `{SAM}` and `{LANGUAGE_EXTENSIONS}` are");
            Err(Fault::not_implemented(node.span, format!("the transform `{name}`"), why))
        }
        None => Err(node.mismatch("a transform", "its name")),
    };
    match node.want_list("`Transform`") {
        Ok(list) => list.iter().map(one).collect(),
        Err(_) => Ok(vec![one(node)?]),
    }
}

/// A loop that is still there stands where none may.
pub(crate) fn no_loop(entry: &Entry) -> Fallible<()> {
    if loops::is_loop(entry) {
        let why = "may only stand under `Conditions`, `Resources` and `Outputs`";
        return Err(Fault::intrinsic(entry.span, loops::NAME, why));
    }
    Ok(())
}

pub(crate) fn unknown(entry: &Entry, of: &str, known: &[&'static str]) -> Box<Fault> {
    let fault = Fault::new(entry.span, Problem::UnknownKey { of: of.to_owned(), name: entry.key.clone() });
    match nearest(&entry.key, known.iter().copied()) {
        Some(near) => fault.helped(format!("did you mean `{near}`?")),
        None => fault.helped(format!("it may have {}", list(known))),
    }
}

/// Names in backticks, with commas.
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Declared {
    /// A resource that the SAM transform generates, in the same condition as the one it comes from.
    pub(crate) fn generated(logical_id: String, type_: &str, span: Span, properties: Node, parent: &Self) -> Self {
        Self {
            logical_id,
            span,
            type_: type_.to_owned(),
            type_span: span,
            properties,
            depends_on: Vec::new(),
            condition: parent.condition.clone(),
            metadata: None,
            aws_only: false,
            left: None,
            aws_only_parts: Vec::new(),
            dropped: Vec::new(),
            ignored_globals: Vec::new(),
        }
    }

    fn read(entry: &Entry) -> Fallible<Self> {
        no_loop(entry)?;
        let logical_id = entry.key.clone();
        if logical_id.is_empty() || !logical_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let why = "must consist of letters and digits alone";
            return Err(Fault::value(entry.span, format!("the logical id `{logical_id}`"), why));
        }
        let what = format!("resource `{logical_id}`");
        let body = &entry.value;
        let serverless =
            body.get("Type").and_then(Node::as_text).is_some_and(|type_| type_.starts_with("AWS::Serverless::"));
        let mut dropped = Vec::new();
        for key in body.want_map(&what)? {
            if RESOURCE_KEYS.contains(&key.key.as_str()) {
                continue;
            }
            if !serverless {
                return Err(unknown(key, &what, RESOURCE_KEYS));
            }
            dropped.push((format!("{logical_id}.{}", key.key), key.span));
        }
        if serverless {
            dropped.extend(dropped_of_events(&logical_id, body));
        }
        let missing = || Fault::new(entry.span, Problem::Missing { of: what.clone(), name: "Type".to_owned() });
        let type_node = body.get("Type").ok_or_else(missing)?;
        let type_ = type_node.as_text().ok_or_else(|| type_node.mismatch(format!("the type of {what}"), "a string"))?;
        let properties = match body.get("Properties") {
            Some(properties) => properties.want_map(&format!("`Properties` of {what}")).map(|_| properties.clone())?,
            None => Node::map(type_node.span, []),
        };
        let mut declared = Self {
            span: entry.span,
            type_: type_.to_owned(),
            type_span: type_node.span,
            properties,
            depends_on: names(body.get("DependsOn"), &format!("`DependsOn` of {what}"))?,
            condition: names(body.get("Condition"), &format!("`Condition` of {what}"))?.pop(),
            metadata: body.get("Metadata").cloned(),
            aws_only: false,
            left: None,
            aws_only_parts: Vec::new(),
            dropped,
            ignored_globals: names(body.get("IgnoreGlobals"), "`IgnoreGlobals`")?
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
            logical_id,
        };
        if let Some(mark) = body.get("Metadata").and_then(|metadata| metadata.get("Drydock")) {
            declared.read_mark(mark)?;
        }
        Ok(declared)
    }

    fn read_mark(&mut self, mark: &Node) -> Fallible<()> {
        if mark.as_text() == Some("aws-only") {
            self.aws_only = true;
            return Ok(());
        }
        let expected = "`aws-only`, or `AwsOnly` with a list of properties and events, such as `Events.Api`";
        let what = format!("`Metadata.Drydock` of `{}`", self.logical_id);
        match mark.entries() {
            [only] if only.key == "AwsOnly" => self.aws_only_parts = names(Some(&only.value), &what)?,
            _ => return Err(mark.mismatch(what, expected)),
        }
        Ok(())
    }
}

/// What an event may have beside its `Type`.
pub(crate) const EVENT_KEYS: [&str; 2] = ["Type", "Properties"];

/// The keys of a function's events that the SAM transform does not know, and drops.
fn dropped_of_events(logical_id: &str, body: &Node) -> Vec<(String, Span)> {
    let events = body.get("Properties").and_then(|properties| properties.get("Events"));
    let mut dropped = Vec::new();
    for event in events.map(Node::entries).unwrap_or_default() {
        let unknown = event.value.entries().iter().filter(|key| !EVENT_KEYS.contains(&key.key.as_str()));
        dropped.extend(unknown.map(|key| (format!("{logical_id}.Events.{}.{}", event.key, key.key), key.span)));
    }
    dropped
}

/// One name or a list of names.
fn names(node: Option<&Node>, what: &str) -> Fallible<Vec<(String, Span)>> {
    let Some(node) = node else { return Ok(Vec::new()) };
    let one = |node: &Node| match node.as_text() {
        Some(name) => Ok((name.to_owned(), node.span)),
        None => Err(node.mismatch(what, "a name or a list of names")),
    };
    match node.want_list(what) {
        Ok(items) => items.iter().map(one).collect(),
        Err(_) => Ok(vec![one(node)?]),
    }
}
