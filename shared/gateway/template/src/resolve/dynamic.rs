//! Dynamic references: `{{resolve:ssm:…}}` and `{{resolve:secretsmanager:…}}`, wherever they stand in a text.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>: CloudFormation looks a value up when it
//! makes the resource. Here there is no Parameter Store, so a parameter is one that the template declares itself. A secret is one of
//! the template, or one that the gateway's Secrets Manager holds when the template is brought up.

use super::{Resolver, TEXT_LIMIT};
use crate::document::Declared;
use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::source::Span;

const OPEN: &str = "{{resolve:";
const CLOSE: &str = "}}";

/// A parameter of Systems Manager that a template declares.
pub(super) const PARAMETER: &str = "AWS::SSM::Parameter";
/// A secret that a template declares.
const SECRET: &str = "AWS::SecretsManager::Secret";

const ELSE: &str = "or pass the value as a parameter of the template";

impl<'t> Resolver<'t> {
    /// A resolved node with the values of its dynamic references in their places.
    pub(super) fn dynamic(&mut self, node: Node) -> Fallible<Node> {
        let span = node.span;
        let value = match node.value {
            Value::Text(text) if text.contains(OPEN) => Value::Text(self.filled(&text, span)?),
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.dynamic(item)).collect::<Fallible<_>>()?)
            }
            Value::Map(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|entry| Ok(Entry { value: self.dynamic(entry.value)?, key: entry.key, span: entry.span }));
                Value::Map(entries.collect::<Fallible<_>>()?)
            }
            other => other,
        };
        Ok(Node { span, value })
    }

    fn filled(&mut self, text: &str, span: Span) -> Fallible<String> {
        let mut made = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let Some((reference, after)) = after.split_once(CLOSE) else {
                return Err(Fault::value(span, "a dynamic reference", format!("has `{OPEN}` without its `{CLOSE}`")));
            };
            made.push_str(before);
            match self.looked_up(reference, span)? {
                Some(value) => made.push_str(&value),
                None => made.push_str(&format!("{OPEN}{reference}{CLOSE}")),
            }
            if made.len() > TEXT_LIMIT {
                let why = format!("the text made here is longer than {TEXT_LIMIT} bytes");
                return Err(Fault::new(span, Problem::Limit(why)));
            }
            rest = after;
        }
        made.push_str(rest);
        Ok(made)
    }

    /// The value of a reference, which is told without its braces; `None` where it is known only later.
    fn looked_up(&mut self, reference: &str, span: Span) -> Fallible<Option<String>> {
        let (service, of) = reference.split_once(':').unwrap_or((reference, ""));
        match service {
            "ssm" => self.parameter(reference, of, span).map(Some),
            "secretsmanager" => self.secret(reference, of, span),
            "ssm-secure" => Err(absent(reference, span, "there is no Parameter Store here, where secure strings are")
                .helped(format!("keep it in Secrets Manager and name it by `{OPEN}secretsmanager:…{CLOSE}`, {ELSE}"))),
            _ => Err(Fault::value(
                span,
                format!("the dynamic reference `{OPEN}{reference}{CLOSE}`"),
                "names none of `ssm`, `ssm-secure` and `secretsmanager`",
            )),
        }
    }

    /// `NAME[:VERSION]`.
    fn parameter(&mut self, reference: &str, of: &str, span: Span) -> Fallible<String> {
        let (name, version) = of.split_once(':').map_or((of, None), |(name, version)| (name, Some(version)));
        let Some(declared) = self.declared(PARAMETER, name)? else {
            let why = "there is no Parameter Store here, and the template declares no such parameter";
            return Err(absent(reference, span, why)
                .helped(format!("declare an `{PARAMETER}` whose `Name` is `{name}`, {ELSE}")));
        };
        if version.is_some_and(|version| version != "1") {
            let why = "a parameter that the template declares has version 1 alone";
            return Err(absent(reference, span, why).helped("leave the version away"));
        }
        let value = self.parameter_value(declared, span)?;
        Ok(value.scalar().unwrap_or_default())
    }

    /// The value of a parameter that the template declares.
    pub(super) fn parameter_value(&mut self, declared: &'t Declared, span: Span) -> Fallible<Node> {
        let text = self.property_text(declared, "Value")?;
        text.map(|text| Node::text(span, text)).ok_or_else(|| missing(declared, "Value"))
    }

    /// `ID[:SecretString[:KEY[:STAGE[:VERSION]]]]`, where the id is a name or an ARN.
    fn secret(&mut self, reference: &str, of: &str, span: Span) -> Fallible<Option<String>> {
        // An ARN has seven parts itself.
        let parts: Vec<&str> = of.split(':').collect();
        let of_id = if of.starts_with("arn:") { 7 } else { 1 };
        let (id, rest) = parts.split_at(of_id.min(parts.len()));
        let id = id.join(":");
        let at = |n: usize| rest.get(n).copied().filter(|part| !part.is_empty());
        let wrong =
            |why: &str| Fault::value(span, format!("the dynamic reference `{OPEN}{reference}{CLOSE}`"), why.to_owned());
        if id.is_empty() || rest.len() > 4 {
            return Err(wrong("is not `secretsmanager:SECRET:SecretString:KEY:STAGE:VERSION`"));
        }
        if at(0).is_some_and(|what| what != "SecretString") {
            return Err(wrong("asks for something else than `SecretString`"));
        }
        if at(2).is_some_and(|stage| stage != "AWSCURRENT") || at(3).is_some() {
            return Err(absent(reference, span, "a template gets the current version of a secret")
                .helped("leave stage and version away"));
        }
        let own = match self.declared(SECRET, &id)? {
            Some(declared) => self.property_text(declared, "SecretString")?,
            None => None,
        };
        let text = match (own, &self.settings.secrets) {
            (Some(text), _) => text,
            (None, None) => return Ok(None),
            (None, Some(secrets)) => {
                let held = secrets.0.get(&id).cloned();
                held.ok_or_else(|| {
                    let why = "the gateway's Secrets Manager has no such secret with a `SecretString`";
                    absent(reference, span, why).helped(format!(
                        "make it before the template comes up (`drydock up` in an empty folder, `aws secretsmanager \
                         create-secret`), with the same --data-dir, declare it in the template with its `SecretString`, {ELSE}"
                    ))
                })?
            }
        };
        let Some(key) = at(1) else { return Ok(Some(text)) };
        // No text of the secret in what is told.
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|_| wrong("wants a key of a secret that is not JSON"))?;
        match json.get(key) {
            Some(serde_json::Value::String(value)) => Ok(Some(value.clone())),
            Some(value) => Ok(Some(value.to_string())),
            None => Err(wrong("wants a key that the secret does not have")),
        }
    }

    /// What the template declares of a type under a name, as far as its condition holds.
    fn declared(&mut self, type_: &str, name: &str) -> Fallible<Option<&'t Declared>> {
        for declared in self.document.resources.iter().filter(|declared| declared.type_ == type_) {
            if let Some((condition, span)) = &declared.condition
                && !self.condition(condition, *span)?
            {
                continue;
            }
            let identity = self.identity(declared)?;
            let given = self.property_text(declared, "Name")?;
            let called = given.as_deref().unwrap_or(&identity.name);
            if name == called || name == identity.name {
                return Ok(Some(declared));
            }
            // By ARN, with the six characters behind the name or without.
            let arn = identity.arn("secretsmanager", &format!("secret:{called}"));
            let rest = name.strip_prefix(&arn).map(|rest| rest.trim_start_matches('-'));
            if type_ == SECRET && rest.is_some_and(|rest| rest.is_empty() || rest.len() == 6) {
                return Ok(Some(declared));
            }
        }
        Ok(None)
    }

    /// A property that is to be a text, and no dynamic reference itself: CloudFormation looks up once.
    pub(super) fn property_text(&mut self, declared: &'t Declared, name: &str) -> Fallible<Option<String>> {
        let Some(node) = declared.properties.get(name) else { return Ok(None) };
        // Deeper than nothing, so that references in it are not looked up.
        self.depth += 1;
        let edges = self.take_edges();
        let value = self.resolve(node);
        self.edges = edges;
        self.depth -= 1;
        let Some(value) = value? else { return Ok(None) };
        let what = format!("`{name}` of `{}`", declared.logical_id);
        let text = value.scalar().ok_or_else(|| value.mismatch(what.clone(), "a string"))?;
        if text.contains(OPEN) {
            return Err(Fault::value(node.span, what, "may not be a dynamic reference where another one names it"));
        }
        Ok(Some(text))
    }
}

fn absent(reference: &str, span: Span, why: &str) -> Box<Fault> {
    Fault::not_implemented(span, format!("the dynamic reference `{OPEN}{reference}{CLOSE}`"), why)
}

fn missing(declared: &Declared, name: &str) -> Box<Fault> {
    let of = format!("`{}` ({})", declared.logical_id, declared.type_);
    Fault::new(declared.span, Problem::Missing { of, name: name.to_owned() })
}
