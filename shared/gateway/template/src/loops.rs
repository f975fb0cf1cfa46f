//! `Fn::ForEach`: parts of a template that are repeated, written out before anything else is read.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>: a loop
//! names an identifier, a collection and a fragment. The fragment is repeated for each item, with the item in the place of
//! `${Identifier}` in its keys and texts, and of `Ref: Identifier`. `&{Identifier}` stands for the item's letters and digits alone.
//!
//! What a collection is made of is known before there are resources: items that are written out, or a parameter of a list type.

use crate::document::LANGUAGE_EXTENSIONS;
use crate::error::{Fallible, Fault, Problem};
use crate::node::{Entry, Node, Value};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// The function, which a loop's own name follows.
pub(crate) const NAME: &str = "Fn::ForEach";
/// How deep loops may stand in one another.
const NESTING_LIMIT: usize = 5;
/// The most bytes of keys and texts that loops may come to: CloudFormation's quota on a template's size.
const SIZE_LIMIT: usize = 1 << 20;
/// The sections that loops may stand in.
const SECTIONS: &[&str] = &["Conditions", "Resources", "Outputs"];

/// Whether a key is a loop's.
pub(crate) fn is_loop(entry: &Entry) -> bool {
    entry.key.starts_with(NAME)
}

/// Whether a template has loops where they may stand.
pub(crate) fn has_loops(root: &Node) -> bool {
    fn any(node: &Node) -> bool {
        match &node.value {
            Value::List(items) => items.iter().any(any),
            Value::Map(entries) => entries.iter().any(|entry| is_loop(entry) || any(&entry.value)),
            _ => false,
        }
    }
    SECTIONS.iter().filter_map(|name| root.get(name)).any(any)
}

/// A template without its loops, of which the parameters can be read.
pub(crate) fn without(root: &Node) -> Node {
    let mut root = root.clone();
    for name in SECTIONS {
        if let Some(Entry { value: Node { value: Value::Map(entries), .. }, .. }) = entry_of(&mut root, name) {
            entries.retain(|entry| !is_loop(entry) && !has_loop_inside(&entry.value));
        }
    }
    root
}

fn has_loop_inside(node: &Node) -> bool {
    let holder = Node::map(node.span, [("Resources", node.clone())]);
    has_loops(&holder)
}

fn entry_of<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Entry> {
    match &mut node.value {
        Value::Map(entries) => entries.iter_mut().find(|entry| entry.key == key),
        _ => None,
    }
}

/// Writes a template's loops out, with the values of its parameters.
pub(crate) fn expand(root: &Node, parameters: &BTreeMap<String, Node>) -> Fallible<Node> {
    let extended = root.get("Transform").is_some_and(|transform| match &transform.value {
        Value::List(items) => items.iter().any(|item| item.as_text() == Some(LANGUAGE_EXTENSIONS)),
        _ => transform.as_text() == Some(LANGUAGE_EXTENSIONS),
    });
    let mut loops = Loops { parameters, extended, open: Vec::new(), size: 0 };
    let mut root = root.clone();
    for name in SECTIONS {
        if let Some(section) = entry_of(&mut root, name) {
            section.value = loops.node(&section.value)?;
        }
    }
    Ok(root)
}

struct Loops<'p> {
    parameters: &'p BTreeMap<String, Node>,
    /// Whether the template has the transform that brings loops.
    extended: bool,
    /// The identifiers of the loops around, with their items.
    open: Vec<(String, String)>,
    /// The bytes that were made so far.
    size: usize,
}

