//! A template's resources with what the text alone says of them: nothing has to be given, and no type has to be known. What is known
//! only once it is deployed has a text in its place. This is for looking at templates of anybody, not for bringing them up.

use crate::document::{Declared, Document};
use crate::node::{Node, Value};
use crate::source::{Place, Source};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the place of a value that nobody knows yet.
const UNKNOWN: &str = "unknown-until-deployed";
const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// How deep references are followed: a parameter's default is not one, and conditions are not judged.
const DEPTH: usize = 64;

/// A resource as its text has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loose {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    pub type_: String,
    /// Where it is declared.
    pub place: Place,
    /// Its properties. A reference to a resource is its logical id, an attribute `Arn` ends with `/` and that; of both values of a
    /// condition's choice the first is here.
    pub properties: Json,
    /// Its metadata.
    pub metadata: Json,
    places: BTreeMap<String, Place>,
}

impl Loose {
    /// Where a part of its properties stands, named by a JSON pointer; of the nearest one around it where it is not known itself.
    #[must_use]
    pub fn place_of(&self, pointer: &str) -> &Place {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return place;
            }
            match pointer.rsplit_once('/') {
                Some((around, _)) => pointer = around,
                None => return &self.place,
            }
        }
    }
}

/// The resources of a document.
pub(crate) fn resources(document: &Document, source: &Source) -> Vec<Loose> {
    let reader = Reader { document, names: document.resources.iter().map(|one| one.logical_id.as_str()).collect() };
    document.resources.iter().map(|declared| reader.resource(declared, source)).collect()
}

struct Reader<'d> {
    document: &'d Document,
    names: BTreeSet<&'d str>,
}

impl Reader<'_> {
    fn resource(&self, declared: &Declared, source: &Source) -> Loose {
        let mut places = BTreeMap::new();
        let properties = self.value(
            &declared.properties,
            "",
            &mut |pointer: &str, node: &Node| {
                places.entry(pointer.to_owned()).or_insert_with(|| source.place(node.span));
            },
            0,
        );
        let metadata =
            declared.metadata.as_ref().map(|node| self.value(node, "", &mut |_, _| {}, 0)).unwrap_or_default();
        Loose {
            logical_id: declared.logical_id.clone(),
            type_: declared.type_.clone(),
            place: source.place(declared.span),
            properties,
            metadata,
            places,
        }
    }

    fn value(&self, node: &Node, pointer: &str, at: &mut dyn FnMut(&str, &Node), depth: usize) -> Json {
        at(pointer, node);
        if depth > DEPTH {
            return json!(UNKNOWN);
        }
        if let Some(only) = node.intrinsic() {
            return self.intrinsic(&only.key, &only.value, pointer, at, depth + 1);
        }
        match &node.value {
            Value::List(items) => {
                // `AWS::NoValue` is not an item.
                let items = items.iter().filter(|item| !is_no_value(item)).enumerate();
                items.map(|(place, item)| self.value(item, &format!("{pointer}/{place}"), at, depth + 1)).collect()
            }
            Value::Map(entries) => {
                let entries = entries.iter().filter(|entry| !is_no_value(&entry.value));
                let each = entries.map(|entry| {
                    let pointer = format!("{pointer}/{}", entry.key.replace('~', "~0").replace('/', "~1"));
                    (entry.key.clone(), self.value(&entry.value, &pointer, at, depth + 1))
                });
                each.collect::<Map<_, _>>().into()
            }
            _ => node.to_json(),
        }
    }

    fn intrinsic(
        &self,
        name: &str,
        given: &Node,
        pointer: &str,
        at: &mut dyn FnMut(&str, &Node),
        depth: usize,
    ) -> Json {
        let items = || match &given.value {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        match name {
            "Ref" => json!(self.reference(given.as_text().unwrap_or_default())),
            "Fn::GetAtt" => {
                let text = match &given.value {
                    Value::Text(text) => text.clone(),
                    _ => items().iter().filter_map(Node::as_text).collect::<Vec<_>>().join("."),
                };
                json!(self.attribute(&text))
            }
            "Fn::Sub" => {
                let (text, values) = match items() {
                    [text, values, ..] => (text.as_text(), Some(values)),
                    [text] => (text.as_text(), None),
                    [] => (given.as_text(), None),
                };
                json!(self.substituted(text.unwrap_or_default(), values, at, depth))
            }
            "Fn::Join" => match items() {
                [between, parts, ..] => {
                    let parts = self.value(parts, pointer, &mut |_, _| {}, depth);
                    let parts = parts.as_array().cloned().unwrap_or_default();
                    let parts: Vec<&str> = parts.iter().map(|part| part.as_str().unwrap_or(UNKNOWN)).collect();
                    json!(parts.join(between.as_text().unwrap_or_default()))
                }
                _ => json!(UNKNOWN),
            },
            "Fn::If" => match items() {
                [_, first, second, ..] => {
                    self.value(if is_no_value(first) { second } else { first }, pointer, at, depth)
                }
                _ => json!(UNKNOWN),
            },
            "Fn::ToJsonString" => json!(self.value(given, pointer, &mut |_, _| {}, depth).to_string()),
            _ => json!(UNKNOWN),
        }
    }

    /// What a name refers to, as far as it is known.
    fn reference(&self, name: &str) -> String {
        match name {
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Region" => REGION.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::StackName" => "stack".to_owned(),
            _ if self.names.contains(name) => name.to_owned(),
            _ => {
                let parameter = self.document.parameters.get(name);
                let default = parameter.and_then(|parameter| parameter.get("Default")?.scalar());
                default.filter(|default| !default.is_empty()).unwrap_or_else(|| UNKNOWN.to_owned())
            }
        }
    }

    fn attribute(&self, text: &str) -> String {
        match text.split_once('.') {
            Some((name, attribute)) if attribute.ends_with("Arn") => {
                format!("arn:aws:unknown:{REGION}:{ACCOUNT}:resource/{name}")
            }
            Some((name, attribute)) => format!("{name}-{attribute}"),
            None => UNKNOWN.to_owned(),
        }
    }

    fn substituted(&self, text: &str, values: Option<&Node>, at: &mut dyn FnMut(&str, &Node), depth: usize) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, next)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            rest = next;
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let given = values.and_then(|values| values.get(name));
            let value = match given {
                Some(given) => self.value(given, "", at, depth).as_str().unwrap_or(UNKNOWN).to_owned(),
                None if name.contains('.') => self.attribute(name),
                None => self.reference(name),
            };
            out.push_str(&value);
        }
        out.push_str(rest);
        out
    }
}

fn is_no_value(node: &Node) -> bool {
    node.intrinsic().is_some_and(|only| only.key == "Ref" && only.value.as_text() == Some("AWS::NoValue"))
}
