//! `Ref`, `Fn::GetAtt` and `Fn::Sub`, and what resources are called.

use super::Resolver;
use crate::document::Declared;
use crate::error::{Fallible, Fault, Problem, nearest};
use crate::kinds::{self, Identity, Kind};
use crate::node::{Node, Value};
use crate::source::Span;
use std::collections::HashMap;
use std::rc::Rc;

/// The names worked out so far, and those being worked out.
#[derive(Default)]
pub(super) struct Identities {
    known: HashMap<String, Rc<Identity>>,
    open: Vec<String>,
}

/// What a resource that exists on AWS alone answers to `Ref` and `Arn`: plausible, since nothing here will use it.
const AWS_ONLY: &str =
    "the resource exists on AWS alone (`Metadata: {Drydock: aws-only}`), so only its name and `Arn` are known";

impl<'t> Resolver<'t> {
    fn unknown_name(&self, function: &'static str, name: &str, span: Span) -> Box<Fault> {
        let why = "is not a resource, parameter or pseudo parameter of this template".to_owned();
        let fault = Fault::new(span, Problem::Reference { function, name: name.to_owned(), why });
        let names = self
            .resources
            .keys()
            .copied()
            .chain(self.parameters.keys().map(String::as_str))
            .chain(PSEUDO.iter().copied());
        match nearest(name, names) {
            Some(near) => fault.helped(format!("did you mean `{near}`?")),
            None => fault,
        }
    }

    fn resource(&mut self, function: &'static str, name: &str, span: Span) -> Fallible<&'t Declared> {
        let declared = self.resources.get(name).copied().ok_or_else(|| self.unknown_name(function, name, span))?;
        if !self.open_conditions.is_empty() {
            let why =
                "is a resource, and conditions may only use parameters, pseudo parameters and mappings".to_owned();
            return Err(Fault::new(span, Problem::Reference { function, name: name.to_owned(), why }));
        }
        if let Some((condition, at)) = &declared.condition
            && !self.condition(condition, *at)?
        {
            let why = format!("does not exist, since its condition `{condition}` is false");
            let fault = Fault::new(span, Problem::Reference { function, name: name.to_owned(), why });
            return Err(fault.helped(format!("refer to it inside `Fn::If` with `{condition}`")));
        }
        self.edges.insert(name.to_owned());
        Ok(declared)
    }

    /// `Ref: name`.
    pub(super) fn reference(&mut self, argument: &Node) -> Fallible<Option<Node>> {
        let Some(name) = argument.as_text() else {
            return Err(Fault::intrinsic(argument.span, "Ref", "wants a name"));
        };
        self.named("Ref", name, argument.span)
    }

    fn named(&mut self, function: &'static str, name: &str, span: Span) -> Fallible<Option<Node>> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(Node { span, value: value.value.clone() }));
        }
        if name.starts_with("AWS::") {
            return self.pseudo(function, name, span);
        }
        // SAM lets `Function.Alias` and `Function.Version` be referred to.
        if function == "Ref"
            && let Some((id, part @ ("Alias" | "Version"))) = name.split_once('.')
        {
            let declared = self.resource(function, id, span)?;
            let alias = match declared.properties.get("AutoPublishAlias") {
                Some(alias) => self.text(alias, "Ref")?,
                None => {
                    let why = format!("names `{name}`, but `{id}` has no `AutoPublishAlias`");
                    return Err(Fault::intrinsic(span, "Ref", why));
                }
            };
            let identity = self.identity(declared)?;
            let qualifier = if part == "Alias" { alias } else { "1".to_owned() };
            return Ok(Some(Node::text(
                span,
                format!("{}:{qualifier}", identity.arn("lambda", &format!("function:{}", identity.name))),
            )));
        }
        let declared = self.resource(function, name, span)?;
        let identity = self.identity(declared)?;
        if declared.type_ == super::dynamic::PARAMETER
            && let Some(given) = self.property_text(declared, "Name")?
        {
            return Ok(Some(Node::text(span, given)));
        }
        let text =
            kinds::find(&declared.type_).map_or_else(|| identity.name.clone(), |kind| (kind.reference)(&identity));
        Ok(Some(Node::text(span, text)))
    }

