//! Payload templates: JSON with placeholders, which become the values of parameters.
//!
//! Source: "Dynamic command payload format" of the developer guide. A text that is one placeholder and nothing else becomes the
//! value as it is, a number as a number; within a longer text a value is written out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value as Cbor;
use std::collections::BTreeMap;

/// How a placeholder begins; it ends with `}`.
const BEGINS: &str = "${aws:iot:commandexecution::";
const PARAMETER: &str = "parameter:";
const TIMEOUT: &str = "executionTimeoutSec";

/// A template, read.
#[derive(Debug)]
pub(crate) struct Template {
    document: Cbor,
    placeholders: Vec<Placeholder>,
}

/// What stands for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Placeholder {
    Parameter(String),
    Timeout,
}

/// A piece of a text.
enum Piece<'t> {
    Text(&'t str),
    Of(Placeholder),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence about it: what is not JSON, a placeholder that there is not, and one in a
    /// member's name.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let document: Cbor = serde_json::from_str(text).map_err(|error| format!("is not valid JSON: {error}"))?;
        let mut placeholders = Vec::new();
        collect(&document, &mut placeholders)?;
        Ok(Self { document, placeholders })
    }

    pub(crate) fn has_placeholder(&self) -> bool {
        !self.placeholders.is_empty()
    }

    /// The names of the parameters that it asks for.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &String> {
        self.placeholders.iter().filter_map(|placeholder| match placeholder {
            Placeholder::Parameter(name) => Some(name),
            Placeholder::Timeout => None,
        })
    }

    /// The document with the values in it. A parameter without a value leaves its placeholder.
    pub(crate) fn filled(mut self, values: &BTreeMap<String, Cbor>, timeout: i64) -> Cbor {
        fill(&mut self.document, values, timeout);
        self.document
    }
}

/// The pieces of a text.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once(BEGINS) {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("has a placeholder without its end: `{BEGINS}`"))?;
        if !before.is_empty() {
            found.push(Piece::Text(before));
        }
        found.push(Piece::Of(match name.strip_prefix(PARAMETER) {
            Some(parameter) => Placeholder::Parameter(parameter.to_owned()),
            None if name == TIMEOUT => Placeholder::Timeout,
            None => return Err(format!("has a placeholder that there is not: `{BEGINS}{name:.100}}}`")),
        }));
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    Ok(found)
}

fn collect(value: &Cbor, found: &mut Vec<Placeholder>) -> Result<(), String> {
    match value {
        Cbor::Text(text) => found.extend(pieces(text)?.into_iter().filter_map(|piece| match piece {
            Piece::Of(placeholder) => Some(placeholder),
            Piece::Text(_) => None,
        })),
        Cbor::Array(items) => items.iter().try_for_each(|item| collect(item, found))?,
        Cbor::Map(members) => {
            for (name, member) in members {
                if name.as_text().is_some_and(|name| name.contains(BEGINS)) {
                    return Err("has a placeholder in the name of a member: it can be in values alone".to_owned());
                }
                collect(member, found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn fill(value: &mut Cbor, values: &BTreeMap<String, Cbor>, timeout: i64) {
    let value_of = |placeholder: &Placeholder| match placeholder {
        Placeholder::Parameter(name) => values.get(name).cloned(),
        Placeholder::Timeout => Some(Cbor::Integer(timeout.into())),
    };
    match value {
        Cbor::Text(text) => {
            // It was read before.
            let pieces = pieces(text).unwrap_or_default();
            let filled = match pieces.as_slice() {
                [Piece::Of(placeholder)] => value_of(placeholder),
                pieces if pieces.iter().any(|piece| matches!(piece, Piece::Of(_))) => {
                    let written = pieces.iter().map(|piece| match piece {
                        Piece::Text(text) => (*text).to_owned(),
                        Piece::Of(placeholder) => {
                            value_of(placeholder).map(|value| written(&value)).unwrap_or_default()
                        }
                    });
                    Some(Cbor::Text(written.collect()))
                }
                _ => None,
            };
            if let Some(filled) = filled {
                *value = filled;
            }
        }
        Cbor::Array(items) => items.iter_mut().for_each(|item| fill(item, values, timeout)),
        Cbor::Map(members) => members.iter_mut().for_each(|(_, member)| fill(member, values, timeout)),
        _ => {}
    }
}

/// A value within a text.
fn written(value: &Cbor) -> String {
    match value {
        Cbor::Text(text) => text.clone(),
        Cbor::Bytes(bytes) => STANDARD.encode(bytes),
        value => serde_json::to_string(value).unwrap_or_default(),
    }
}

/// A document as JSON, its members in their order; bytes are base64 there.
pub(crate) fn json(mut document: Cbor) -> Vec<u8> {
    encode(&mut document);
    // Plain values are written to memory: that does not fail.
    serde_json::to_vec(&document).unwrap_or_default()
}

fn encode(value: &mut Cbor) {
    match value {
        Cbor::Bytes(bytes) => *value = Cbor::Text(STANDARD.encode(bytes)),
        Cbor::Array(items) => items.iter_mut().for_each(encode),
        Cbor::Map(members) => members.iter_mut().for_each(|(_, member)| encode(member)),
        _ => {}
    }
}

/// A document as CBOR.
pub(crate) fn cbor(document: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    // As above.
    let _ = ciborium::into_writer(document, &mut bytes);
    bytes
}
