//! A stripped service model, typed, and only as far as the generator can express it: a construct that it cannot is an
//! error when the model is read.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by a name gives null where it is absent")]

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A service model.
pub(super) struct Model {
    /// Operations, by name.
    pub(super) operations: BTreeMap<String, Operation>,
    /// Every shape that an input or an output reaches, by name.
    pub(super) shapes: BTreeMap<String, Shape>,
}

/// An operation.
pub(super) struct Operation {
    /// HTTP method.
    pub(super) method: String,
    /// Path with its labels.
    pub(super) uri: String,
    /// HTTP status of success.
    pub(super) status: u64,
    /// Shape of the input.
    pub(super) input: String,
    /// Shape of the output, where there is one.
    pub(super) output: Option<String>,
    /// Errors it declares.
    pub(super) errors: Vec<String>,
}

/// A shape.
pub(super) struct Shape {
    /// What it is.
    pub(super) kind: Kind,
    /// Least length, size or value.
    pub(super) min: Option<Value>,
    /// Greatest length, size or value.
    pub(super) max: Option<Value>,
    /// Whether it must not be shown.
    pub(super) sensitive: bool,
}

/// The kinds of shapes.
pub(super) enum Kind {
    /// A string, with its pattern.
    String { pattern: Option<String> },
    /// A string of a set.
    Enum(Vec<String>),
    /// `integer`, `long`, `double`, `float`, `boolean`, `timestamp` or `blob`.
    Simple(String),
    /// A list, with the shape of its members.
    List(String),
    /// A map, with the shapes of its keys and values.
    Map(String, String),
    /// A structure, with its members in order.
    Structure { members: Vec<Member>, payload: Option<String> },
}

/// A member of a structure.
pub(super) struct Member {
    /// Its name.
    pub(super) name: String,
    /// Its shape.
    pub(super) shape: String,
    /// Whether it has to be there.
    pub(super) required: bool,
    /// Where it travels, and under which name; in the body where nothing is said.
    pub(super) location: Option<(String, String)>,
    /// Whether it is JSON in a string.
    pub(super) json: bool,
    /// Its timestamp format, where it is not the location's own.
    pub(super) timestamp_format: Option<String>,
}

impl Model {
    /// Reads a stripped model.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|why| why.to_string())?;
        let operations = object(&document["operations"])?
            .iter()
            .map(|(name, value)| Ok((name.clone(), operation(value).map_err(|why| format!("{name}: {why}"))?)))
            .collect::<Result<BTreeMap<_, _>, String>>()?;
        let all = object(&document["shapes"])?;
        let mut shapes = BTreeMap::new();
        let mut wanted: BTreeSet<String> = operations
            .values()
            .flat_map(|operation| [Some(operation.input.clone()), operation.output.clone()])
            .flatten()
            .collect();
        while let Some(name) = wanted.pop_first() {
            let raw = all.get(&name).ok_or_else(|| format!("no shape `{name}`"))?;
            let shape = shape(raw).map_err(|why| format!("{name}: {why}"))?;
            wanted.extend(shape.references().into_iter().filter(|other| *other != name && !shapes.contains_key(other)));
            shapes.insert(name, shape);
        }
        Ok(Self { operations, shapes })
    }
}

impl Shape {
    fn references(&self) -> Vec<String> {
        match &self.kind {
            Kind::String { .. } | Kind::Enum(_) | Kind::Simple(_) => Vec::new(),
            Kind::List(member) => vec![member.clone()],
            Kind::Map(key, value) => vec![key.clone(), value.clone()],
            Kind::Structure { members, .. } => members.iter().map(|member| member.shape.clone()).collect(),
        }
    }
}

fn operation(value: &Value) -> Result<Operation, String> {
    let uri = string(&value["http"]["requestUri"])?;
    if uri.contains(['?', '#']) {
        return Err(format!("a fixed query in `{uri}` is not supported"));
    }
    Ok(Operation {
        method: string(&value["http"]["method"])?,
        uri,
        status: value["http"]["responseCode"].as_u64().unwrap_or(200),
        input: string(&value["input"]["shape"])?,
        output: value["output"]["shape"].as_str().map(str::to_owned),
        errors: value["errors"].as_array().into_iter().flatten().map(string).collect::<Result<_, _>>()?,
    })
}

fn shape(value: &Value) -> Result<Shape, String> {
    for unsupported in ["union", "document", "eventstream", "streaming", "timestampFormat"] {
        if value.get(unsupported).is_some() {
            return Err(format!("trait `{unsupported}` is not supported"));
        }
    }
    let kind = match string(&value["type"])?.as_str() {
        "string" => match value["enum"].as_array() {
            Some(values) => Kind::Enum(values.iter().map(string).collect::<Result<_, _>>()?),
            None => Kind::String { pattern: value["pattern"].as_str().map(str::to_owned) },
        },
        simple @ ("integer" | "long" | "double" | "float" | "boolean" | "timestamp" | "blob") => {
            Kind::Simple(simple.to_owned())
        }
        "list" => Kind::List(string(&value["member"]["shape"])?),
        "map" => Kind::Map(string(&value["key"]["shape"])?, string(&value["value"]["shape"])?),
        "structure" => {
            Kind::Structure { members: members(value)?, payload: value["payload"].as_str().map(str::to_owned) }
        }
        other => return Err(format!("type `{other}` is not supported")),
    };
    Ok(Shape {
        kind,
        min: value.get("min").cloned(),
        max: value.get("max").cloned(),
        sensitive: value["sensitive"].as_bool().unwrap_or(false),
    })
}

fn members(value: &Value) -> Result<Vec<Member>, String> {
    let required: Vec<&str> = value["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    object(&value["members"])?
        .iter()
        .map(|(name, member)| {
            let wire_name = member["locationName"].as_str().unwrap_or(name).to_owned();
            let location = match member["location"].as_str() {
                None if wire_name != *name => return Err(format!("{name}: another name in the body is not supported")),
                None => None,
                Some(known @ ("uri" | "querystring" | "header" | "statusCode")) => Some((known.to_owned(), wire_name)),
                Some(other) => return Err(format!("{name}: location `{other}` is not supported")),
            };
            Ok(Member {
                name: name.clone(),
                shape: string(&member["shape"])?,
                required: required.contains(&name.as_str()),
                location,
                json: member["jsonvalue"].as_bool().unwrap_or(false),
                timestamp_format: member["timestampFormat"].as_str().map(str::to_owned),
            })
        })
        .collect()
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "an object is missing".to_owned())
}

fn string(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("a string is missing where `{value}` is"))
}
