//! The values that the rules SQL computes with ("Data types" in the guide): those of JSON, `Undefined`, and the raw bytes
//! of a payload that is not JSON.
//!
//! Arrays and objects are shared, so that handing on a part of a payload copies nothing.

pub mod convert;
pub mod json;
pub mod number;
mod write;

use bytes::Bytes;
use indexmap::IndexMap;
use smol_str::SmolStr;
use std::sync::Arc;

pub use number::{Decimal, Number};

/// An object's members, in the order in which they came.
pub type Object = IndexMap<SmolStr, Value>;

/// A value of the rules SQL.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Not a value: a key that is missing, a conversion that failed, a function given what it cannot take.
    #[default]
    Undefined,
    /// JSON's `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An `Int` or a `Decimal`.
    Number(Number),
    /// Text.
    String(SmolStr),
    /// A list.
    Array(Arc<Vec<Value>>),
    /// Members by name.
    Object(Arc<Object>),
    /// A payload that is not a JSON object or array: only `*` stands for it.
    Raw(Bytes),
}

impl Value {
    /// A whole number.
    #[must_use]
    pub fn int(value: i128) -> Self {
        Self::Number(Number::Int(value))
    }

    /// A text.
    pub fn string(text: impl Into<SmolStr>) -> Self {
        Self::String(text.into())
    }

    /// A list.
    #[must_use]
    pub fn array(items: Vec<Self>) -> Self {
        Self::Array(Arc::new(items))
    }

    /// An object.
    #[must_use]
    pub fn object(members: Object) -> Self {
        Self::Object(Arc::new(members))
    }

    /// A number of double precision; `Undefined` where it is not finite.
    #[must_use]
    pub fn double(value: f64) -> Self {
        Number::from_f64(value).into()
    }

    /// Whether this is `Undefined`.
    #[must_use]
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    /// Whether this is `true`: what lets a message through a WHERE clause.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// The member of an object; `Undefined` where there is none, or this is not an object.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        match self {
            Self::Object(members) => members.get(name).cloned().unwrap_or_default(),
            _ => Self::Undefined,
        }
    }

    /// The name of the value's type, as the guide spells it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined => "Undefined",
            Self::Null => "Null",
            Self::Bool(_) => "Boolean",
            Self::Number(Number::Int(_)) => "Int",
            Self::Number(Number::Decimal(_)) => "Decimal",
            Self::String(_) => "String",
            Self::Array(_) => "Array",
            Self::Object(_) => "Object",
            Self::Raw(_) => "raw bytes",
        }
    }

    /// Whether two values of the same type are equal: numbers by value, arrays in order, objects whatever their order.
    /// Values of different types are not equal. `Undefined` equals `Undefined` here; the operators look for it first.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a.compare(*b).is_eq(),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Raw(a), Self::Raw(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| x.equals(y)),
            (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| x.equals(y)))
            }
            _ => false,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<SmolStr> for Value {
    fn from(value: SmolStr) -> Self {
        Self::String(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

/// Nothing becomes `Undefined`.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Undefined, Into::into)
    }
}
