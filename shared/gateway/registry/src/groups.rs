//! Thing groups as they are kept: the tree, and who is in which group, found from both ends.

use crate::registry::Registry;
use crate::shelf::Slot;
use drydock_core::{ApiError, Arn, ThingGroupName, ThingName, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use uuid::Uuid;

/// A group in memory, so that a membership costs eight bytes at each end.
pub(crate) type Number = u32;

/// The index that dynamic groups ask.
pub(crate) const INDEX: &str = "AWS_Things";
/// The version of their queries.
pub(crate) const QUERY_VERSION: &str = "2017-09-30";

/// A group; its key is its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupRow {
    pub(crate) id: Uuid,
    /// Starts at 1 and goes up with each update.
    pub(crate) version: i64,
    pub(crate) created: Timestamp,
    /// Fixed when the group is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<ThingGroupName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<SmolStr, SmolStr>,
    /// By which a dynamic group has its things; none of a static one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dynamic: Option<DynamicRow>,
}

/// What a dynamic group asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DynamicRow {
    pub(crate) query: String,
    /// How far its members are: made, changed, or all there.
    pub(crate) status: DynamicStatus,
}

/// How far the members of a dynamic group are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DynamicStatus {
    Building,
    Rebuilding,
    Active,
}

/// Every group.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    rows: BTreeMap<ThingGroupName, (Number, GroupRow)>,
    names: Vec<Option<ThingGroupName>>,
    free: Vec<Number>,
    /// Parent and child. By name, as a child may be read back before its parent.
    children: BTreeSet<(ThingGroupName, ThingGroupName)>,
    /// With the id that the membership got when it began.
    members: BTreeMap<(Number, Slot), Uuid>,
    of_thing: BTreeSet<(Slot, Number)>,
}

impl Groups {
    pub(crate) fn get(&self, name: &str) -> Option<&GroupRow> {
        self.rows.get(name).map(|(_, row)| row)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<(&ThingGroupName, &GroupRow)> {
        self.rows.get_key_value(name).map(|(name, (_, row))| (name, row))
    }

    /// Puts a group in, in the place of the one of its name where there is one; its members stay.
    pub(crate) fn put(&mut self, name: ThingGroupName, row: GroupRow) {
        if let Some(parent) = &row.parent {
            self.children.insert((parent.clone(), name.clone()));
        }
        if let Some((_, kept)) = self.rows.get_mut(&name) {
            *kept = row;
            return;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.names.push(None);
            Number::try_from(self.names.len() - 1).unwrap_or(Number::MAX)
        });
        if let Some(place) = usize::try_from(number).ok().and_then(|index| self.names.get_mut(index)) {
            *place = Some(name.clone());
        }
        self.rows.insert(name, (number, row));
    }

    /// Takes a group out, and everything out of it; gives the things that were in it, with the ids of their memberships.
    pub(crate) fn remove(&mut self, name: &ThingGroupName) -> Vec<(Slot, Uuid)> {
        let slots: Vec<Slot> = self.members(name.as_str(), None).collect();
        let members = slots.into_iter().filter_map(|slot| Some((slot, self.leave(slot, name.as_str())?))).collect();
        let Some((number, row)) = self.rows.remove(name) else { return members };
        if let Some(parent) = row.parent {
            self.children.remove(&(parent, name.clone()));
        }
        if let Some(place) = usize::try_from(number).ok().and_then(|index| self.names.get_mut(index)) {
            *place = None;
        }
        self.free.push(number);
        members
    }

