//! Things and groups as the fleet index takes them.

use crate::registry::Registry;
use drydock_core::event::registry::{GroupState, ThingState};
use drydock_core::{ThingGroupName, ThingName};

impl Registry {
    /// A thing.
    #[must_use]
    pub fn thing_state(&self, name: &str) -> Option<ThingState> {
        self.shelf.get(name).map(|thing| self.state(thing))
    }

    /// The groups that a thing is directly in, by name.
    #[must_use]
    pub fn direct_groups_of(&self, thing: &str) -> Vec<ThingGroupName> {
        self.shelf.slot(thing).map(|slot| self.groups.of(slot).into_iter().collect()).unwrap_or_default()
    }

    /// Every thing, by name.
    pub fn thing_names(&self) -> impl Iterator<Item = &ThingName> {
        self.shelf.after(None).map(|thing| &thing.name)
    }

    /// A thing group.
    #[must_use]
    pub fn group_state(&self, name: &str) -> Option<GroupState> {
        self.groups.entry(name).map(|(name, _)| self.state_of_group(name))
    }

    /// Every thing group, by name.
    pub fn group_names(&self) -> impl Iterator<Item = &ThingGroupName> {
        self.groups.after(None)
    }
}
