//! Which things are in which thing groups. Source: "Static thing groups" of the developer guide and the API reference of the
//! operations.

use crate::groups::no_group;
use crate::principals::page_size;
use crate::registry::{MEMBERS, MemberRow, Registry, json, no_thing};
use crate::shelf::Slot;
use drydock_core::event::Link;
use drydock_core::event::registry::MembershipState;
use drydock_core::{ApiError, Arn, Done, Event, Ids, ThingGroupName, Timestamp, Write, page};
use drydock_model::iot::{
    AddThingToThingGroupRequest, AddThingToThingGroupResponse, ListThingGroupsForThingRequest,
    ListThingGroupsForThingResponse, ListThingsInThingGroupRequest, ListThingsInThingGroupResponse,
    RemoveThingFromThingGroupRequest, RemoveThingFromThingGroupResponse, UpdateThingGroupsForThingRequest,
    UpdateThingGroupsForThingResponse,
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The most groups that a thing may be in.
pub(crate) const MOST_GROUPS: usize = 10;

impl Registry {
    /// "AddThingToThingGroup". Adding a thing to a group that it is in succeeds.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the thing or the group; `InvalidRequestException` where the thing is in ten groups or
    /// in another group of the hierarchy, and where a name and an ARN contradict each other or neither is given.
    pub fn add_thing_to_thing_group(
        &mut self,
        request: &AddThingToThingGroupRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<AddThingToThingGroupResponse>, ApiError> {
        let slot = self.member(request.thing_name.as_deref(), request.thing_arn.as_deref())?;
        let group = self.group(request.thing_group_name.as_deref(), request.thing_group_arn.as_deref())?;
        self.may_be_chosen(&group)?;
        let mut groups = self.groups.of(slot);
        groups.insert(group);
        self.make_room(&mut groups, request.override_dynamic_groups);
        self.set_groups(slot, &groups, now, ids).map(|done| done.map(|()| AddThingToThingGroupResponse {}))
    }

    /// "RemoveThingFromThingGroup". Removing a thing from a group that it is not in succeeds.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the thing or the group; `InvalidRequestException` as for "AddThingToThingGroup".
    pub fn remove_thing_from_thing_group(
        &mut self,
        request: &RemoveThingFromThingGroupRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<RemoveThingFromThingGroupResponse>, ApiError> {
        let slot = self.member(request.thing_name.as_deref(), request.thing_arn.as_deref())?;
        let group = self.group(request.thing_group_name.as_deref(), request.thing_group_arn.as_deref())?;
        self.may_be_chosen(&group)?;
        let mut groups = self.groups.of(slot);
        groups.remove(&group);
        self.set_groups(slot, &groups, now, ids).map(|done| done.map(|()| RemoveThingFromThingGroupResponse {}))
    }

    /// "UpdateThingGroupsForThing": all of it or, on an error, nothing. What is removed makes room for what is added.
    ///
    /// # Errors
    /// As for "AddThingToThingGroup".
    pub fn update_thing_groups_for_thing(
        &mut self,
        request: &UpdateThingGroupsForThingRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<UpdateThingGroupsForThingResponse>, ApiError> {
        let slot = self.member(request.thing_name.as_deref(), None)?;
        let mut groups = self.groups.of(slot);
        for name in request.thing_groups_to_remove.iter().flatten() {
            let group = self.group(Some(name), None)?;
            self.may_be_chosen(&group)?;
            groups.remove(&group);
        }
        for name in request.thing_groups_to_add.iter().flatten() {
            let group = self.group(Some(name), None)?;
            self.may_be_chosen(&group)?;
            groups.insert(group);
        }
        self.make_room(&mut groups, request.override_dynamic_groups);
        self.set_groups(slot, &groups, now, ids).map(|done| done.map(|()| UpdateThingGroupsForThingResponse {}))
    }

    /// "ListThingsInThingGroup": those in the group, and where `recursive` those in the groups below it. A token is good as
    /// long as the process runs.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_things_in_thing_group(
        &self,
        request: &ListThingsInThingGroupRequest,
    ) -> Result<Done<ListThingsInThingGroupResponse>, ApiError> {
        let operation = "ListThingsInThingGroup";
        let group = self.group(Some(&request.thing_group_name), None)?;
        let mut groups = BTreeSet::from([group.clone()]);
        if request.recursive == Some(true) {
            let mut open = vec![group];
            while let Some(next) = open.pop() {
                open.extend(self.groups.children(&next).cloned());
                groups.insert(next);
            }
        }
        let after = match request.next_token.as_deref() {
            None => None,
            Some(token) => {
                let place = page::place(operation, token)?;
                let damaged = || ApiError::invalid("the token is damaged: leave it out to begin anew");
                let (name, slot) = place.split_once('/').ok_or_else(damaged)?;
                Some((name.to_owned(), slot.parse::<Slot>().map_err(|_| damaged())?))
            }
        };
        let begun = |name: &ThingGroupName| after.as_ref().filter(|(group, _)| group == name.as_str());
        let left = groups.iter().filter(|name| after.as_ref().is_none_or(|(at, _)| name.as_str() >= at.as_str()));
        let members = left.flat_map(|name| {
            let slots = self.groups.members(name.as_str(), begun(name).map(|(_, slot)| *slot));
            slots.map(move |slot| (name, slot))
        });
        let (page, next) = page::cut(members, page_size(request.max_results), |(name, slot)| format!("{name}/{slot}"));
        let things = page.into_iter().filter_map(|(_, slot)| Some(self.shelf.at(slot)?.name.to_string()));
        Ok(Done::reply(ListThingsInThingGroupResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            things: Some(things.collect()),
        }))
    }

    /// "ListThingGroupsForThing": the groups that it is directly in, by name.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_thing_groups_for_thing(
        &self,
        request: &ListThingGroupsForThingRequest,
    ) -> Result<Done<ListThingGroupsForThingResponse>, ApiError> {
        let operation = "ListThingGroupsForThing";
        let slot = self.member(Some(&request.thing_name), None)?;
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let groups = self.groups.of(slot);
        let left = groups.iter().filter(|name| after.as_ref().is_none_or(|at| name.as_str() > at.as_str()));
        let (page, next) = page::cut(left, page_size(request.max_results), ToString::to_string);
        Ok(Done::reply(ListThingGroupsForThingResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            thing_groups: Some(page.into_iter().map(|name| self.named(name)).collect()),
        }))
    }

    /// Takes a thing out of every group that it is in, as it goes away itself.
    pub(crate) fn leave_groups(&mut self, slot: Slot, now: Timestamp) -> Done<()> {
        let mut done = Done::reply(());
        for group in self.groups.of(slot) {
            self.leave_group(slot, &group, now, &mut done);
        }
        done
    }

    fn leave_group(&mut self, slot: Slot, group: &ThingGroupName, now: Timestamp, done: &mut Done<()>) {
        let Some(id) = self.groups.leave(slot, group.as_str()) else { return };
        let Some(membership) = self.membership(slot, group, id) else { return };
        done.writes.push(Write::delete(MEMBERS, format!("{}/{group}", membership.thing)));
        done.events.push(Event::ThingGroupMembership { membership, link: Link::Removed, at: now });
    }

    /// A thing in a group, as events tell of it.
    pub(crate) fn membership(&self, slot: Slot, group: &ThingGroupName, id: Uuid) -> Option<Box<MembershipState>> {
        let thing = self.shelf.at(slot)?;
        let group = self.group_ref(group)?;
        Some(Box::new(MembershipState { id, group, thing: thing.name.clone(), thing_id: thing.id }))
    }

    /// Has a thing be in these groups and no other, where the rules allow it.
    pub(crate) fn set_groups(
        &mut self,
        slot: Slot,
        wanted: &BTreeSet<ThingGroupName>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<()>, ApiError> {
        let thing = self.shelf.at(slot).map(|thing| thing.name.clone()).ok_or_else(|| no_thing(""))?;
        self.may_be_in(thing.as_str(), wanted)?;
        let present = self.groups.of(slot);
        let mut done = Done::reply(());
        for group in present.difference(wanted) {
            self.leave_group(slot, group, now, &mut done);
        }
        for group in wanted.difference(&present) {
            let id = ids.uuid();
            self.groups.join(slot, group.as_str(), id);
            done.writes.push(Write::put(MEMBERS, format!("{thing}/{group}"), json(&MemberRow { id })));
            if let Some(membership) = self.membership(slot, group, id) {
                done.events.push(Event::ThingGroupMembership { membership, link: Link::Added, at: now });
            }
        }
        Ok(if done.writes.is_empty() { done } else { done.with(Event::AuthorizationChanged) })
    }

    /// Whether a thing, which may not be there yet, can be put into groups that there are, as "UpdateThingGroupsForThing" does.
    ///
    /// # Errors
    /// What it would answer.
    pub fn check_groups(&self, thing: &str, add: &[ThingGroupName], remove: &[String]) -> Result<(), ApiError> {
        let mut groups = self.shelf.slot(thing).map(|slot| self.groups.of(slot)).unwrap_or_default();
        groups.retain(|group| !remove.iter().any(|name| name == group.as_str()));
        for name in add {
            let group = self.group(Some(name.as_str()), None)?;
            self.may_be_chosen(&group)?;
            groups.insert(group);
        }
        self.may_be_in(thing, &groups)
    }

    /// Checks that a thing may be in these groups and no other.
    fn may_be_in(&self, thing: &str, wanted: &BTreeSet<ThingGroupName>) -> Result<(), ApiError> {
        if wanted.len() > MOST_GROUPS {
            return Err(ApiError::invalid(format!(
                "the thing `{thing}` would be in {} thing groups: a thing may be in at most {MOST_GROUPS}",
                wanted.len()
            )));
        }
        let mut roots: BTreeMap<&ThingGroupName, &ThingGroupName> = BTreeMap::new();
        for group in wanted {
            if let Some(other) = roots.insert(self.groups.root(group), group) {
                return Err(ApiError::invalid(format!(
                    "the thing `{thing}` cannot be in `{other}` and in `{group}`: both are in the same hierarchy of groups"
                )));
            }
        }
        Ok(())
    }

    /// The thing that a request names, by name, ARN or both.
    pub(crate) fn member(&self, name: Option<&str>, arn: Option<&str>) -> Result<Slot, ApiError> {
        let name = self.either("thing", name, arn)?;
        self.shelf.slot(&name).ok_or_else(|| no_thing(&name))
    }

    /// The group that a request names, by name, ARN or both.
    fn group(&self, name: Option<&str>, arn: Option<&str>) -> Result<ThingGroupName, ApiError> {
        let name = self.either("thinggroup", name, arn)?;
        self.groups.entry(&name).map(|(name, _)| name.clone()).ok_or_else(|| no_group(&name))
    }

    /// The name that a request means. An ARN of another account is a name that nothing here has.
    pub(crate) fn either(&self, kind: &str, name: Option<&str>, arn: Option<&str>) -> Result<String, ApiError> {
        let Some(arn) = arn else {
            let missing = || ApiError::invalid(format!("the request names no {kind}: give its name or its ARN"));
            return name.map(str::to_owned).ok_or_else(missing);
        };
        let resource = Arn::parse(arn).map(|arn| arn.resource().to_owned()).unwrap_or_default();
        let Some(of_arn) = resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')) else {
            return Err(ApiError::invalid(format!("`{arn}` is not the ARN of a {kind}")));
        };
        if name.is_some_and(|name| name != of_arn) {
            let name = name.unwrap_or_default();
            return Err(ApiError::invalid(format!("the name `{name}` and the ARN `{arn}` mean different resources")));
        }
        let own = self.scope.arn("iot", &resource);
        Ok(if own.as_str() == arn { of_arn.to_owned() } else { arn.to_owned() })
    }
}
