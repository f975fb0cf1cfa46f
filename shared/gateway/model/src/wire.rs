//! Typed values to and from JSON: what every generated structure and enum is made of.
//!
//! A structure's JSON holds every member under AWS's name for it, wherever the member travels in a request. Absent and
//! `null` are the same; members that are not known are ignored, as AWS does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use drydock_core::Timestamp;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::fmt;

/// JSON that is not of a shape's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}", place(at))]
pub struct JsonError {
    /// The path of the member as AWS writes it, such as `actions.1.member.lambda.functionArn`; positions count from one.
    pub at: String,
    /// What is wrong with it.
    pub what: String,
}

/// Where it is, for the text of an error: nothing where the document itself is wrong.
fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!(" at `{at}`") }
}

/// Where a reader is in a document: a chain on the stack, made into text only for an error.
#[derive(Clone, Copy)]
pub struct At<'a>(Option<(&'a At<'a>, Step<'a>)>);

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Key(&'a str),
    Position(usize),
}

impl<'a> At<'a> {
    /// The document itself.
    pub const ROOT: At<'static> = At(None);

    /// A member of this place.
    pub fn member(&'a self, name: &'a str) -> At<'a> {
        At(Some((self, Step::Member(name))))
    }

    /// The value of a key of this place, a map.
    pub fn key(&'a self, key: &'a str) -> At<'a> {
        At(Some((self, Step::Key(key))))
    }

    /// An element of this place, counted from zero.
    pub fn position(&'a self, index: usize) -> At<'a> {
        At(Some((self, Step::Position(index))))
    }

    pub(crate) fn error(&self, what: impl Into<String>) -> JsonError {
        JsonError { at: self.to_string(), what: what.into() }
    }

    pub(crate) fn expected(&self, what: &str, found: &Value) -> JsonError {
        match found {
            Value::Null => self.error("value is missing"),
            _ => self.error(format!("expected {what}, found {}", kind(found))),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((parent, step)) = &self.0 else { return Ok(()) };
        parent.fmt(f)?;
        let dot = if parent.0.is_some() { "." } else { "" };
        match step {
            Step::Member(name) => write!(f, "{dot}{name}"),
            Step::Key(key) => write!(f, "{dot}{key}.member"),
            Step::Position(index) => write!(f, "{dot}{}.member", index + 1),
        }
    }
}

/// The JSON type of a value, for an error text.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A type with a JSON form. Generated structures and enums have it, and what they are made of.
pub trait Wire: Sized {
    /// Reads a value; `null` stands for an absent one.
    ///
    /// # Errors
    /// [`JsonError`] where the value is not of this type's form.
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError>;

    /// The value as JSON; `null` where it is absent.
    fn write(&self) -> Value;

    /// Puts the body of a request into the blob member that it is, where the shape has one.
    fn put_payload(&mut self, _body: Bytes) {}

    /// Takes the blob member that is the body of a response out, where the shape has one.
    fn take_payload(&mut self) -> Option<Bytes> {
        None
    }
}

impl<T: Wire> Wire for Option<T> {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        if value.is_null() { Ok(None) } else { T::read(value, at).map(Some) }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, Wire::write)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        let elements = value.as_array().ok_or_else(|| at.expected("a list", value))?;
        let mut list = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            list.push(T::read(element, &at.position(index))?);
        }
        Ok(list)
    }

    fn write(&self) -> Value {
        Value::Array(self.iter().map(Wire::write).collect())
    }
}

impl<T: Wire> Wire for BTreeMap<String, T> {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        let entries = value.as_object().ok_or_else(|| at.expected("an object", value))?;
        let mut map = BTreeMap::new();
        for (key, entry) in entries {
            map.insert(key.clone(), T::read(entry, &at.key(key))?);
        }
        Ok(map)
    }

    fn write(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.clone(), value.write())).collect())
    }
}

/// The output of an operation that has none.
impl Wire for () {
    fn read(_value: &Value, _at: &At<'_>) -> Result<Self, JsonError> {
        Ok(())
    }

    fn write(&self) -> Value {
        Value::Null
    }
}

