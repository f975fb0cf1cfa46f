//! YAML to nodes: CloudFormation's short tags, the plain scalars of YAML 1.1, merge keys, anchors within limits.
//!
//! CloudFormation reads YAML 1.1 (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>);
//! anchors and merge keys are what the SAM CLI expands before it deploys. Built on the events of `saphyr-parser`, which
//! keep tags and places.

mod indentation;
mod scalar;

use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::source::Span;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// How deep a template may nest, in either format.
pub(crate) const DEPTH_LIMIT: usize = 60;
/// What a template may grow to when its aliases are expanded: bytes of text, and as many again per node.
const WEIGHT_LIMIT: usize = 16 << 20;
const NODE_WEIGHT: usize = 16;

type Next<'a> = (Event<'a>, Span);

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Where the parser's text begins: after a byte order mark.
    base: usize,
    /// The byte where each character starts; empty where all characters are one byte.
    starts: Vec<usize>,
    end: usize,
    anchors: HashMap<usize, (Node, usize)>,
    weight: usize,
}

/// Reads the one document of a YAML text.
pub(crate) fn parse(text: &str) -> Fallible<Node> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = text.len() - body.len();
    if let Some(indented) = indentation::indented(body, base) {
        let parser = Parser::new_from_str(&indented.text);
        let starts = indented.starts;
        return Loader { parser, base, starts, end: text.len(), anchors: HashMap::new(), weight: 0 }.document();
    }
    let starts = if body.is_ascii() { Vec::new() } else { body.char_indices().map(|(at, _)| base + at).collect() };
    let parser = Parser::new_from_str(body);
    Loader { parser, base, starts, end: text.len(), anchors: HashMap::new(), weight: 0 }.document()
}

impl<'a> Loader<'a> {
    /// The parser counts characters; spans count bytes.
    fn byte(&self, index: usize) -> usize {
        if self.starts.is_empty() {
            (self.base + index).min(self.end)
        } else {
            self.starts.get(index).copied().unwrap_or(self.end)
        }
    }

    fn next(&mut self) -> Fallible<Next<'a>> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let offset = self.byte(span.start.index());
                let length = self.byte(span.end.index()).saturating_sub(offset);
                Ok((event, Span { offset, length }))
            }
            Some(Err(error)) => {
                let offset = self.byte(error.marker().index());
                Err(Fault::syntax(Span { offset, length: 0 }, format!("this is not YAML: {}", error.info())))
            }
            None => Err(Fault::syntax(Span { offset: self.end, length: 0 }, "the YAML ends too early")),
        }
    }

    fn document(&mut self) -> Fallible<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(Fault::syntax(span, "a template is one YAML document, and a second one begins here"));
                }
                Event::DocumentStart(_) => {}
                event => root = Some(self.node((event, span), 0)?),
            }
        }
        root.ok_or_else(|| Fault::syntax(Span::default(), "the template is empty"))
    }

    fn weigh(&mut self, weight: usize, span: Span) -> Fallible<()> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > WEIGHT_LIMIT {
            let why = format!("the template grows beyond {} MiB when its aliases are expanded", WEIGHT_LIMIT >> 20);
            return Err(Fault::new(span, Problem::Limit(why)));
        }
        Ok(())
    }

    fn node(&mut self, (event, span): Next<'a>, depth: usize) -> Fallible<Node> {
        if depth > DEPTH_LIMIT {
            let why = format!("the template nests deeper than {DEPTH_LIMIT} levels");
            return Err(Fault::new(span, Problem::Limit(why)));
        }
        let before = self.weight;
        let (anchor, tag, node) = match event {
            Event::Alias(id) => {
                let (mut node, weight) = match self.anchors.get(&id) {
                    Some((node, weight)) => (node.clone(), *weight),
                    None => return Err(Fault::syntax(span, "this alias stands inside the value it names")),
                };
                self.weigh(weight, span)?;
                if depth + height(&node) > DEPTH_LIMIT {
                    let why = format!("the template nests deeper than {DEPTH_LIMIT} levels");
                    return Err(Fault::new(span, Problem::Limit(why)));
                }
                node.span = span;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.weigh(NODE_WEIGHT + text.len(), span)?;
                let value = scalar::value(&text, style, tag.as_deref(), span)?;
                (anchor, tag, Node { span, value })
            }
            Event::SequenceStart(anchor, tag) => {
                self.weigh(NODE_WEIGHT, span)?;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        next => items.push(self.node(next, depth + 1)?),
                    }
                }
                (anchor, tag, Node::list(point(span), items))
            }
            Event::MappingStart(anchor, tag) => {
                self.weigh(NODE_WEIGHT, span)?;
                let entries = self.mapping(depth)?;
                (anchor, tag, Node { span: point(span), value: Value::Map(entries) })
            }
            _ => return Err(Fault::syntax(span, "a value is missing here")),
        };
        let node = tagged(node, tag)?;
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.weight - before));
        }
        Ok(node)
    }

    fn mapping(&mut self, depth: usize) -> Fallible<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, ()> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (key, span, plain) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, style, ..), span) => {
                    self.weigh(NODE_WEIGHT + text.len(), span)?;
                    (text.into_owned(), span, style == ScalarStyle::Plain)
                }
                (Event::Alias(id), span) => match self.anchors.get(&id).and_then(|(node, _)| node.scalar()) {
                    Some(text) => (text, span, false),
                    None => return Err(Fault::syntax(span, "a mapping's key must be a string")),
                },
                (_, span) => return Err(Fault::syntax(span, "a mapping's key must be a string")),
            };
            let next = self.next()?;
            let value = self.node(next, depth + 1)?;
            if plain && key == "<<" {
                merged.push(value);
                continue;
            }
            if seen.insert(key.clone(), ()).is_some() {
                return Err(Fault::with_help(span, Problem::Duplicate(key), "keep one of the two"));
            }
            entries.push(Entry { key, span, value });
        }
        for source in merged {
            merge(&mut entries, &mut seen, source)?;
        }
        Ok(entries)
    }
}

