//! Shapes within the rows of rulebooks, for `#[serde(with = "…")]`: their JSON there is AWS's.

use crate::wire::{At, Wire};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Writes a shape.
///
/// # Errors
/// The serializer's own.
pub fn serialize<T: Wire, S: Serializer>(shape: &T, serializer: S) -> Result<S::Ok, S::Error> {
    shape.write().serialize(serializer)
}

/// Reads a shape back.
///
/// # Errors
/// Where the JSON is not of the shape's form.
pub fn deserialize<'de, T: Wire, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    T::read(&value, &At::ROOT).map_err(serde::de::Error::custom)
}