impl Loops<'_> {
    fn node(&mut self, node: &Node) -> Fallible<Node> {
        let value = match &node.value {
            Value::Text(text) => Value::Text(self.text(text, node.span)?),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect::<Fallible<_>>()?),
            Value::Map(entries) => {
                if let Some(value) = self.item(node) {
                    return Ok(Node::text(node.span, value));
                }
                let mut made = Vec::with_capacity(entries.len());
                let mut keys = BTreeSet::new();
                for entry in entries {
                    let before = made.len();
                    self.entry(entry, &mut made)?;
                    if let Some(twice) = made.iter().skip(before).find(|new| !keys.insert(new.key.clone())) {
                        let why = format!("makes `{}`, which is there already", twice.key);
                        return Err(Fault::intrinsic(entry.span, NAME, why));
                    }
                }
                let mapping = Node { span: node.span, value: Value::Map(made) };
                return Ok(self.whole(mapping));
            }
            other => other.clone(),
        };
        Ok(Node { span: node.span, value })
    }

    /// `{Ref: Identifier}`.
    fn item(&self, node: &Node) -> Option<String> {
        let [Entry { key, value, .. }] = node.entries() else { return None };
        let name = value.as_text().filter(|_| key == "Ref")?;
        self.open.iter().rev().find(|(identifier, _)| identifier == name).map(|(_, item)| item.clone())
    }

    /// A `Fn::Sub` that has nothing left to substitute is its text, so that it may say what `Ref` and `Fn::GetAtt` name.
    fn whole(&self, node: Node) -> Node {
        match node.entries() {
            [only] if only.key == "Fn::Sub" && !self.open.is_empty() => match only.value.as_text() {
                Some(text) if !text.contains("${") => Node::text(node.span, text),
                _ => node,
            },
            _ => node,
        }
    }

    fn entry(&mut self, entry: &Entry, made: &mut Vec<Entry>) -> Fallible<()> {
        if is_loop(entry) {
            return self.repeat(entry, made);
        }
        let key = self.text(&entry.key, entry.span)?;
        made.push(Entry { key, span: entry.span, value: self.node(&entry.value)? });
        Ok(())
    }

    fn repeat(&mut self, entry: &Entry, made: &mut Vec<Entry>) -> Fallible<()> {
        let fault = |span, why: &str| Fault::intrinsic(span, NAME, why);
        if !self.extended {
            let fault = fault(entry.span, &format!("needs the transform `{LANGUAGE_EXTENSIONS}`"));
            return Err(fault.helped(format!("add `{LANGUAGE_EXTENSIONS}` to `Transform`, before SAM's")));
        }
        let name = entry.key.strip_prefix(NAME).and_then(|rest| rest.strip_prefix("::")).unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(fault(entry.span, "wants a name of letters and digits, as in `Fn::ForEach::Topics`"));
        }
        if self.open.len() >= NESTING_LIMIT {
            let why = format!("more than {NESTING_LIMIT} loops stand in one another here");
            return Err(Fault::new(entry.span, Problem::Limit(why)));
        }
        let wants = || fault(entry.value.span, "wants an identifier, a collection and a fragment");
        let [identifier, collection, fragment] = entry.value.want_list(NAME).map_err(|_| wants())? else {
            return Err(wants());
        };
        let identifier = identifier.as_text().filter(|text| !text.is_empty()).ok_or_else(wants)?;
        if self.open.iter().any(|(other, _)| other == identifier) || self.parameters.contains_key(identifier) {
            let why = format!("has the identifier `{identifier}`, which a loop around it or a parameter has");
            return Err(fault(entry.value.span, &why));
        }
        let Value::Map(parts) = &fragment.value else { return Err(wants()) };
        let varies =
            |part: &&Entry| ["$", "&"].iter().any(|sign| part.key.contains(&format!("{sign}{{{identifier}}}")));
        if let Some(fixed) = parts.iter().find(|part| !is_loop(part) && !varies(part)) {
            let why = format!("repeats `{}`, which does not have `${{{identifier}}}` in its name", fixed.key);
            return Err(fault(fixed.span, &why));
        }
        for item in self.collection(collection)? {
            self.grow(item.len(), entry.span)?;
            self.open.push((identifier.to_owned(), item));
            let done = parts.iter().try_for_each(|part| self.entry(part, made));
            self.open.pop();
            done?;
        }
        Ok(())
    }

    fn collection(&mut self, node: &Node) -> Fallible<Vec<String>> {
        if let [Entry { key, value, .. }] = node.entries()
            && key == "Ref"
            && let Some(name) = value.as_text()
            && let Some(Node { value: Value::List(items), .. }) = self.parameters.get(name)
        {
            return Ok(items.iter().filter_map(Node::scalar).collect());
        }
        let Value::List(items) = &node.value else {
            let why = "repeats for the items of a list that is written out, or of a parameter of a list type";
            return Err(Fault::intrinsic(node.span, NAME, why));
        };
        let parameters = self.parameters;
        let one = |item: &Node| {
            let made = self.node(item)?;
            let parameter = match made.entries() {
                [Entry { key, value, .. }] if key == "Ref" => value.as_text().and_then(|name| parameters.get(name)),
                _ => None,
            };
            parameter
                .unwrap_or(&made)
                .scalar()
                .ok_or_else(|| Fault::intrinsic(item.span, NAME, "repeats for items that are strings or parameters"))
        };
        items.iter().map(one).collect()
    }

    /// A text with the items in the places of their identifiers.
    fn text(&mut self, text: &str, span: Span) -> Fallible<String> {
        let mut made = text.to_owned();
        for (identifier, item) in &self.open {
            let (whole, bare) = (format!("${{{identifier}}}"), format!("&{{{identifier}}}"));
            if made.contains(&whole) {
                made = made.replace(&whole, item);
            }
            if made.contains(&bare) {
                let letters: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
                made = made.replace(&bare, &letters);
            }
        }
        if !self.open.is_empty() {
            self.grow(made.len(), span)?;
        }
        Ok(made)
    }

    fn grow(&mut self, bytes: usize, span: Span) -> Fallible<()> {
        // Nothing takes a place, too.
        self.size += bytes + 1;
        if self.size > SIZE_LIMIT {
            let why = format!("loops come to more than {SIZE_LIMIT} bytes here");
            return Err(Fault::new(span, Problem::Limit(why)));
        }
        Ok(())
    }
}
