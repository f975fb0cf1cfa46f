//! The rulebook's state and how it is filled again.

use crate::groups::Groups;
use crate::principals::{Attachments, Kind, Principal};
use crate::shelf::Shelf;
use crate::thing_types::TypeRow;
use drydock_core::{ApiError, CorruptRow, Rulebook, Scope, ThingGroupName, ThingName, ThingTypeName, Write};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(crate) const TYPES: &str = "thing_types";
pub(crate) const THINGS: &str = "things";
pub(crate) const PRINCIPALS: &str = "thing_principals";
pub(crate) const GROUPS: &str = "thing_groups";
pub(crate) const MEMBERS: &str = "thing_group_members";

/// The account's things, thing types, thing groups and attachments.
#[derive(Debug)]
pub struct Registry {
    pub(crate) scope: Scope,
    pub(crate) types: BTreeMap<ThingTypeName, TypeRow>,
    pub(crate) shelf: Shelf,
    pub(crate) attachments: Attachments,
    pub(crate) groups: Groups,
}

/// A thing in a row; its key is its name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ThingRow {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) thing_type: Option<ThingTypeName>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<SmolStr, SmolStr>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            types: BTreeMap::new(),
            shelf: Shelf::default(),
            attachments: Attachments::default(),
            groups: Groups::default(),
        }
    }

    /// How many things there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shelf.len()
    }

    /// Whether there is no thing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a thing into memory and gives the write that keeps it.
    pub(crate) fn keep(&mut self, name: ThingName, row: ThingRow) -> Write {
        let write = Write::put(THINGS, name.as_str(), json(&row));
        self.shelf.put(name, row.id, row.version, row.thing_type, &row.attributes);
        write
    }
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

/// The error for a thing that is not there.
pub(crate) fn no_thing(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no thing `{name}`"))
}

impl Rulebook for Registry {
    const TABLES: &'static [&'static str] = &[TYPES, THINGS, PRINCIPALS, GROUPS, MEMBERS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        match table {
            TYPES => {
                let name = ThingTypeName::new(key).map_err(|error| corrupt(error.to_string()))?;
                self.types.insert(name, serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?);
            }
            THINGS => {
                let name = ThingName::new(key).map_err(|error| corrupt(error.to_string()))?;
                let row: ThingRow = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
                self.shelf.put(name, row.id, row.version, row.thing_type, &row.attributes);
            }
            PRINCIPALS => {
                let (thing, principal) = key.split_once('/').ok_or_else(|| corrupt("its key has no `/`".into()))?;
                let slot = self.shelf.slot(thing).ok_or_else(|| corrupt("its thing is missing".into()))?;
                let principal = Principal::new(&self.scope, principal);
                let kind: Kind = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
                self.attachments.attach(slot, principal, kind);
            }
            GROUPS => {
                let name = ThingGroupName::new(key).map_err(|error| corrupt(error.to_string()))?;
                self.groups.put(name, serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?);
            }
            MEMBERS => {
                let (thing, group) = key.split_once('/').ok_or_else(|| corrupt("its key has no `/`".into()))?;
                let slot = self.shelf.slot(thing).ok_or_else(|| corrupt("its thing is missing".into()))?;
                if !self.groups.join(slot, group) {
                    return Err(corrupt("its group is missing, or the row comes twice".into()));
                }
            }
            _ => return Err(corrupt("the table is not one of the registry".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }
}