    fn pseudo(&mut self, function: &'static str, name: &str, span: Span) -> Fallible<Option<Node>> {
        let scope = &self.settings.scope;
        let text = match name {
            "AWS::AccountId" => scope.account.to_string(),
            "AWS::Region" => scope.region.to_string(),
            "AWS::Partition" => scope.partition().to_owned(),
            "AWS::StackName" => self.settings.stack_name.clone(),
            "AWS::StackId" => self.settings.stack_id(),
            "AWS::URLSuffix" => self.settings.url_suffix().to_owned(),
            "AWS::NoValue" => return Ok(None),
            "AWS::NotificationARNs" => {
                let arns = self.settings.notification_arns.iter().map(|arn| Node::text(span, arn.clone())).collect();
                return Ok(Some(Node::list(span, arns)));
            }
            _ => return Err(self.unknown_name(function, name, span)),
        };
        Ok(Some(Node::text(span, text)))
    }

    /// `Fn::GetAtt: [resource, attribute]` or `resource.attribute`.
    pub(super) fn get_att(&mut self, argument: &Node) -> Fallible<Node> {
        let wants = || Fault::intrinsic(argument.span, "Fn::GetAtt", "wants a resource and an attribute");
        let (name, attribute) = match &argument.value {
            Value::Text(text) => {
                let (name, attribute) = text.split_once('.').ok_or_else(wants)?;
                (name.to_owned(), attribute.to_owned())
            }
            Value::List(items) => match items.as_slice() {
                [name, attribute] => {
                    let attribute = self.text(attribute, "Fn::GetAtt")?;
                    (name.as_text().ok_or_else(wants)?.to_owned(), attribute)
                }
                _ => return Err(wants()),
            },
            _ => return Err(wants()),
        };
        self.attribute("Fn::GetAtt", &name, &attribute, argument.span)
    }

    fn attribute(&mut self, function: &'static str, name: &str, attribute: &str, span: Span) -> Fallible<Node> {
        let declared = self.resource(function, name, span)?;
        let identity = self.identity(declared)?;
        let kind = kinds::find(&declared.type_);
        let known = kind.and_then(|kind| kind.attributes.iter().find(|(known, _)| *known == attribute));
        let value = match known {
            Some((_, value)) => Some(value(&identity)),
            None if attribute == "Value" && declared.type_ == super::dynamic::PARAMETER => {
                return self.parameter_value(declared, span);
            }
            None if declared.aws_only && attribute == "Arn" => Some(aws_only_arn(declared, &identity)),
            None if declared.left.is_some() && attribute.ends_with("Arn") => Some(aws_only_arn(declared, &identity)),
            None if declared.left.is_some() => Some(format!("{}-{attribute}", identity.name)),
            None => None,
        };
        value.map(|value| Node::text(span, value)).ok_or_else(|| {
            let fault = Fault::new(
                span,
                Problem::Attribute {
                    logical_id: name.to_owned(),
                    type_: declared.type_.clone(),
                    attribute: attribute.to_owned(),
                },
            );
            match kind {
                _ if declared.aws_only => fault.helped(AWS_ONLY),
                Some(kind) if kind.attributes.is_empty() => fault.helped(format!("it has none; see {}", kind.page)),
                Some(kind) => {
                    let names: Vec<&str> = kind.attributes.iter().map(|(name, _)| *name).collect();
                    fault.helped(format!("known: {}; see {}", crate::document::list(&names), kind.page))
                }
                None => fault,
            }
        })
    }

