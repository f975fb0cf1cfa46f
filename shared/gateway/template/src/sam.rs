//! What the SAM transform adds to a template: roles, event sources, invoke configurations.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html>:
//! generated resources have logical ids that a template may refer to, so they are made as SAM makes them. The functions
//! and tables themselves stay what they are; [`kinds`](crate::kinds) plans them.

mod events;
mod http_api;
mod invoke_config;

use crate::document::{Declared, Document, SAM};
use crate::error::{Fallible, Fault, Problem};
use crate::globals;
use crate::node::Node;
use crate::source::Span;
use std::collections::HashMap;

/// A part of a resource that is left to AWS.
pub(crate) struct AwsOnlyPart {
    pub(crate) logical_id: String,
    pub(crate) type_: String,
    pub(crate) part: String,
    pub(crate) span: Span,
    pub(crate) why: String,
}

const NAMED: &str = "named under `AwsOnly` in its `Metadata`";

/// Applies the globals, takes away what exists on AWS alone, and adds the generated resources.
pub(crate) fn expand(document: &mut Document) -> Fallible<Vec<AwsOnlyPart>> {
    let serverless = document.resources.iter().find(|declared| declared.type_.starts_with("AWS::Serverless::"));
    if !document.has_transform(SAM)
        && let Some(declared) = serverless
    {
        let fault =
            Fault::value(declared.type_span, format!("`{}`", declared.type_), format!("needs the transform `{SAM}`"));
        return Err(fault.helped(format!("add `Transform: {SAM}` to the template")));
    }
    http_api::add_implicit(&mut document.resources);
    if let Some(globals) = document.globals.take() {
        globals::apply(&globals, &mut document.resources)?;
    }
    let mut parts = Vec::new();
    let mut expanded = Vec::with_capacity(document.resources.len());
    let mut apis: Vec<Declared> = Vec::new();
    let mut buckets = Vec::new();
    let here = http_api::of(&document.resources)?;
    for mut declared in std::mem::take(&mut document.resources) {
        take_aws_only_parts(&mut declared, &mut parts, &mut apis)?;
        leave_events(&mut declared, &here, &mut parts, &mut apis);
        let generated = match declared.type_.as_str() {
            "AWS::Serverless::Function" => function(&mut declared, &here, &mut buckets)?,
            http_api::TYPE if !declared.aws_only => http_api::expand(&mut declared)?,
            _ => Vec::new(),
        };
        expanded.push(declared);
        expanded.extend(generated);
    }
    apis.retain(|api| expanded.iter().all(|declared| declared.logical_id != api.logical_id));
    expanded.extend(apis);
    for event in buckets {
        let is_it =
            |declared: &&mut Declared| declared.logical_id == event.bucket && declared.type_ == "AWS::S3::Bucket";
        match expanded.iter_mut().find(is_it) {
            Some(bucket) => event.add_to(bucket),
            None => {
                let why = "is not a bucket of this template, and SAM takes events of no other";
                return Err(Fault::value(event.span, format!("`{}`", event.bucket), why));
            }
        }
    }
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for declared in &expanded {
        if seen.insert(&declared.logical_id, declared.span).is_some() {
            let fault = Fault::new(declared.span, Problem::Duplicate(declared.logical_id.clone()));
            return Err(fault.helped("SAM generates a resource of this logical id: rename the one in the template"));
        }
    }
    document.resources = expanded;
    Ok(parts)
}

/// Takes the marked parts out of a resource. The API that SAM makes for events that name none goes to `apis`, marked too,
/// since templates often print its address.
fn take_aws_only_parts(
    declared: &mut Declared,
    parts: &mut Vec<AwsOnlyPart>,
    apis: &mut Vec<Declared>,
) -> Fallible<()> {
    for (part, span) in std::mem::take(&mut declared.aws_only_parts) {
        let taken = match part.split_once('.') {
            Some(("Events", event)) => match declared.properties.take("Events") {
                Some(mut events) => {
                    let taken = events.value.take(event);
                    if !events.value.entries().is_empty() {
                        declared.properties.set("Events", events.value);
                    }
                    taken
                }
                None => None,
            },
            _ => declared.properties.take(&part),
        };
        if taken.is_none() {
            let problem = Problem::UnknownKey { of: format!("`{}`", declared.logical_id), name: part };
            return Err(Fault::with_help(span, problem, "`AwsOnly` names properties, and events as `Events.Name`"));
        }
        if let Some(event) = taken {
            add_api(&event.value, span, declared, apis);
        }
        parts.push(part_of(declared, part, span, NAMED.to_owned()));
    }
    Ok(())
}

fn part_of(declared: &Declared, part: String, span: Span, why: String) -> AwsOnlyPart {
    AwsOnlyPart { logical_id: declared.logical_id.clone(), type_: declared.type_.clone(), part, span, why }
}

fn add_api(event: &Node, span: Span, declared: &Declared, apis: &mut Vec<Declared>) {
    if let Some((id, type_)) = implicit_api(event)
        && !apis.iter().any(|api| api.logical_id == id)
    {
        let mut api = Declared::generated(id.to_owned(), type_, span, Node::map(span, []), declared);
        (api.aws_only, api.condition) = (true, None);
        api.left = Some("SAM makes it for an event that is left to AWS".to_owned());
        apis.push(api);
    }
}