impl Wire for String {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        value.as_str().map(str::to_owned).ok_or_else(|| at.expected("a string", value))
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Wire for bool {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        value.as_bool().ok_or_else(|| at.expected("a boolean", value))
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Wire for i32 {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        let long = i64::read(value, at)?;
        i32::try_from(long).map_err(|_| at.error(format!("`{long}` does not fit a 32-bit integer")))
    }

    fn write(&self) -> Value {
        Value::Number((*self).into())
    }
}

impl Wire for i64 {
    /// Takes a number that is written with a fraction of zero too, as AWS does.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        let whole = |double: &f64| double.fract() == 0.0 && double.abs() < 9.0e18;
        value
            .as_i64()
            .or_else(|| value.as_f64().filter(whole).map(|double| double as i64))
            .ok_or_else(|| at.expected("an integer", value))
    }

    fn write(&self) -> Value {
        Value::Number((*self).into())
    }
}

impl Wire for f64 {
    /// Takes the texts `NaN`, `Infinity` and `-Infinity` for what JSON's numbers cannot say.
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        match value {
            Value::Number(number) => number.as_f64().ok_or_else(|| at.expected("a number", value)),
            Value::String(text) => match text.as_str() {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                _ => Err(at.expected("a number", value)),
            },
            _ => Err(at.expected("a number", value)),
        }
    }

    fn write(&self) -> Value {
        Number::from_f64(*self).map_or_else(
            || {
                let text = match self.total_cmp(&0.0) {
                    _ if self.is_nan() => "NaN",
                    std::cmp::Ordering::Less => "-Infinity",
                    _ => "Infinity",
                };
                Value::String(text.to_owned())
            },
            Value::Number,
        )
    }
}

impl Wire for Timestamp {
    /// Seconds since the epoch as a number, as AWS's JSON protocols write them; ISO 8601 as a text.
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        let time = match value {
            Value::Number(number) => number.as_f64().and_then(from_seconds),
            Value::String(text) => parse_time(text),
            _ => return Err(at.expected("a timestamp", value)),
        };
        time.ok_or_else(|| at.error(format!("`{value}` is not a timestamp")))
    }

    /// Whole seconds as an integer, others with their milliseconds as a fraction.
    fn write(&self) -> Value {
        if self.millis() % 1000 == 0 {
            Value::Number(self.seconds().into())
        } else {
            Number::from_f64(self.seconds_f64()).map_or(Value::Null, Value::Number)
        }
    }
}

/// A timestamp from seconds since the epoch; `None` where it is past any calendar.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).round();
    (millis.abs() < 9.0e15).then_some(Timestamp(millis as i64))
}

/// A timestamp from a text: ISO 8601 with an offset, or seconds since the epoch.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    if let Ok(date) = OffsetDateTime::parse(text, &Rfc3339) {
        return i64::try_from(date.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp);
    }
    text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()).and_then(from_seconds)
}

impl Wire for Bytes {
    fn read(value: &Value, at: &At<'_>) -> Result<Self, JsonError> {
        let text = value.as_str().ok_or_else(|| at.expected("base64 in a string", value))?;
        STANDARD.decode(text).map(Bytes::from).map_err(|why| at.error(format!("expected base64: {why}")))
    }

    fn write(&self) -> Value {
        Value::String(STANDARD.encode(self))
    }
}

/// A blob member that is a whole body, required or not.
pub(crate) trait Payload {
    fn put(&mut self, body: Bytes);
    fn take(&mut self) -> Option<Bytes>;
}

impl Payload for Bytes {
    fn put(&mut self, body: Bytes) {
        *self = body;
    }

    fn take(&mut self) -> Option<Bytes> {
        Some(std::mem::take(self))
    }
}

impl Payload for Option<Bytes> {
    fn put(&mut self, body: Bytes) {
        *self = Some(body);
    }

    fn take(&mut self) -> Option<Bytes> {
        Option::take(self)
    }
}

static NULL: Value = Value::Null;

/// The object a structure is read from.
pub(crate) fn object<'a>(value: &'a Value, at: &At<'_>) -> Result<&'a Map<String, Value>, JsonError> {
    value.as_object().ok_or_else(|| at.expected("an object", value))
}

/// A member of an object, `null` where it is absent.
pub(crate) fn fetch<'a>(object: &'a Map<String, Value>, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&NULL)
}

/// Adds a member to an object, unless it is absent.
pub(crate) fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        object.insert(name.to_owned(), value);
    }
}

/// The value of an enum, by its name on the wire.
pub(crate) fn one_of<T: Copy>(values: &[(&str, T)], value: &Value, at: &At<'_>) -> Result<T, JsonError> {
    let text = value.as_str().ok_or_else(|| at.expected("a string", value))?;
    find(values, text).ok_or_else(|| at.error(format!("`{text}` is none of the values of the enum")))
}

