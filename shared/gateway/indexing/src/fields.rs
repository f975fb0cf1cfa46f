//! The names of fields that mean something of themselves: managed ones, which can be aggregated without being configured, and
//! those that cannot be searched ("Managed fields" and "Query syntax" of the guide).

use drydock_model::iot::FieldType;

/// Managed fields of the things' index, with the field that each is kept as, where that has another name.
const THINGS: &[(&str, FieldType, Option<&str>)] = &[
    ("thingName", FieldType::String, None),
    ("thingId", FieldType::String, None),
    ("registry.version", FieldType::Number, None),
    ("registry.thingTypeName", FieldType::String, Some("thingTypeName")),
    ("registry.thingGroupNames", FieldType::String, Some("thingGroupNames")),
];
const CLASSIC_SHADOW: &[(&str, FieldType, Option<&str>)] =
    &[("shadow.version", FieldType::Number, None), ("shadow.hasDelta", FieldType::Boolean, None)];
const NAMED_SHADOWS: &[(&str, FieldType, Option<&str>)] =
    &[("shadow.name.*.version", FieldType::Number, None), ("shadow.name.*.hasDelta", FieldType::Boolean, None)];
const CONNECTIVITY: &[(&str, FieldType, Option<&str>)] = &[
    ("connectivity.connected", FieldType::Boolean, None),
    ("connectivity.timestamp", FieldType::Number, None),
    ("connectivity.version", FieldType::Number, None),
    ("connectivity.disconnectReason", FieldType::String, None),
    ("connectivity.clientId", FieldType::String, None),
    ("connectivity.keepAliveDuration", FieldType::Number, None),
    ("connectivity.cleanSession", FieldType::Boolean, None),
    ("connectivity.sessionExpiry", FieldType::Number, None),
];
const DEFENDER: &[(&str, FieldType, Option<&str>)] =
    &[("deviceDefender.violationCount", FieldType::Number, None), ("deviceDefender.version", FieldType::Number, None)];
const GROUPS: &[(&str, FieldType, Option<&str>)] = &[
    ("thingGroupName", FieldType::String, None),
    ("thingGroupId", FieldType::String, None),
    ("description", FieldType::String, None),
    ("parentGroupNames", FieldType::String, None),
    ("version", FieldType::Number, None),
];

/// A managed field: its name, its type, and the name that its values are kept under.
pub(crate) type Managed = (&'static str, FieldType, Option<&'static str>);

/// The managed fields of the things' index, by what is indexed.
pub(crate) fn of_things(classic: bool, named: bool, connectivity: bool, defender: bool) -> Vec<Managed> {
    let parts = [
        (true, THINGS),
        (classic, CLASSIC_SHADOW),
        (named, NAMED_SHADOWS),
        (connectivity, CONNECTIVITY),
        (defender, DEFENDER),
    ];
    parts.into_iter().filter(|(is_on, _)| *is_on).flat_map(|(_, fields)| fields.iter().copied()).collect()
}

/// The managed fields of the groups' index.
pub(crate) fn of_groups() -> Vec<Managed> {
    GROUPS.to_vec()
}

/// The name of the shadow of a field of a named one, and what comes behind it.
pub(crate) fn named_shadow(field: &str) -> Option<(&str, &str)> {
    field.strip_prefix("shadow.name.")?.split_once('.')
}

/// Whether a field is a version, which is kept for aggregations and is not searched.
#[must_use]
pub fn is_version(field: &str) -> bool {
    match field {
        "registry.version" | "shadow.version" | "deviceDefender.version" | "connectivity.version" | "version" => true,
        _ => named_shadow(field).is_some_and(|(_, rest)| rest == "version"),
    }
}

/// Whether a term without a field looks into this one: "all the registry, Device Shadow, and Device Defender fields".
pub(crate) fn is_looked_into(field: &str) -> bool {
    !field.starts_with("connectivity.") && !is_version(field)
}

/// Whether a field says that a behavior is violated.
pub(crate) fn is_in_violation(field: &str) -> bool {
    field.starts_with("deviceDefender.") && field.ends_with(".inViolation")
}
