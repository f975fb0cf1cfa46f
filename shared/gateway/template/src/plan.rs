//! From a template and settings to a plan.

use crate::binary;
use crate::document::{Declared, Document};
use crate::error::{Fallible, Fault, Problem, TemplateErrors, misspelt, nearest};
use crate::kinds::{self, EXECUTE_API, HttpApi, HttpApiPart, Kind, Properties, Resource};
use crate::node::{Entry, Node, Value};
use crate::order::{self, Item};
use crate::parameters;
use crate::resolve::Resolver;
use crate::sam;
use crate::settings::Settings;
use crate::shape::{self, Unused, Use};
use crate::source::{Place, Source, Span};
use serde::Serialize;
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a template asks for, in the order in which to create it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// `AWS::StackName`.
    pub stack_name: String,
    /// What to create; a resource comes after those it needs.
    pub resources: Vec<Planned>,
    /// The template's outputs.
    pub outputs: Vec<Output>,
    /// What the template marks as existing on AWS alone.
    pub ignored: Vec<Ignored>,
    /// What was accepted without effect, and why.
    pub notes: Vec<Note>,
}

/// A resource to create.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The resource's name in the template, or the one that SAM generates.
    pub logical_id: String,
    /// For example `AWS::IoT::TopicRule`.
    #[serde(rename = "type")]
    pub type_: String,
    /// What `Ref` gives: a name, an ARN or a URL.
    pub physical_id: String,
    /// Where the template declares it.
    pub place: Place,
    /// The resources of the plan that it refers to or names under `DependsOn`.
    pub depends_on: Vec<String>,
    /// What it is.
    pub resource: Resource,
    /// Where a function's properties stand, by their names; nothing for others.
    #[serde(skip)]
    pub properties: BTreeMap<String, Place>,
}

/// One of a template's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its name in the template.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What it is for.
    pub description: Option<String>,
    /// The name under which other stacks may import it.
    pub export_name: Option<String>,
}

/// A resource, or a part of one, that the template marks as existing on AWS alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ignored {
    /// The resource.
    pub logical_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// The property or event; none where the whole resource is left out.
    pub part: Option<String>,
    /// Why it is left out.
    pub why: String,
    /// Where the template says so.
    pub place: Place,
}

/// Something accepted without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// For example `Devices.Tags`, or a section of the template.
    pub path: String,
    /// Why it has no effect here.
    pub why: String,
    /// Where it stands.
    pub place: Place,
}

const MARKED: &str = "marked `Drydock: aws-only` in its `Metadata`";
const DROPPED: &str =
    "the SAM transform does not know it beside `Type`, and drops it: did it belong under `Properties`?";
const MARK: &str = "to leave it to AWS, add `Metadata: {Drydock: aws-only}` to it";