/// Takes the events out that nothing here emits: they are left to AWS, as their sources are.
fn leave_events(
    declared: &mut Declared,
    here: &http_api::Apis,
    parts: &mut Vec<AwsOnlyPart>,
    apis: &mut Vec<Declared>,
) {
    if declared.type_ != "AWS::Serverless::Function" || declared.aws_only {
        return;
    }
    let Some(mut events) = declared.properties.take("Events") else { return };
    let foreign = |event: &Node| {
        let type_ = event.get("Type").and_then(Node::as_text)?;
        if events::is_foreign(type_) {
            return Some(format!("nothing here emits events of type `{type_}`"));
        }
        let elsewhere = type_ == "HttpApi" && !http_api::is_here(event, here);
        elsewhere.then(|| "its API is not one that is here".to_owned())
    };
    let left: Vec<(String, String)> =
        events.value.entries().iter().filter_map(|event| Some((event.key.clone(), foreign(&event.value)?))).collect();
    for (name, why) in left {
        let Some(event) = events.value.take(&name) else { continue };
        add_api(&event.value, event.span, declared, apis);
        parts.push(part_of(declared, format!("Events.{name}"), event.span, why));
    }
    declared.properties.set("Events", events.value);
}

/// The API that SAM makes for an event of type `Api` or `HttpApi` that names none.
fn implicit_api(event: &Node) -> Option<(&'static str, &'static str)> {
    let names = |key: &str| event.get("Properties").is_some_and(|properties| properties.get(key).is_some());
    match event.get("Type").and_then(Node::as_text) {
        Some("Api") if !names("RestApiId") => Some(("ServerlessRestApi", "AWS::ApiGateway::RestApi")),
        Some("HttpApi") if !names("ApiId") => Some(("ServerlessHttpApi", "AWS::ApiGatewayV2::Api")),
        _ => None,
    }
}

/// The properties of a function that SAM moves to the role it generates.
const ROLE_PROPERTIES: [(&str, &str); 4] = [
    ("Policies", "Policies"),
    ("AssumeRolePolicyDocument", "AssumeRolePolicyDocument"),
    ("RolePath", "Path"),
    ("PermissionsBoundary", "PermissionsBoundary"),
];

fn function(
    declared: &mut Declared,
    here: &http_api::Apis,
    buckets: &mut Vec<events::BucketEvent>,
) -> Fallible<Vec<Declared>> {
    let mut generated = Vec::new();
    let span = declared.span;
    let mut role = Node::map(span, []);
    for (from, to) in ROLE_PROPERTIES {
        if let Some(entry) = declared.properties.take(from) {
            role.set(to, entry.value);
        }
    }
    if declared.properties.get("Role").is_none() {
        let id = format!("{}Role", declared.logical_id);
        if role.get("AssumeRolePolicyDocument").is_none() {
            role.set("AssumeRolePolicyDocument", trust(span, "lambda.amazonaws.com"));
        }
        declared.properties.set("Role", Node::attribute(span, &id, "Arn"));
        generated.push(Declared::generated(id, "AWS::IAM::Role", span, role, declared));
    }
    if declared.aws_only {
        for resource in &mut generated {
            resource.aws_only = true;
        }
        return Ok(generated);
    }
    if let Some(config) = declared.properties.take("EventInvokeConfig") {
        invoke_config::expand(declared, &config.value, &mut generated)?;
    }
    if let Some(events) = declared.properties.take("Events") {
        for event in events.value.want_map(&format!("`Events` of `{}`", declared.logical_id))? {
            events::expand(declared, event, here, &mut generated, buckets)?;
        }
    }
    Ok(generated)
}

/// The trust policy of a role that SAM generates for a service.
fn trust(span: Span, service: &str) -> Node {
    let texts = |text: &str| Node::list(span, vec![Node::text(span, text)]);
    let statement = Node::map(
        span,
        [
            ("Effect", Node::text(span, "Allow")),
            ("Principal", Node::map(span, [("Service", texts(service))])),
            ("Action", texts("sts:AssumeRole")),
        ],
    );
    let statements = Node::list(span, vec![statement]);
    Node::map(span, [("Version", Node::text(span, "2012-10-17")), ("Statement", statements)])
}

/// What a function's events invoke: its alias where it publishes one, else itself.
fn target_arn(declared: &Declared, span: Span) -> Node {
    match declared.properties.get("AutoPublishAlias") {
        Some(_) => Node::reference(span, &format!("{}.Alias", declared.logical_id)),
        None => Node::attribute(span, &declared.logical_id, "Arn"),
    }
}

/// How a function is named in permissions and mappings: its alias where it publishes one, else its name.
fn target_name(declared: &Declared, span: Span) -> Node {
    match declared.properties.get("AutoPublishAlias") {
        Some(_) => target_arn(declared, span),
        None => Node::reference(span, &declared.logical_id),
    }
}
