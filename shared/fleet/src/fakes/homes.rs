//! What the HTTP API looks at and changes.

use super::{Faults, Part, Table};
use crate::conditional::Item;
use crate::homes::state::{Desired, Presence, Shadow};
use crate::ports::{
    FindHomeRow, FindPresence, GetShadow, ListRows, Pause, PortResult, Rows, Transact, UpdateShadow, Written,
};
use crate::transaction::{Step, Transacted};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl FindHomeRow for Table {
    async fn find_home_row(&self, partition: &str, sort: &str) -> PortResult<Option<Item>> {
        self.faults.run("FindHomeRow", || self.row(&format!("{partition}|{sort}"))).await
    }
}

impl ListRows for Table {
    async fn list_rows(&self, partition: &str, prefix: &str, after: Option<&str>, most: usize) -> PortResult<Rows> {
        self.faults
            .run("ListRows", || {
                let begins = format!("{partition}|{prefix}");
                let after = after.map(|after| format!("{partition}|{after}"));
                let rows = self.rows();
                let found = rows.iter().filter(|(key, _)| key.starts_with(&begins));
                let mut found = found.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
                let items = found.by_ref().take(most).map(|(_, row)| row.clone()).collect();
                Rows { items, has_more: found.next().is_some() }
            })
            .await
    }
}

impl Transact for Table {
    async fn transact(&self, steps: &[Step]) -> PortResult<Transacted> {
        self.faults
            .run("Transact", || {
                let mut rows = self.rows.lock();
                let mut after = rows.clone();
                for (at, step) in steps.iter().enumerate() {
                    let key =
                        step.change().key.iter().map(|(_, value)| super::text(value)).collect::<Vec<_>>().join("|");
                    let mut row = after.remove(&key);
                    if let Err(current) = step.apply(&mut row) {
                        return Transacted::Refused { at, current };
                    }
                    after.extend(row.map(|row| (key, row)));
                }
                *rows = after;
                Transacted::Done
            })
            .await
    }
}

/// Shadows and connectivity of devices.
#[derive(Debug)]
pub struct Shadows {
    shadows: Part<BTreeMap<String, Shadow>>,
    presence: BTreeMap<String, Presence>,
    /// Whether devices do what they are wanted to, as soon as somebody looks again.
    obeys: bool,
    faults: Faults,
}

impl Shadows {
    /// None yet; whether devices obey, and which are connected.
    #[must_use]
    pub fn new(faults: &Faults, obeys: bool, presence: BTreeMap<String, Presence>) -> Self {
        Self { shadows: Part::new(faults, BTreeMap::new()), presence, obeys, faults: faults.clone() }
    }

    /// The shadow of a thing.
    #[must_use]
    pub fn of(&self, thing_name: &str) -> Option<Shadow> {
        self.shadows.lock().get(thing_name).cloned()
    }
}

impl GetShadow for Shadows {
    async fn get_shadow(&self, thing_name: &str) -> PortResult<Option<Shadow>> {
        self.faults.run("GetShadow", || self.of(thing_name)).await
    }
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

impl UpdateShadow for Shadows {
    async fn update_shadow(&self, thing_name: &str, desired: &Desired, version: Option<i64>) -> PortResult<Written> {
        self.faults
            .run("UpdateShadow", || {
                let mut all = self.shadows.lock();
                let shadow = all.entry(thing_name.to_owned()).or_default();
                if version.is_some_and(|version| version != shadow.version) {
                    return Written::OtherVersion;
                }
                merge(&mut shadow.desired, desired.members());
                shadow.version = shadow.version.saturating_add(1);
                Written::Done
            })
            .await
    }
}

impl FindPresence for Shadows {
    async fn find_presence(&self, client_id: &str) -> PortResult<Option<Presence>> {
        self.faults.ask("FindPresence", || self.presence.get(client_id).copied()).await
    }
}

impl Pause for Shadows {
    async fn pause(&self) {
        // Nobody looks at what comes of it: it does not fail.
        let _ = self
            .faults
            .run("Pause", || {
                for shadow in self.shadows.lock().values_mut().filter(|_| self.obeys) {
                    let desired = shadow.desired.clone();
                    merge(&mut shadow.reported, &desired);
                }
            })
            .await;
    }
}
