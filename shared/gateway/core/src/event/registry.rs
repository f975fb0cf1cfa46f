//! What the events of the registry carry of a resource: all that "Registry events" of the developer guide tells, so that a
//! consumer need not ask for a resource that has changed again since, or is gone.

use crate::clock::Timestamp;
use crate::names::{AttributeName, ThingGroupName, ThingName, ThingTypeName};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingState {
    /// Its name.
    pub name: ThingName,
    /// Its id.
    pub id: Uuid,
    /// Starts at 1 and goes up with each update.
    pub version: i64,
    /// Its type.
    pub thing_type: Option<ThingTypeName>,
    /// Its attributes.
    pub attributes: BTreeMap<SmolStr, SmolStr>,
}

/// A thing type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeState {
    /// Its name.
    pub name: ThingTypeName,
    /// Its id.
    pub id: Uuid,
    /// Since when no further thing may get it.
    pub deprecated: Option<Timestamp>,
    /// The attributes that things of it are found by.
    pub searchable: Vec<AttributeName>,
    /// What messages of its things carry as user properties.
    pub propagating: Vec<Propagated>,
    /// What it is.
    pub description: Option<String>,
}

/// A user property that messages of a type's things carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagated {
    /// The property's name.
    pub key: String,
    /// The attribute of the thing that is its value.
    pub thing_attribute: Option<String>,
    /// The attribute of the connection that is its value.
    pub connection_attribute: Option<String>,
}

/// A thing group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// Its name and id.
    pub group: GroupRef,
    /// Starts at 1 and goes up with each update.
    pub version: i64,
    /// The groups above it, the root first and its parent last.
    pub above: Vec<GroupRef>,
    /// What it is.
    pub description: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<SmolStr, SmolStr>,
}

/// A thing group, named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRef {
    /// Its name.
    pub name: ThingGroupName,
    /// Its id.
    pub id: Uuid,
}

/// A thing in a thing group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipState {
    /// Made when the thing is put into the group.
    pub id: Uuid,
    /// The group.
    pub group: GroupRef,
    /// The thing.
    pub thing: ThingName,
    /// The thing's id.
    pub thing_id: Uuid,
}

/// A thing group below another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HierarchyState {
    /// The group above.
    pub parent: GroupRef,
    /// The group below.
    pub child: GroupRef,
}