/// The value with a name, if there is one.
pub(crate) fn find<T: Copy>(values: &[(&str, T)], text: &str) -> Option<T> {
    values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// A text that names no value of an enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a `{of}`")]
pub struct UnknownValue {
    /// The text.
    pub text: String,
    /// The enum's name.
    pub of: &'static str,
}

/// Structures: their fields, with AWS's names, and their JSON.
///
/// `Name [field] { … }` marks the blob member that is the body of the request or response.
macro_rules! structures {
    ($($name:ident $([$payload:ident])? { $($field:ident $wire:literal: $type:ty,)* })*) => {
        $(
            #[doc = concat!("AWS's shape `", stringify!($name), "`.")]
            #[derive(Clone, PartialEq, Default)]
            pub struct $name {
                $(#[doc = concat!("`", $wire, "`.")] pub $field: $type,)*
            }

            impl $crate::wire::Wire for $name {
                fn read(value: &serde_json::Value, at: &$crate::wire::At<'_>) -> Result<Self, $crate::wire::JsonError> {
                    let _object = $crate::wire::object(value, at)?;
                    Ok(Self {
                        $($field: $crate::wire::Wire::read($crate::wire::fetch(_object, $wire), &at.member($wire))?,)*
                    })
                }

                fn write(&self) -> serde_json::Value {
                    let mut _object = serde_json::Map::new();
                    $($crate::wire::put(&mut _object, $wire, $crate::wire::Wire::write(&self.$field));)*
                    serde_json::Value::Object(_object)
                }

                $(
                    fn put_payload(&mut self, body: bytes::Bytes) {
                        $crate::wire::Payload::put(&mut self.$payload, body);
                    }

                    fn take_payload(&mut self) -> Option<bytes::Bytes> {
                        $crate::wire::Payload::take(&mut self.$payload)
                    }
                )?
            }

            impl $name {
                /// Reads the shape from JSON, every member under AWS's name.
                ///
                /// # Errors
                /// [`JsonError`](crate::JsonError) where the JSON is not of the shape's form.
                #[inline]
                pub fn from_json(value: &serde_json::Value) -> Result<Self, $crate::wire::JsonError> {
                    $crate::wire::Wire::read(value, &$crate::wire::At::ROOT)
                }

                /// The shape as JSON, every member under AWS's name, absent ones left out.
                #[inline]
                #[must_use]
                pub fn to_json(&self) -> serde_json::Value {
                    $crate::wire::Wire::write(self)
                }
            }

            impl std::fmt::Debug for $name {
                /// The shape's name and its JSON, without what AWS marks as sensitive.
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    $crate::schema::debug(f, &super::schema::$name, self.to_json())
                }
            }
        )*
    };
}

/// Enums: their variants, with AWS's values.
macro_rules! enums {
    ($($name:ident { $first:ident = $first_wire:literal, $($variant:ident = $wire:literal,)* })*) => {
        $(
            #[doc = concat!("AWS's enum `", stringify!($name), "`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
            pub enum $name {
                #[doc = concat!("`", $first_wire, "`.")]
                #[default]
                $first,
                $(#[doc = concat!("`", $wire, "`.")] $variant,)*
            }

            impl $name {
                /// Every value, in AWS's order, with its name on the wire.
                pub const VALUES: &'static [(&'static str, Self)] =
                    &[($first_wire, Self::$first), $(($wire, Self::$variant),)*];

                /// The value's name on the wire.
                #[must_use]
                pub fn as_str(self) -> &'static str {
                    match self {
                        Self::$first => $first_wire,
                        $(Self::$variant => $wire,)*
                    }
                }
            }

            impl std::str::FromStr for $name {
                type Err = $crate::wire::UnknownValue;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    $crate::wire::find(Self::VALUES, text)
                        .ok_or_else(|| $crate::wire::UnknownValue { text: text.to_owned(), of: stringify!($name) })
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.pad(self.as_str())
                }
            }

            impl $crate::wire::Wire for $name {
                fn read(value: &serde_json::Value, at: &$crate::wire::At<'_>) -> Result<Self, $crate::wire::JsonError> {
                    $crate::wire::one_of(Self::VALUES, value, at)
                }

                fn write(&self) -> serde_json::Value {
                    serde_json::Value::String(self.as_str().to_owned())
                }
            }
        )*
    };
}

pub(crate) use {enums, structures};
