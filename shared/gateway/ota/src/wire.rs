//! Shapes of AWS's model within rows: their JSON is AWS's.

use drydock_model::Wire;
use drydock_model::wire::At;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub(crate) fn serialize<T: Wire, S: Serializer>(shape: &T, serializer: S) -> Result<S::Ok, S::Error> {
    shape.write().serialize(serializer)
}

pub(crate) fn deserialize<'de, T: Wire, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    T::read(&value, &At::ROOT).map_err(serde::de::Error::custom)
}