/// Plans a document. All resources are judged before errors are given back, so that a person sees them together.
pub(crate) fn plan(document: &Document, source: &Arc<Source>, settings: &Settings) -> Result<Plan, TemplateErrors> {
    let one = |fault: Box<Fault>| TemplateErrors::one(*fault, source);
    let mut document = document.clone();
    let parts = sam::expand(&mut document).map_err(one)?;
    leave(&mut document, settings);
    let (parameters, unchecked) = parameters::values(&document, settings).map_err(one)?;
    let mut resolver = Resolver::new(&document, settings, parameters);
    let mut faults: Vec<Fault> = Vec::new();
    for (name, node) in &document.conditions {
        if let Err(fault) = resolver.condition(name, node.span) {
            faults.push(*fault);
        }
    }
    let mut unused: Vec<Unused> = Vec::new();
    for (path, span, why) in document.unused.iter().cloned().chain(unchecked) {
        unused.push(Unused { path, span, why });
    }
    for (path, span) in document.resources.iter().flat_map(|declared| declared.dropped.iter().cloned()) {
        unused.push(Unused { path, span, why: DROPPED });
    }
    let mut ignored: Vec<Ignored> = Vec::new();
    for part in parts {
        let place = source.place(part.span);
        let sam::AwsOnlyPart { logical_id, type_, part, why, .. } = part;
        ignored.push(Ignored { logical_id, type_, part: Some(part), why, place });
    }
    let mut planned = Vec::new();
    for declared in &document.resources {
        match one_resource(&mut resolver, declared, &mut unused) {
            Ok(Judged::Planned(item, resource, physical_id)) => planned.push((item, resource, physical_id, declared)),
            Ok(Judged::AwsOnly) => ignored.push(Ignored {
                logical_id: declared.logical_id.clone(),
                type_: declared.type_.clone(),
                part: None,
                why: declared.left.clone().unwrap_or_else(|| MARKED.to_owned()),
                place: source.place(declared.span),
            }),
            Ok(Judged::Absent) => {}
            Err(fault) if settings.lenient && fault.problem.is_absence() => ignored.push(Ignored {
                logical_id: declared.logical_id.clone(),
                type_: declared.type_.clone(),
                part: None,
                why: fault.problem.to_string(),
                place: source.place(fault.span),
            }),
            Err(fault) => faults.push(*fault),
        }
    }
    leave_dependents(&mut planned, &mut ignored, source);
    let mut outputs = Vec::new();
    for entry in &document.outputs {
        match output(&mut resolver, entry) {
            Ok(output) => outputs.extend(output),
            Err(fault) if settings.lenient && fault.problem.is_absence() => ignored.push(Ignored {
                logical_id: entry.key.clone(),
                type_: "Output".to_owned(),
                part: None,
                why: fault.problem.to_string(),
                place: source.place(fault.span),
            }),
            Err(fault) => faults.push(*fault),
        }
    }
    if let Some(errors) = TemplateErrors::of(faults, source) {
        return Err(errors);
    }
    let items: Vec<Item> = planned
        .iter()
        .map(|(item, ..)| Item { id: item.id.clone(), span: item.span, needs: item.needs.clone() })
        .collect();
    let order = order::order(&items).map_err(one)?;
    let created: BTreeSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let mut slots: Vec<_> = planned.into_iter().map(Some).collect();
    let taken = order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take));
    let resources = taken.map(|(item, resource, physical_id, declared)| Planned {
        logical_id: item.id,
        type_: declared.type_.clone(),
        physical_id,
        place: source.place(declared.span),
        depends_on: item.needs.into_iter().filter(|need| created.contains(need.as_str())).collect(),
        properties: places(&resource, declared, source),
        resource: *resource,
    });
    let mut resources: Vec<Planned> = resources.collect();
    lead_here(&mut resources, &mut outputs, settings);
    unused.sort_by_key(|unused| unused.span.offset);
    let notes = unused.into_iter().map(|unused| Note {
        path: unused.path,
        why: unused.why.to_owned(),
        place: source.place(unused.span),
    });
    Ok(Plan { stack_name: settings.stack_name.clone(), resources, outputs, ignored, notes: notes.collect() })
}

/// Has the addresses on AWS of the template's HTTP APIs, in outputs and in the variables of functions, lead to where the APIs are here.
fn lead_here(resources: &mut [Planned], outputs: &mut [Output], settings: &Settings) {
    let base = settings.queue_url_base.trim_end_matches('/');
    let apis = resources.iter().filter_map(|planned| match &planned.resource {
        Resource::HttpApi(HttpApi { part: HttpApiPart::Api, id, .. }) => Some(id),
        _ => None,
    });
    let address = |id: &String| {
        let there = format!("https://{id}.execute-api.{}.{}", settings.scope.region, settings.url_suffix());
        (there, format!("{base}{EXECUTE_API}{id}"))
    };
    let addresses: Vec<(String, String)> = apis.map(address).collect();
    let lead = |text: &mut String| {
        for (there, here) in &addresses {
            if text.contains(there) {
                *text = text.replace(there, here);
            }
        }
    };
    outputs.iter_mut().for_each(|output| lead(&mut output.value));
    for planned in resources {
        if let Resource::Function(function) = &mut planned.resource {
            function.environment.values_mut().for_each(lead);
        }
    }
}

/// Where a function's properties stand: what is wrong with them is often found only where its code is looked for.
fn places(resource: &Resource, declared: &Declared, source: &Source) -> BTreeMap<String, Place> {
    let Resource::Function(_) = resource else { return BTreeMap::new() };
    let entries = declared.properties.entries().iter();
    entries.map(|entry| (entry.key.clone(), source.place(entry.value.span))).collect()
}

enum Judged {
    Planned(Item, Box<Resource>, String),
    AwsOnly,
    /// Its condition is false.
    Absent,
}

