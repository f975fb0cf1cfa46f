//! What a property may hold, said as data, and checked with the place of every mistake.
//!
//! A resource type's properties are a list of [`Field`]s. Checking turns a resolved node into JSON that keeps
//! CloudFormation's names, coerced as CloudFormation does (`"5"` where an integer is wanted, `5` where a string is),
//! so that it deserialises into the type's own struct.

use crate::document::list;
use crate::error::{Fallible, Fault, Problem, nearest};
use crate::node::{Entry, Node, Value};
use crate::source::Span;
use serde_json::{Map, Value as Json};

/// The shape of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A string, or a scalar that reads as one.
    Text,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// True or false, also as a string.
    Bool,
    /// An integer in these bounds, also as a string.
    Integer(i64, i64),
    /// Any mapping or list; a string must hold JSON.
    Document,
    /// A mapping of names to strings.
    TextMap,
    /// A list.
    List(&'static Shape),
    /// A mapping with these keys.
    Object(&'static [Field]),
    /// A string, or a mapping with these keys.
    TextOr(&'static [Field]),
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) use_: Use,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use {
    /// Taken, and must be there.
    Required,
    /// Taken.
    Optional,
    /// Accepted without effect, for this reason.
    Inert(&'static str),
    /// Refused, for this reason: without it the resource would behave otherwise than on AWS.
    Refused(&'static str),
}

pub(crate) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, use_: Use::Required }
}

pub(crate) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, use_: Use::Optional }
}

pub(crate) const fn inert(name: &'static str, why: &'static str) -> Field {
    Field { name, shape: Shape::Document, use_: Use::Inert(why) }
}

pub(crate) const fn refused(name: &'static str, why: &'static str) -> Field {
    Field { name, shape: Shape::Document, use_: Use::Refused(why) }
}

pub(crate) const NATURAL: Shape = Shape::Integer(0, i64::MAX);
pub(crate) const TEXTS: Shape = Shape::List(&Shape::Text);
/// Why tags have no effect.
pub(crate) const TAGS: Field = inert("Tags", "tags are for billing and access in AWS");

/// A key that was accepted without effect.
#[derive(Debug, Clone)]
pub(crate) struct Unused {
    pub(crate) path: String,
    pub(crate) span: Span,
    pub(crate) why: &'static str,
}

/// Finds a key's field, or says what is wrong with the key.
pub(crate) fn field(fields: &'static [Field], entry: &Entry, of: &str) -> Fallible<&'static Field> {
    match fields.iter().find(|field| field.name == entry.key) {
        Some(Field { use_: Use::Refused(why), .. }) => {
            Err(Fault::not_implemented(entry.span, format!("`{}` of {of}", entry.key), *why))
        }
        Some(field) => Ok(field),
        None => {
            let fault = Fault::new(entry.span, Problem::UnknownKey { of: of.to_owned(), name: entry.key.clone() });
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            Err(match nearest(&entry.key, names.iter().copied()) {
                Some(near) => fault.helped(format!("did you mean `{near}`?")),
                None => fault.helped(format!("it may have {}", list(&names))),
            })
        }
    }
}

/// That nothing required is missing.
pub(crate) fn complete(fields: &[Field], has: impl Fn(&str) -> bool, of: &str, span: Span) -> Fallible<()> {
    match fields.iter().find(|field| matches!(field.use_, Use::Required) && !has(field.name)) {
        Some(field) => Err(Fault::new(span, Problem::Missing { of: of.to_owned(), name: field.name.to_owned() })),
        None => Ok(()),
    }
}

impl Shape {
    /// A resolved node as JSON of this shape. `path` names the value in errors.
    pub(crate) fn check(&self, node: &Node, path: &str, unused: &mut Vec<Unused>) -> Fallible<Json> {
        let what = || format!("`{path}`");
        match self {
            Self::Text => Ok(node.want_text(&what())?.into()),
            Self::Choice(choices) => {
                let text = node.want_text(&what())?;
                if choices.contains(&text.as_str()) {
                    return Ok(text.into());
                }
                Err(node.mismatch(what(), &format!("one of {}", list(choices))))
            }
            Self::Bool => Ok(node.boolean().ok_or_else(|| node.mismatch(what(), "true or false"))?.into()),
            Self::Integer(least, most) => {
                let number = node.scalar().and_then(|text| text.parse::<i64>().ok());
                match number.filter(|number| (least..=most).contains(&number)) {
                    Some(number) => Ok(number.into()),
                    None if *most == i64::MAX => Err(node.mismatch(what(), &format!("an integer of at least {least}"))),
                    None => Err(node.mismatch(what(), &format!("an integer from {least} to {most}"))),
                }
            }
            Self::Document => match &node.value {
                Value::Text(text) => serde_json::from_str(text)
                    .map_err(|error| Fault::value(node.span, what(), format!("is not JSON: {error}"))),
                Value::Map(_) | Value::List(_) => Ok(node.to_json()),
                _ => Err(node.mismatch(what(), "a mapping or JSON in a string")),
            },
            Self::TextMap => {
                let mut texts = Map::new();
                for entry in node.want_map(&what())? {
                    texts.insert(entry.key.clone(), entry.value.want_text(&format!("`{path}.{}`", entry.key))?.into());
                }
                Ok(texts.into())
            }
            Self::List(shape) => {
                let items = node.want_list(&what())?.iter().enumerate();
                items.map(|(index, item)| shape.check(item, &format!("{path}[{index}]"), unused)).collect()
            }
            Self::TextOr(_) if !matches!(node.value, Value::Map(_)) => Self::Text.check(node, path, unused),
            Self::Object(fields) | Self::TextOr(fields) => {
                let mut object = Map::new();
                for entry in node.want_map(&what())? {
                    let path = format!("{path}.{}", entry.key);
                    let field = field(fields, entry, &what())?;
                    match field.use_ {
                        Use::Inert(why) => unused.push(Unused { path, span: entry.span, why }),
                        _ => {
                            object.insert(entry.key.clone(), field.shape.check(&entry.value, &path, unused)?);
                        }
                    }
                }
                complete(fields, |name| object.contains_key(name), &what(), node.span)?;
                Ok(object.into())
            }
        }
    }

    /// CloudFormation's `PascalCase` keys as the API's `camelCase`; names that the template's author chose stay.
    pub(crate) fn to_api(self, value: Json) -> Json {
        match (self, value) {
            (Self::Object(fields), Json::Object(object)) => {
                let renamed = object.into_iter().map(|(key, value)| {
                    let value = match fields.iter().find(|field| field.name == key) {
                        Some(field) => field.shape.to_api(value),
                        None => value,
                    };
                    (lower_first(&key), value)
                });
                renamed.collect::<Map<_, _>>().into()
            }
            (Self::List(shape), Json::Array(items)) => items.into_iter().map(|item| shape.to_api(item)).collect(),
            (_, value) => value,
        }
    }
}

fn lower_first(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
