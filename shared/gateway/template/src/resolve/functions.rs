//! The intrinsic functions that compute a value from their arguments.

use super::Resolver;
use crate::document::LANGUAGE_EXTENSIONS;
use crate::error::{Fallible, Fault};
use crate::node::{Node, Value};
use crate::source::Span;
use base64::Engine as _;

pub(super) const NAMES: &[&str] = &[
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Fn::ToJsonString",
];

impl Resolver<'_> {
    fn pair<'n>(&self, argument: &'n Node, function: &str, wants: &str) -> Fallible<(&'n Node, &'n Node)> {
        match &argument.value {
            Value::List(items) => match items.as_slice() {
                [first, second] => Ok((first, second)),
                _ => Err(Fault::intrinsic(argument.span, function, format!("wants {wants}"))),
            },
            _ => Err(Fault::intrinsic(argument.span, function, format!("wants {wants}"))),
        }
    }

    /// `Fn::Join: [delimiter, [values]]`.
    pub(super) fn join(&mut self, argument: &Node) -> Fallible<Node> {
        let (delimiter, values) = self.pair(argument, "Fn::Join", "a delimiter and a list of values")?;
        let delimiter = self.text(delimiter, "Fn::Join")?;
        let mut joined = String::new();
        for (index, item) in self.items(values, "Fn::Join")?.iter().enumerate() {
            if index > 0 {
                joined.push_str(&delimiter);
            }
            let text = item.scalar().ok_or_else(|| {
                Fault::intrinsic(item.span, "Fn::Join", format!("joins strings, not {}", item.found()))
            })?;
            joined.push_str(&text);
            if joined.len() > super::TEXT_LIMIT {
                break;
            }
        }
        self.made(argument.span, joined)
    }

    /// `Fn::Split: [delimiter, text]`.
    pub(super) fn split(&mut self, argument: &Node) -> Fallible<Node> {
        let (delimiter, source) = self.pair(argument, "Fn::Split", "a delimiter and a string")?;
        let separator = self.text(delimiter, "Fn::Split")?;
        if separator.is_empty() {
            return Err(Fault::intrinsic(delimiter.span, "Fn::Split", "cannot split at an empty delimiter"));
        }
        let text = self.text(source, "Fn::Split")?;
        let parts = text.split(separator.as_str()).map(|part| Node::text(source.span, part)).collect();
        Ok(Node::list(argument.span, parts))
    }

    /// `Fn::Select: [index, [values]]`.
    pub(super) fn select(&mut self, argument: &Node) -> Fallible<Node> {
        let (index, values) = self.pair(argument, "Fn::Select", "an index and a list")?;
        let text = self.text(index, "Fn::Select")?;
        let values = self.items(values, "Fn::Select")?;
        let count = values.len();
        text.parse::<usize>().ok().and_then(|index| values.into_iter().nth(index)).ok_or_else(|| {
            Fault::intrinsic(
                index.span,
                "Fn::Select",
                format!("has no item `{text}`: the list has {count}, counted from 0"),
            )
        })
    }

    /// `Fn::FindInMap: [map, first key, second key]`, and `{DefaultValue: …}` with the language extensions.
    pub(super) fn find_in_map(&mut self, argument: &Node) -> Fallible<Option<Node>> {
        let name = "Fn::FindInMap";
        let wants = || Fault::intrinsic(argument.span, name, "wants a map's name and two keys");
        let (map, first, second, default) = match argument.want_list(name).map_err(|_| wants())? {
            [map, first, second] => (map, first, second, None),
            [map, first, second, last] => match last.entries() {
                [only] if only.key == "DefaultValue" => {
                    self.needs_extensions("`DefaultValue` of `Fn::FindInMap`", last.span)?;
                    (map, first, second, Some(&only.value))
                }
                _ => return Err(wants()),
            },
            _ => return Err(wants()),
        };
        let (map_name, first_key, second_key) =
            (self.text(map, name)?, self.text(first, name)?, self.text(second, name)?);
        let missing = |node: &Node, what: String| Fault::intrinsic(node.span, name, what);
        let document = self.document;
        let found = match document.mappings.get(&map_name) {
            None => Err(missing(map, format!("names the map `{map_name}`, which `Mappings` does not have"))),
            Some(keys) => match keys.get(&first_key) {
                None => Err(missing(first, format!("finds no `{first_key}` in the map `{map_name}`"))),
                Some(values) => values
                    .get(&second_key)
                    .ok_or_else(|| missing(second, format!("finds no `{second_key}` under `{map_name}.{first_key}`"))),
            },
        };
        match (found, default) {
            (Ok(value), _) => {
                literal(value)?;
                Ok(Some(Node { span: argument.span, value: value.value.clone() }))
            }
            (Err(_), Some(default)) => self.resolve(default),
            (Err(fault), None) => Err(fault),
        }
    }

    /// `Fn::Base64: text`.
    pub(super) fn base64(&mut self, argument: &Node) -> Fallible<Node> {
        let text = self.text(argument, "Fn::Base64")?;
        self.made(argument.span, base64::engine::general_purpose::STANDARD.encode(text))
    }

    /// `Fn::GetAZs: region`: the first three zones, which every region that offers AWS IoT Core has.
    pub(super) fn zones(&mut self, argument: &Node) -> Fallible<Node> {
        let region = match self.text(argument, "Fn::GetAZs")? {
            region if region.is_empty() => self.settings.scope.region.to_string(),
            region => region,
        };
        let zones = ["a", "b", "c"].map(|zone| Node::text(argument.span, format!("{region}{zone}")));
        Ok(Node::list(argument.span, zones.to_vec()))
    }

    /// `Fn::ImportValue: name`: what the caller says that another stack exports.
    pub(super) fn import(&mut self, argument: &Node) -> Fallible<Node> {
        let name = self.text(argument, "Fn::ImportValue")?;
        match self.settings.imports.get(&name) {
            Some(value) => Ok(Node::text(argument.span, value.clone())),
            None => {
                let why = format!("names `{name}`, which no other stack exports here");
                Err(Fault::intrinsic(argument.span, "Fn::ImportValue", why)
                    .helped("give its value to the caller as an import"))
            }
        }
    }

    /// `Fn::Length: list`.
    pub(super) fn length(&mut self, argument: &Node, span: Span) -> Fallible<Node> {
        self.needs_extensions("`Fn::Length`", span)?;
        let count = self.items(argument, "Fn::Length")?.len();
        Ok(Node { span, value: Value::Number(count.to_string()) })
    }

    /// `Fn::ToJsonString: value`.
    pub(super) fn json_string(&mut self, argument: &Node, span: Span) -> Fallible<Node> {
        self.needs_extensions("`Fn::ToJsonString`", span)?;
        let value = self.value(argument, "Fn::ToJsonString")?;
        self.made(span, value.to_json().to_string())
    }

    fn needs_extensions(&self, what: &str, span: Span) -> Fallible<()> {
        if self.document.has_transform(LANGUAGE_EXTENSIONS) {
            return Ok(());
        }
        let fault = Fault::value(span, what, format!("needs the transform `{LANGUAGE_EXTENSIONS}`"));
        Err(fault.helped(format!("add `{LANGUAGE_EXTENSIONS}` to `Transform`, before SAM's")))
    }
}

/// A value of `Mappings` holds no intrinsic functions.
fn literal(node: &Node) -> Fallible<()> {
    if let Some(function) = node.intrinsic() {
        return Err(Fault::intrinsic(function.span, &function.key, "may not stand under `Mappings`"));
    }
    match &node.value {
        Value::List(items) => items.iter().try_for_each(literal),
        Value::Map(entries) => entries.iter().try_for_each(|entry| literal(&entry.value)),
        _ => Ok(()),
    }
}