fn one_resource(resolver: &mut Resolver<'_>, declared: &Declared, unused: &mut Vec<Unused>) -> Fallible<Judged> {
    if let Some((condition, span)) = &declared.condition
        && !resolver.condition(condition, *span)?
    {
        return Ok(Judged::Absent);
    }
    if declared.aws_only {
        resolver.check_references(&declared.properties)?;
        return Ok(Judged::AwsOnly);
    }
    let kind = kinds::find(&declared.type_).ok_or_else(|| unknown_type(declared))?;
    resolver.take_edges();
    let identity = resolver.identity(declared)?;
    let (node, json) = properties(resolver, declared, kind, unused)?;
    let mut needs = resolver.take_edges();
    for (name, span) in &declared.depends_on {
        if !resolver.document.resources.iter().any(|other| other.logical_id == *name) {
            let why = "is not a resource of this template".to_owned();
            let problem = Problem::Reference { function: "`DependsOn`", name: name.clone(), why };
            let names = resolver.document.resources.iter().map(|other| other.logical_id.as_str());
            let fault = Fault::new(*span, problem);
            return Err(match nearest(name, names) {
                Some(near) => fault.helped(format!("did you mean `{near}`?")),
                None => fault,
            });
        }
        needs.insert(name.clone());
    }
    let resource = (kind.plan)(&identity, &Properties { json, node: &node, declared })?;
    if resolver.settings.lenient
        && let Resource::Function(function) = &resource
        && let Err(why) = binary::runs_here(function)
    {
        return Err(Fault::not_implemented(declared.span, format!("`{}`", declared.logical_id), why.to_string()));
    }
    let item = Item { id: declared.logical_id.clone(), span: declared.span, needs };
    Ok(Judged::Planned(item, Box::new(resource), (kind.reference)(&identity)))
}

/// Leaves resources to AWS whose type nothing here stands in for. What is of AWS IoT has to be here, and what is all but a type that
/// is here is taken for misspelt: these stay, to be refused.
fn leave(document: &mut Document, settings: &Settings) {
    for declared in &mut document.resources {
        let type_ = declared.type_.as_str();
        let is_type = type_.split("::").count() >= 2 && !type_.contains(char::is_whitespace);
        let ours = type_.starts_with("AWS::IoT::") && !settings.lenient;
        let bus = if type_ == "AWS::Events::Rule" { declared.properties.get("EventBusName") } else { None };
        let elsewhere = bus.is_some_and(|bus| bus.as_text() != Some("default"));
        let random = type_ == "AWS::SecretsManager::Secret" && declared.properties.get("SecretString").is_none();
        let stays = (kinds::find(type_).is_some() && !elsewhere && !random)
            || ours
            || misspelt(type_, kinds::supported_types()).is_some();
        if declared.aws_only || stays || !is_type {
            continue;
        }
        declared.aws_only = true;
        declared.left = Some(match type_ {
            "AWS::Events::Rule" => "there is one event bus here, the default one".to_owned(),
            "AWS::SecretsManager::Secret" => "it does not say its `SecretString`".to_owned(),
            "AWS::CDK::Metadata" => "it tells AWS which CDK made the template".to_owned(),
            "AWS::Serverless::Api" | "AWS::Serverless::WebSocketApi" => {
                "of API Gateway there are only HTTP APIs here".to_owned()
            }
            _ => "nothing here stands in for its type".to_owned(),
        });
    }
}

type PlannedItem<'d> = (Item, Box<Resource>, String, &'d Declared);