/// `<<`: the keys of another mapping, or of several, where the mapping itself does not have them.
fn merge(entries: &mut Vec<Entry>, seen: &mut HashMap<String, ()>, source: Node) -> Fallible<()> {
    match source.value {
        Value::Map(others) => {
            for other in others {
                if seen.insert(other.key.clone(), ()).is_none() {
                    entries.push(other);
                }
            }
            Ok(())
        }
        Value::List(sources) => sources.into_iter().try_for_each(|source| match source.value {
            Value::Map(_) => merge(entries, seen, source),
            _ => Err(source.mismatch("what `<<` merges", "a mapping")),
        }),
        _ => Err(source.mismatch("what `<<` merges", "a mapping or a list of mappings")),
    }
}

/// Only the start of a collection is worth pointing at.
fn point(span: Span) -> Span {
    Span { length: span.length.min(1), ..span }
}

fn height(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|entry| height(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}

/// The functions that have a short tag: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>.
const SHORT_TAGS: &[&str] = &[
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

/// Turns a short tag into the long form; YAML's own tags were applied to the scalar already.
fn tagged(node: Node, tag: Option<Cow<'_, Tag>>) -> Fallible<Node> {
    let Some(tag) = tag else { return Ok(node) };
    let core = tag.is_yaml_core_schema();
    let name = tag.suffix.as_str();
    let span = node.span;
    if core {
        return match (name, &node.value) {
            ("map", Value::Map(_)) | ("seq", Value::List(_)) => Ok(node),
            (_, Value::Map(_) | Value::List(_)) => Err(unknown_tag(span, &format!("!!{name}"))),
            _ => Ok(node),
        };
    }
    if tag.handle == "!" && (name == "Ref" || name == "Condition") {
        return Ok(Node::map(span, [(name, node)]));
    }
    if tag.handle == "!" && SHORT_TAGS.contains(&name) {
        return Ok(Node::map(span, [(format!("Fn::{name}").as_str(), node)]));
    }
    if tag.handle.is_empty() && name == "!" {
        return Ok(node);
    }
    Err(unknown_tag(span, &format!("{}{name}", tag.handle)))
}

fn unknown_tag(span: Span, tag: &str) -> Box<Fault> {
    let fault = Fault::syntax(span, format!("`{tag}` is not a tag of CloudFormation's"));
    let name = tag.trim_start_matches('!');
    match crate::error::nearest(name, SHORT_TAGS.iter().copied().chain(["Ref", "Condition"])) {
        Some(near) => fault.helped(format!("did you mean `!{near}`?")),
        None => fault.helped("the intrinsic functions are `!Ref`, `!GetAtt`, `!Sub`, `!Join`, `!If` and the like"),
    }
}