    /// `Fn::Sub: text` or `[text, {name: value}]`.
    pub(super) fn sub(&mut self, argument: &Node) -> Fallible<Node> {
        let wants =
            || Fault::intrinsic(argument.span, "Fn::Sub", "wants a string, or a string and a mapping of values");
        let (source, variables): (&Node, Option<&Node>) = match &argument.value {
            Value::List(items) => match items.as_slice() {
                [source, variables @ Node { value: Value::Map(_), .. }] => (source, Some(variables)),
                _ => return Err(wants()),
            },
            _ => (argument, None),
        };
        let template = source.scalar().ok_or_else(wants)?;
        let mut given: HashMap<&str, String> = HashMap::new();
        for variable in variables.map(Node::entries).unwrap_or_default() {
            given.insert(&variable.key, self.text(&variable.value, "Fn::Sub")?);
        }
        let mut made = String::new();
        let mut rest = template.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            made.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return Err(Fault::intrinsic(source.span, "Fn::Sub", "has a `${` without its `}`"));
            };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                made.push_str("${");
                made.push_str(literal);
                made.push('}');
            } else if let Some(value) = given.get(name) {
                made.push_str(value);
            } else {
                made.push_str(&self.substitute(name, source.span)?);
            }
            if made.len() > super::TEXT_LIMIT {
                break;
            }
        }
        made.push_str(rest);
        self.made(argument.span, made)
    }

    fn substitute(&mut self, name: &str, span: Span) -> Fallible<String> {
        let literal = || format!("to keep `${{{name}}}` as it is, write `${{!{name}}}`");
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._:".contains(letter);
        if name.is_empty() || !name.chars().all(allowed) {
            let why = format!("has `${{{name}}}`: names consist of letters, digits, `_`, `.` and `:`");
            return Err(Fault::intrinsic(span, "Fn::Sub", why).helped(literal()));
        }
        let value = match name.split_once('.') {
            Some((id, attribute)) if !self.parameters.contains_key(name) => {
                Some(self.attribute("Fn::Sub", id, attribute, span)?)
            }
            _ => match self.named("Fn::Sub", name, span) {
                Err(mut fault) if matches!(fault.problem, Problem::Reference { .. }) && fault.help.is_none() => {
                    fault.help = Some(literal());
                    return Err(fault);
                }
                other => other?,
            },
        };
        value.and_then(|value| value.scalar()).ok_or_else(|| {
            Fault::intrinsic(
                span,
                "Fn::Sub",
                format!("needs a string for `${{{name}}}`, and it is a list or `AWS::NoValue`"),
            )
        })
    }

    /// What a resource is called, worked out once.
    pub(crate) fn identity(&mut self, declared: &Declared) -> Fallible<Rc<Identity>> {
        let id = &declared.logical_id;
        if let Some(known) = self.identities.known.get(id) {
            return Ok(Rc::clone(known));
        }
        if let Some(start) = self.identities.open.iter().position(|open| open == id) {
            let path = self.identities.open.iter().skip(start).chain([id]).map(String::as_str).collect::<Vec<_>>();
            let problem = Problem::Circular(format!("the names of {}", path.join(" → ")));
            return Err(Fault::with_help(
                declared.span,
                problem,
                "give one of them a name that does not refer to another",
            ));
        }
        if self.identities.open.len() >= super::CHAIN_LIMIT {
            let why = format!("more than {} names are made of one another here", super::CHAIN_LIMIT);
            return Err(Fault::new(declared.span, Problem::Limit(why)));
        }
        // What a name refers to is not a dependency of whoever asks for the name.
        let outer = self.take_edges();
        self.identities.open.push(id.clone());
        let identity = self.identify(declared, kinds::find(&declared.type_));
        self.identities.open.pop();
        self.edges = outer;
        let identity = Rc::new(identity?);
        self.identities.known.insert(id.clone(), Rc::clone(&identity));
        Ok(identity)
    }

    fn identify(&mut self, declared: &Declared, kind: Option<&'static Kind>) -> Fallible<Identity> {
        let made = self.settings.made.get(&declared.logical_id).cloned();
        let mut property = |name: Option<&str>| -> Fallible<Option<(String, Span)>> {
            let Some(node) = name.and_then(|name| declared.properties.get(name)) else { return Ok(None) };
            let Some(value) = self.resolve(node)? else { return Ok(None) };
            // A name may be asked for in the midst of another value.
            let value = self.dynamic(value)?;
            Ok(Some((
                value.want_text(&format!("`{}` of `{}`", name.unwrap_or_default(), declared.logical_id))?,
                node.span,
            )))
        };
        let naming = kind.map_or(crate::names::Naming::GENERATED, |kind| kind.naming);
        let extra = property(kind.and_then(|kind| kind.extra))?.map(|(text, _)| text);
        if let Some(name) = made {
            return Ok(self.named_identity(declared, name, extra));
        }
        let name = match property(naming.property)? {
            Some((name, span)) => {
                naming.check(&name, naming.property.unwrap_or_default(), span)?;
                name
            }
            None => {
                let fifo = naming.fifo && extra.as_deref() == Some("true");
                naming.generate(&self.settings.stack_name, &declared.logical_id, fifo)
            }
        };
        Ok(self.named_identity(declared, name, extra))
    }

    fn named_identity(&self, declared: &Declared, name: String, extra: Option<String>) -> Identity {
        Identity {
            logical_id: declared.logical_id.clone(),
            name,
            extra,
            scope: self.settings.scope.clone(),
            stack: self.settings.stack_name.clone(),
            queue_url_base: self.settings.queue_url_base.trim_end_matches('/').to_owned(),
        }
    }

    /// Checks that what a value refers to exists, where the value itself is of no use here.
    pub(crate) fn check_references(&self, node: &Node) -> Fallible<()> {
        if let Some(function) = node.intrinsic() {
            let exists = |function: &'static str, name: &str| {
                let id = name.split_once('.').map_or(name, |(id, _)| id);
                let known =
                    self.parameters.contains_key(name) || self.resources.contains_key(id) || PSEUDO.contains(&name);
                if known { Ok(()) } else { Err(self.unknown_name(function, id, node.span)) }
            };
            match (function.key.as_str(), &function.value.value) {
                ("Ref", Value::Text(name)) => exists("Ref", name)?,
                ("Fn::GetAtt", Value::Text(name)) => exists("Fn::GetAtt", name)?,
                ("Fn::GetAtt", Value::List(items)) => {
                    if let Some(name) = items.first().and_then(Node::as_text) {
                        exists("Fn::GetAtt", name)?;
                    }
                }
                ("Fn::Sub", Value::Text(text)) => {
                    for part in text.split("${").skip(1) {
                        match part.split_once('}') {
                            Some((name, _)) if !name.starts_with('!') => exists("Fn::Sub", name)?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        match &node.value {
            Value::List(items) => items.iter().try_for_each(|item| self.check_references(item)),
            Value::Map(entries) => entries.iter().try_for_each(|entry| self.check_references(&entry.value)),
            _ => Ok(()),
        }
    }
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html>
const PSEUDO: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// `AWS::KMS::Key` → `arn:aws:kms:<region>:<account>:key/<name>`, and the forms of what templates often mark.
fn aws_only_arn(declared: &Declared, identity: &Identity) -> String {
    let name = &identity.name;
    let mut parts = declared.type_.split("::").skip(1).map(str::to_lowercase);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (service.as_str(), resource.as_str()) {
        ("s3", "bucket") => format!("arn:{}:s3:::{name}", identity.scope.partition()),
        ("cloudwatch", "alarm") => identity.arn("cloudwatch", &format!("alarm:{name}")),
        _ => identity.arn(&service, &format!("{resource}/{name}")),
    }
}