/// Leaves to AWS what is about a function alone that is left to AWS.
fn leave_dependents(planned: &mut Vec<PlannedItem<'_>>, ignored: &mut Vec<Ignored>, source: &Source) {
    let functions: BTreeSet<String> = ignored
        .iter()
        .filter(|left| left.part.is_none() && left.type_.ends_with("::Function"))
        .map(|left| left.logical_id.clone())
        .collect();
    let is_of = |arn: &str, function: &str| {
        arn == function || arn.strip_prefix(function).is_some_and(|rest| rest.starts_with(':'))
    };
    let here: Vec<String> = planned
        .iter()
        .filter_map(|(_, resource, ..)| match &**resource {
            Resource::Function(function) => Some(function.arn.clone()),
            _ => None,
        })
        .collect();
    planned.retain_mut(|(item, resource, _, declared)| {
        if let Resource::Bucket(bucket) = &mut **resource
            && let Some(function) = item.needs.iter().find(|need| functions.contains(*need))
        {
            // It is there all the same, and tells those that are.
            let is_here =
                |target: &str| !target.contains(":lambda:") || here.iter().any(|function| is_of(target, function));
            bucket.notifications.retain(|told| is_here(&told.target));
            ignored.push(Ignored {
                logical_id: declared.logical_id.clone(),
                type_: declared.type_.clone(),
                part: Some("NotificationConfiguration".to_owned()),
                why: format!("`{function}` is left to AWS"),
                place: source.place(declared.span),
            });
            return true;
        }
        let about = matches!(
            **resource,
            Resource::LambdaPermission(_)
                | Resource::EventSourceMapping(_)
                | Resource::EventInvokeConfig(_)
                | Resource::Qualifier(_)
        );
        let Some(function) = item.needs.iter().find(|need| about && functions.contains(*need)) else { return true };
        ignored.push(Ignored {
            logical_id: declared.logical_id.clone(),
            type_: declared.type_.clone(),
            part: None,
            why: format!("`{function}` is left to AWS"),
            place: source.place(declared.span),
        });
        false
    });
}

fn unknown_type(declared: &Declared) -> Box<Fault> {
    let problem = Problem::UnknownType { type_: declared.type_.clone(), logical_id: declared.logical_id.clone() };
    let fault = Fault::new(declared.type_span, problem);
    match nearest(&declared.type_, kinds::supported_types()) {
        Some(near) => fault.helped(format!("did you mean `{near}`? Else, {MARK}")),
        None => fault.helped(MARK),
    }
}

/// A resource's properties: resolved, and checked against what its type takes.
fn properties(
    resolver: &mut Resolver<'_>,
    declared: &Declared,
    kind: &Kind,
    unused: &mut Vec<Unused>,
) -> Fallible<(Node, Map<String, serde_json::Value>)> {
    let what = format!("`{}`", kind.type_);
    let mut resolved = Vec::new();
    let mut json = Map::new();
    for entry in declared.properties.entries() {
        crate::document::no_loop(entry)?;
        let path = format!("{}.{}", declared.logical_id, entry.key);
        let field = shape::field(kind.properties, entry, &what)?;
        if let Use::Inert(why) = field.use_ {
            // Of no use here, so only what it refers to is looked at: it must exist.
            resolver.check_references(&entry.value)?;
            unused.push(Unused { path, span: entry.span, why });
            continue;
        }
        if let Some(value) = resolver.resolve(&entry.value)? {
            json.insert(entry.key.clone(), field.shape.check(&value, &path, unused)?);
            resolved.push(Entry { key: entry.key.clone(), span: entry.span, value });
        }
    }
    let of = format!("`{}` ({})", declared.logical_id, kind.type_);
    shape::complete(kind.properties, |name| json.contains_key(name), &of, declared.span)?;
    Ok((Node { span: declared.properties.span, value: Value::Map(resolved) }, json))
}

const OUTPUT_KEYS: &[&str] = &["Value", "Description", "Export", "Condition"];

fn output(resolver: &mut Resolver<'_>, entry: &Entry) -> Fallible<Option<Output>> {
    crate::document::no_loop(entry)?;
    let what = format!("output `{}`", entry.key);
    for key in entry.value.want_map(&what)? {
        if !OUTPUT_KEYS.contains(&key.key.as_str()) {
            return Err(crate::document::unknown(key, &what, OUTPUT_KEYS));
        }
    }
    if let Some(condition) = entry.value.get("Condition") {
        let name = condition.as_text().ok_or_else(|| condition.mismatch(format!("`Condition` of {what}"), "a name"))?;
        if !resolver.condition(name, condition.span)? {
            return Ok(None);
        }
    }
    let missing = |span: Span| Fault::new(span, Problem::Missing { of: what.clone(), name: "Value".to_owned() });
    let value = entry.value.get("Value").ok_or_else(|| missing(entry.span))?;
    let mut text = |node: &Node, of: &str| -> Fallible<String> { resolver.value(node, of)?.want_text(of) };
    let value = text(value, &format!("`Value` of {what}"))?;
    let export_name = match entry.value.get("Export").and_then(|export| export.get("Name")) {
        Some(name) => Some(text(name, &format!("`Export.Name` of {what}"))?),
        None => None,
    };
    let description = entry.value.get("Description").and_then(Node::scalar);
    Ok(Some(Output { name: entry.key.clone(), value, description, export_name }))
}
