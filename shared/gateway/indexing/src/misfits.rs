//! Values of a thing that do not fit what the configuration says of their fields, and are left out ("Troubleshooting aggregation queries
//! for the fleet indexing service" and "Troubleshooting location indexing and geoqueries" of the guide).

use crate::aggregate::is_of;
use crate::config::ThingConfig;
use crate::document::Document;
use crate::sources::Thing;
use drydock_model::iot::{FieldType, TargetFieldOrder};
use serde_json::Value as Json;

/// What a geolocation is to be.
const PLACE: &str = "Geopoint";

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field.
    pub field: String,
    /// What it says.
    pub value: String,
    /// What it was to be: `Number`, `String`, `Boolean` or `Geopoint`.
    pub expected: &'static str,
}

/// The values of a thing that do not fit their custom fields: of each field that has values, and none of its type.
#[must_use]
pub fn custom(document: &Document, config: &ThingConfig) -> Vec<Misfit> {
    let misfit = |(field, of): (&str, FieldType)| {
        let mut values = document.values(field).map(|(_, value)| value);
        let first = values.next()?;
        let fits = is_of(first, of) || values.any(|value| is_of(value, of));
        (!fits).then(|| Misfit { field: field.to_owned(), value: first.shown(), expected: of.as_str() })
    };
    config.custom().filter_map(misfit).collect()
}

/// The values of a thing that are to be geolocations, and are none.
#[must_use]
pub fn places(thing: &Thing, config: &ThingConfig) -> Vec<Misfit> {
    let misfit = |(field, order): (&str, TargetFieldOrder)| {
        let value = thing.value(config, field).filter(|value| !value.is_null())?;
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_place = thing.place(config, field, order).is_some();
        (!is_place).then(|| Misfit { field: field.to_owned(), value: shown, expected: PLACE })
    };
    config.places().filter_map(misfit).collect()
}

/// As entries of the logs have them.
#[must_use]
pub fn entries(misfits: &[Misfit]) -> Json {
    let entry = |Misfit { field, value, expected }: &Misfit| serde_json::json!({ "Name": field, "Value": value, "ExpectedType": expected });
    misfits.iter().map(entry).collect()
}
