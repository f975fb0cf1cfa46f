//! The shapes as data: what a request and a response are checked and laid out by.

use regex::Regex;
use serde_json::Value;
use std::fmt;
use std::sync::OnceLock;

/// A shape of a service model.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// AWS's name for it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Least length of a string or blob, size of a list or map, value of an integer.
    pub min: Option<i64>,
    /// Greatest length, size or value.
    pub max: Option<i64>,
    /// Whether its value must not be shown in logs and messages.
    pub sensitive: bool,
}

/// What a shape is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text, with its pattern, or with its values where it is an enum.
    String {
        /// What the whole text must match.
        pattern: Option<&'static Pattern>,
        /// The values of an enum; empty for any other text.
        values: &'static [&'static str],
    },
    /// A 32-bit integer.
    Integer,
    /// A 64-bit integer.
    Long,
    /// A floating-point number with its bounds.
    Double {
        /// Least value.
        min: Option<f64>,
        /// Greatest value.
        max: Option<f64>,
    },
    /// A boolean.
    Boolean,
    /// A point in time.
    Timestamp,
    /// Bytes.
    Blob,
    /// A list of one shape.
    List(&'static Shape),
    /// A map from a text shape to another.
    Map(&'static Shape, &'static Shape),
    /// Members.
    Structure(&'static [Member]),
}

/// A member of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its shape.
    pub shape: &'static Shape,
    /// Whether it has to be there.
    pub required: bool,
    /// Where it travels in the request or response whose top level it is on.
    pub location: Location,
}

/// Where a member travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the JSON body, under its name.
    Body,
    /// It is the whole body.
    Payload,
    /// A label of the path.
    Label(&'static str),
    /// A parameter of the query.
    Query(&'static str),
    /// A header.
    Header(&'static str),
    /// A header that holds JSON in base64.
    JsonHeader(&'static str),
    /// The HTTP status.
    Status,
}

/// A pattern, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    /// As AWS writes it, and as its error messages quote it.
    pub aws: &'static str,
    /// As the `regex` crate writes it.
    pub regex: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(crate) const fn new(aws: &'static str, regex: &'static str) -> Self {
        Self { aws, regex, compiled: OnceLock::new() }
    }

    /// Whether the whole of a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        // A test compiles every pattern, so that `None` is never seen; it would refuse, not accept.
        self.compiled.get_or_init(|| Regex::new(self.regex).ok()).as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

const fn shape(name: &'static str, kind: Kind) -> Shape {
    Shape { name, kind, min: None, max: None, sensitive: false }
}

pub(crate) const fn string(name: &'static str) -> Shape {
    shape(name, Kind::String { pattern: None, values: &[] })
}

pub(crate) const fn integer(name: &'static str) -> Shape {
    shape(name, Kind::Integer)
}

pub(crate) const fn long(name: &'static str) -> Shape {
    shape(name, Kind::Long)
}

pub(crate) const fn double(name: &'static str, min: Option<f64>, max: Option<f64>) -> Shape {
    shape(name, Kind::Double { min, max })
}

pub(crate) const fn boolean(name: &'static str) -> Shape {
    shape(name, Kind::Boolean)
}

pub(crate) const fn timestamp(name: &'static str) -> Shape {
    shape(name, Kind::Timestamp)
}

pub(crate) const fn blob(name: &'static str) -> Shape {
    shape(name, Kind::Blob)
}

pub(crate) const fn list(name: &'static str, member: &'static Shape) -> Shape {
    shape(name, Kind::List(member))
}

pub(crate) const fn map(name: &'static str, key: &'static Shape, value: &'static Shape) -> Shape {
    shape(name, Kind::Map(key, value))
}

pub(crate) const fn structure(name: &'static str, members: &'static [Member]) -> Shape {
    shape(name, Kind::Structure(members))
}

impl Shape {
    pub(crate) const fn min(self, min: i64) -> Self {
        Self { min: Some(min), ..self }
    }

    pub(crate) const fn max(self, max: i64) -> Self {
        Self { max: Some(max), ..self }
    }

    pub(crate) const fn pattern(self, pattern: &'static Pattern) -> Self {
        Self { kind: Kind::String { pattern: Some(pattern), values: &[] }, ..self }
    }

    pub(crate) const fn values(self, values: &'static [&'static str]) -> Self {
        Self { kind: Kind::String { pattern: None, values }, ..self }
    }

    pub(crate) const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// The members of a structure; none of any other shape.
    #[must_use]
    pub fn members(&self) -> &'static [Member] {
        match self.kind {
            Kind::Structure(members) => members,
            _ => &[],
        }
    }
}

pub(crate) const fn member(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: false, location: Location::Body }
}

impl Member {
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn payload(self) -> Self {
        Self { location: Location::Payload, ..self }
    }

    pub(crate) const fn label(self, name: &'static str) -> Self {
        Self { location: Location::Label(name), ..self }
    }

    pub(crate) const fn query(self, name: &'static str) -> Self {
        Self { location: Location::Query(name), ..self }
    }

    pub(crate) const fn header(self, name: &'static str) -> Self {
        Self { location: Location::Header(name), ..self }
    }

    pub(crate) const fn json_header(self, name: &'static str) -> Self {
        Self { location: Location::JsonHeader(name), ..self }
    }

    pub(crate) const fn status(self) -> Self {
        Self { location: Location::Status, ..self }
    }
}

/// Writes a shape's name and JSON, with what is sensitive in it hidden.
pub(crate) fn debug(f: &mut fmt::Formatter<'_>, shape: &'static Shape, mut json: Value) -> fmt::Result {
    redact(shape, &mut json);
    write!(f, "{} {json}", shape.name)
}

/// Puts `***` for every sensitive value.
fn redact(shape: &'static Shape, value: &mut Value) {
    if shape.sensitive {
        *value = Value::String("***".to_owned());
        return;
    }
    match (shape.kind, value) {
        (Kind::Structure(members), Value::Object(object)) => {
            for member in members {
                if let Some(value) = object.get_mut(member.name) {
                    redact(member.shape, value);
                }
            }
        }
        (Kind::Map(_, shape), Value::Object(object)) => object.values_mut().for_each(|value| redact(shape, value)),
        (Kind::List(shape), Value::Array(elements)) => elements.iter_mut().for_each(|value| redact(shape, value)),
        _ => {}
    }
}

/// Patterns, by the names that the shapes of a service call them.
macro_rules! patterns {
    ($($name:ident = $aws:literal => $regex:literal;)*) => {
        $(static $name: Pattern = Pattern::new($aws, $regex);)*
    };
}

/// Shapes, by AWS's names.
macro_rules! shapes {
    ($($name:ident = $shape:expr;)*) => {
        $(
            #[allow(non_upper_case_globals, reason = "AWS's name of the shape, which is lower case for a few")]
            pub(crate) static $name: Shape = $shape;
        )*
    };
}

pub(crate) use {patterns, shapes};