    /// The groups after a name, by name.
    pub(crate) fn after<'a>(&'a self, name: Option<&str>) -> impl Iterator<Item = &'a ThingGroupName> + use<'a> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range::<str, _>((from, Bound::Unbounded)).map(|(name, _)| name)
    }

    /// The direct children of a group.
    pub(crate) fn children<'a>(&'a self, parent: &'a ThingGroupName) -> impl Iterator<Item = &'a ThingGroupName> {
        // `-` is the least character of names, so no name comes before it.
        let least = ThingGroupName::new("-").ok();
        let from = least.map_or(Bound::Unbounded, |least| Bound::Included((parent.clone(), least)));
        let entries = self.children.range((from, Bound::Unbounded));
        entries.take_while(move |(of, _)| of == parent).map(|(_, child)| child)
    }

    /// The groups above a group, the nearest first.
    pub(crate) fn ancestors<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a ThingGroupName> + use<'a> {
        let parent = |name: &str| self.rows.get(name).and_then(|(_, row)| row.parent.as_ref());
        std::iter::successors(parent(name), move |name| parent(name.as_str()))
    }

    /// The group at the top of a group's hierarchy: itself where it has no parent.
    pub(crate) fn root<'a>(&'a self, name: &'a ThingGroupName) -> &'a ThingGroupName {
        self.ancestors(name.as_str()).last().unwrap_or(name)
    }

    /// The things that are directly in a group, after one of them.
    pub(crate) fn members<'a>(&'a self, name: &str, after: Option<Slot>) -> impl Iterator<Item = Slot> + use<'a> {
        let number = self.rows.get(name).map(|(number, _)| *number);
        let entries = number.into_iter().flat_map(move |number| {
            let from = match after {
                Some(slot) => Bound::Excluded((number, slot)),
                None => Bound::Included((number, Slot::MIN)),
            };
            self.members.range((from, Bound::Included((number, Slot::MAX))))
        });
        entries.map(|((_, slot), _)| *slot)
    }

    /// The groups that a thing is directly in.
    pub(crate) fn of(&self, slot: Slot) -> BTreeSet<ThingGroupName> {
        let entries = self.of_thing.range((slot, Number::MIN)..=(slot, Number::MAX));
        entries.filter_map(|(_, number)| self.names.get(usize::try_from(*number).ok()?)?.clone()).collect()
    }

    /// Puts a thing into a group that there is and that it is not in yet.
    pub(crate) fn join(&mut self, slot: Slot, group: &str, id: Uuid) -> bool {
        let Some((number, _)) = self.rows.get(group) else { return false };
        self.of_thing.insert((slot, *number));
        self.members.insert((*number, slot), id).is_none()
    }

    /// Takes a thing out of a group; gives the id of its membership.
    pub(crate) fn leave(&mut self, slot: Slot, group: &str) -> Option<Uuid> {
        let (number, _) = self.rows.get(group)?;
        self.of_thing.remove(&(slot, *number));
        self.members.remove(&(*number, slot))
    }
}

impl Registry {
    /// Whether there is a thing group of this name.
    #[must_use]
    pub fn has_thing_group(&self, name: &str) -> bool {
        self.groups.get(name).is_some()
    }

    /// The id of a thing group, where there is one of this name.
    #[must_use]
    pub fn thing_group_id(&self, name: &str) -> Option<Uuid> {
        self.groups.get(name).map(|row| row.id)
    }

    /// The names of the things in a group and in the groups below it.
    #[must_use]
    pub fn members_below(&self, name: &str) -> Vec<ThingName> {
        let (mut open, mut things) = (Vec::from_iter(ThingGroupName::new(name)), Vec::new());
        while let Some(group) = open.pop() {
            open.extend(self.groups.children(&group).cloned());
            let slots = self.groups.members(group.as_str(), None);
            things.extend(slots.filter_map(|slot| Some(self.shelf.at(slot)?.name.clone())));
        }
        things
    }

    /// The names of every group that a thing is in, directly or through a group below.
    #[must_use]
    pub fn group_names_of(&self, thing: &str) -> Vec<ThingGroupName> {
        let Some(slot) = self.shelf.slot(thing) else { return Vec::new() };
        let direct = self.groups.of(slot);
        let all = direct.iter().flat_map(|name| std::iter::once(name).chain(self.groups.ancestors(name.as_str())));
        all.cloned().collect()
    }

    /// The ARNs of the groups above a group: where it inherits policies from.
    #[must_use]
    pub fn groups_above(&self, name: &str) -> Vec<Arn> {
        self.groups.ancestors(name).map(|name| self.scope.thing_group(name)).collect()
    }

    /// The ARNs of every group that a thing is in, directly or through a group below: where it gets policies from.
    #[must_use]
    pub fn groups_of(&self, thing: &str) -> Vec<Arn> {
        // A thing is in one group of a hierarchy, so no ancestor comes twice.
        self.group_names_of(thing).iter().map(|name| self.scope.thing_group(name)).collect()
    }
}

/// The error for a group that is not there.
pub(crate) fn no_group(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no thing group `{name}`"))
}
