//! The rulebook's state and how it is filled again.

use crate::billing_groups::Billing;
use crate::event_settings::EventSettings;
use crate::groups::Groups;
use crate::principals::{Attachments, Kind, Principal};
use crate::shelf::Shelf;
use crate::thing_types::TypeRow;
use drydock_core::event::registry::GroupRef;
use drydock_core::{
    ApiError, BillingGroupName, CorruptRow, Event, Rulebook, Scope, ThingGroupName, ThingName, ThingTypeName, Write,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(crate) const TYPES: &str = "thing_types";
pub(crate) const THINGS: &str = "things";
pub(crate) const PRINCIPALS: &str = "thing_principals";
pub(crate) const GROUPS: &str = "thing_groups";
pub(crate) const MEMBERS: &str = "thing_group_members";
pub(crate) const BILLING_GROUPS: &str = "billing_groups";
pub(crate) const BILLED: &str = "billing_group_members";
pub(crate) const EVENTS: &str = "event_configurations";

/// The account's things, thing types, thing groups, billing groups and attachments, and which events it wants to be told of.
#[derive(Debug)]
pub struct Registry {
    pub(crate) scope: Scope,
    pub(crate) types: BTreeMap<ThingTypeName, TypeRow>,
    pub(crate) shelf: Shelf,
    pub(crate) attachments: Attachments,
    pub(crate) groups: Groups,
    pub(crate) billing: Billing,
    pub(crate) events: EventSettings,
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

/// A thing in a group; its key is the thing's name, `/` and the group's.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemberRow {
    pub(crate) id: Uuid,
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
            billing: Billing::default(),
            events: EventSettings::default(),
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

    /// The id of a thing, where there is one of this name.
    #[must_use]
    pub fn thing_id(&self, name: &str) -> Option<Uuid> {
        self.shelf.get(name).map(|thing| thing.id)
    }

    /// A thing group as events name it.
    pub(crate) fn group_ref(&self, name: &ThingGroupName) -> Option<GroupRef> {
        self.groups.get(name.as_str()).map(|row| GroupRef { name: name.clone(), id: row.id })
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
    const TABLES: &'static [&'static str] =
        &[TYPES, THINGS, PRINCIPALS, GROUPS, MEMBERS, BILLING_GROUPS, BILLED, EVENTS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        let text = |error: serde_json::Error| corrupt(error.to_string());
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
                let MemberRow { id } = serde_json::from_str(value).map_err(text)?;
                if !self.groups.join(slot, group, id) {
                    return Err(corrupt("its group is missing, or the row comes twice".into()));
                }
            }
            BILLING_GROUPS => {
                let name = BillingGroupName::new(key).map_err(|error| corrupt(error.to_string()))?;
                self.billing.put(name, serde_json::from_str(value).map_err(text)?);
            }
            BILLED => {
                let slot = self.shelf.slot(key).ok_or_else(|| corrupt("its thing is missing".into()))?;
                let name: BillingGroupName = serde_json::from_str(value).map_err(text)?;
                if !self.billing.join(slot, &name) {
                    return Err(corrupt("its billing group is missing".into()));
                }
            }
            EVENTS => self.events = serde_json::from_str(value).map_err(text)?,
            _ => return Err(corrupt("the table is not one of the registry".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }

    fn promises(&self, event: &Event) -> bool {
        self.tells_of(event)
    }
}
