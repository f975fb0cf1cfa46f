//! Things and groups for tests, and links that can be told from others.

use drydock_core::ThingName;
use drydock_jobs::{Fleet, Links};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Things and groups, without a registry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Things {
    ids: BTreeMap<String, Uuid>,
    groups: BTreeMap<String, BTreeSet<String>>,
    parents: BTreeMap<String, String>,
    made: u128,
}

impl Things {
    pub(crate) fn make(&mut self, thing: &str) {
        self.made += 1;
        self.ids.insert(thing.to_owned(), Uuid::from_u128(self.made));
    }

    pub(crate) fn delete(&mut self, thing: &str) {
        self.ids.remove(thing);
        self.groups.values_mut().for_each(|members| {
            members.remove(thing);
        });
    }

    pub(crate) fn group(&mut self, name: &str, parent: Option<&str>) {
        self.groups.entry(name.to_owned()).or_default();
        if let Some(parent) = parent {
            self.parents.insert(name.to_owned(), parent.to_owned());
        }
    }

    pub(crate) fn join(&mut self, thing: &str, group: &str) {
        self.groups.entry(group.to_owned()).or_default().insert(thing.to_owned());
    }

    pub(crate) fn leave(&mut self, thing: &str, group: &str) {
        self.groups.entry(group.to_owned()).or_default().remove(thing);
    }

    fn above<'t>(&'t self, group: &'t str) -> impl Iterator<Item = &'t str> {
        std::iter::successors(Some(group), |group| self.parents.get(*group).map(String::as_str))
    }
}

impl Fleet for Things {
    fn thing_id(&self, thing: &str) -> Option<Uuid> {
        self.ids.get(thing).copied()
    }

    fn group_id(&self, group: &str) -> Option<Uuid> {
        self.groups.keys().position(|name| name == group).map(|at| Uuid::from_u128(1000 + at as u128))
    }

    fn members(&self, group: &str) -> Vec<ThingName> {
        let within = self.groups.iter().filter(|(name, _)| self.above(name).any(|above| above == group));
        within.flat_map(|(_, members)| members.iter().map(|name| ThingName::new(name).unwrap())).collect()
    }

    fn groups_of(&self, thing: &str) -> Vec<SmolStr> {
        let direct = self.groups.iter().filter(|(_, members)| members.contains(thing));
        direct.flat_map(|(name, _)| self.above(name).map(SmolStr::new)).collect()
    }
}

/// Links that say what they were made of.
pub(crate) struct Plain;

impl Links for Plain {
    fn link(&self, upload: bool, bucket: &str, key: &str, version: Option<&str>, seconds: u32) -> String {
        let method = if upload { "PUT" } else { "GET" };
        let version = version.map(|version| format!("@{version}")).unwrap_or_default();
        format!("{method} {bucket}/{key}{version} for {seconds}")
    }
}
