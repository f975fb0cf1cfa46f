//! Static thing groups. Source: "Static thing groups" of the developer guide, "AWS IoT Core thing group limits and quotas", and the
//! API reference of the operations.

use crate::groups::{GroupRow, INDEX, QUERY_VERSION, no_group};
use crate::principals::page_size;
use crate::registry::{GROUPS, MEMBERS, Registry, json};
use crate::things::apply;
use drydock_core::event::registry::{GroupRef, GroupState, HierarchyState, MembershipState};
use drydock_core::event::{Change, Link};
use drydock_core::{ApiError, Done, ErrorCode, Event, Ids, ThingGroupName, Timestamp, Write, page};
use drydock_model::iot::{
    AttributePayload, CreateThingGroupRequest, CreateThingGroupResponse, DeleteThingGroupRequest,
    DeleteThingGroupResponse, DescribeThingGroupRequest, DescribeThingGroupResponse, GroupNameAndArn,
    ListThingGroupsRequest, ListThingGroupsResponse, ThingGroupMetadata, ThingGroupProperties, UpdateThingGroupRequest,
    UpdateThingGroupResponse,
};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The most levels of a hierarchy, the root being the first.
const MOST_LEVELS: usize = 7;
/// The most direct children of a group.
const MOST_CHILDREN: usize = 100;
/// The most attributes of a group.
const MOST_ATTRIBUTES: usize = 50;

impl Registry {
    /// "CreateThingGroup". Creating a group that exists with the same parent and properties succeeds and changes nothing.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where it exists otherwise; `ResourceNotFoundException` for the parent;
    /// `InvalidRequestException` where the hierarchy gets too deep, the parent has too many children or the group too many
    /// attributes.
    pub fn create_thing_group(
        &mut self,
        request: &CreateThingGroupRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateThingGroupResponse>, ApiError> {
        let name = ThingGroupName::new(&request.thing_group_name)?;
        let parent = request.parent_group_name.as_deref().map(ThingGroupName::new).transpose()?;
        let (description, attributes) = read(None, request.thing_group_properties.as_ref())?;
        let arn = String::from(self.scope.thing_group(&name));
        let reply = |id: String| CreateThingGroupResponse {
            thing_group_arn: Some(arn.clone()),
            thing_group_id: Some(id),
            thing_group_name: Some(name.to_string()),
        };
        if let Some(kept) = self.groups.get(name.as_str()) {
            let is_same = kept.parent == parent && kept.description == description && kept.attributes == attributes;
            if is_same && kept.dynamic.is_none() {
                return Ok(Done::reply(reply(kept.id.to_string())));
            }
            let message = format!("Thing Group {name} already exists in current account with different properties");
            return Err(ApiError::exists(message, name.as_str(), arn));
        }
        if let Some(parent) = &parent {
            self.room_below(parent)?;
        }
        let id = ids.uuid();
        let reply = reply(id.to_string());
        let row = GroupRow { id, version: 1, created: now, parent, description, attributes, dynamic: None };
        let write = self.keep_group(name.clone(), row);
        let done = Done::written(reply, vec![write]).with(self.group_changed(&name, Change::Created, now));
        Ok(match self.hierarchy_changed(&name, Link::Added, now) {
            Some(event) => done.with(event),
            None => done,
        })
    }

    /// "DescribeThingGroup".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_thing_group(
        &self,
        request: &DescribeThingGroupRequest,
    ) -> Result<Done<DescribeThingGroupResponse>, ApiError> {
        let name = &request.thing_group_name;
        let (name, row) = self.groups.entry(name).ok_or_else(|| no_group(name))?;
        let mut above: Vec<_> = self.groups.ancestors(name.as_str()).map(|name| self.named(name)).collect();
        above.reverse();
        let attributes = row.attributes.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let dynamic = row.dynamic.as_ref();
        // A group without attributes has no payload of them, and without a description either `thingGroupProperties` is `{}`.
        let attribute_payload = (!row.attributes.is_empty())
            .then(|| AttributePayload { attributes: Some(attributes.collect()), merge: None });
        Ok(Done::reply(DescribeThingGroupResponse {
            index_name: dynamic.map(|_| INDEX.to_owned()),
            query_string: dynamic.map(|dynamic| dynamic.query.clone()),
            query_version: dynamic.map(|_| QUERY_VERSION.to_owned()),
            status: dynamic.map(|dynamic| dynamic.status.wire()),
            thing_group_arn: Some(self.scope.thing_group(name).into()),
            thing_group_id: Some(row.id.to_string()),
            thing_group_metadata: Some(ThingGroupMetadata {
                creation_date: Some(row.created),
                parent_group_name: row.parent.as_ref().map(ToString::to_string),
                root_to_parent_thing_groups: Some(above),
            }),
            thing_group_name: Some(name.to_string()),
            thing_group_properties: Some(ThingGroupProperties {
                attribute_payload,
                thing_group_description: row.description.clone(),
            }),
            version: Some(row.version),
        }))
    }

    /// "UpdateThingGroup": replaces the attributes, or merges into them; what is not given stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `VersionConflictException`; `InvalidRequestException` for too many attributes.
    pub fn update_thing_group(
        &mut self,
        request: &UpdateThingGroupRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateThingGroupResponse>, ApiError> {
        let name = &request.thing_group_name;
        let (name, row) = self.groups.entry(name).ok_or_else(|| no_group(name))?;
        expect_version(name, row, request.expected_version)?;
        is_static(name, row, "UpdateDynamicThingGroup")?;
        let (name, mut row) = (name.clone(), row.clone());
        (row.description, row.attributes) = read(Some(&row), Some(&request.thing_group_properties))?;
        row.version = row.version.saturating_add(1);
        let reply = UpdateThingGroupResponse { version: Some(row.version) };
        let write = self.keep_group(name.clone(), row);
        Ok(Done::written(reply, vec![write]).with(self.group_changed(&name, Change::Updated, now)))
    }

    /// "DeleteThingGroup". The things in it stay; deleting a group that does not exist succeeds.
    ///
    /// # Errors
    /// `VersionConflictException`; `InvalidRequestException` while it has child groups.
    pub fn delete_thing_group(
        &mut self,
        request: &DeleteThingGroupRequest,
        now: Timestamp,
    ) -> Result<Done<DeleteThingGroupResponse>, ApiError> {
        let reply = DeleteThingGroupResponse {};
        let Some((name, row)) = self.groups.entry(&request.thing_group_name) else { return Ok(Done::reply(reply)) };
        expect_version(name, row, request.expected_version)?;
        is_static(name, row, "DeleteDynamicThingGroup")?;
        if self.groups.children(name).next().is_some() {
            // AWS's own words.
            return Err(ApiError::invalid(format!(
                "Cannot delete thing group : {name} when there are still child groups attached to it."
            )));
        }
        let name = name.clone();
        Ok(self.remove_group(&name, now).map(|()| reply))
    }

    /// Takes a group away, and every thing out of it.
    pub(crate) fn remove_group(&mut self, name: &ThingGroupName, now: Timestamp) -> Done<()> {
        let Some(group) = self.group_ref(name) else { return Done::reply(()) };
        let deleted = self.group_changed(name, Change::Deleted, now);
        let unlinked = self.hierarchy_changed(name, Link::Removed, now);
        let mut done = Done::written((), vec![Write::delete(GROUPS, name.as_str())]);
        for (slot, id) in self.groups.remove(name) {
            let Some(thing) = self.shelf.at(slot) else { continue };
            done.writes.push(Write::delete(MEMBERS, format!("{}/{name}", thing.name)));
            let (group, thing, thing_id) = (group.clone(), thing.name.clone(), thing.id);
            let membership = Box::new(MembershipState { id, group, thing, thing_id });
            done.events.push(Event::ThingGroupMembership { membership, link: Link::Removed, at: now });
        }
        if !done.events.is_empty() {
            done.events.push(Event::AuthorizationChanged);
        }
        done.events.extend(unlinked);
        done.with(deleted)
    }

    /// "ListThingGroups" by name: all, or where `recursive` is false those without a parent; with `parentGroup`, its children,
    /// or where `recursive` is true all below it.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the parent; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_thing_groups(
        &self,
        request: &ListThingGroupsRequest,
    ) -> Result<Done<ListThingGroupsResponse>, ApiError> {
        let operation = "ListThingGroups";
        let parent = request.parent_group.as_deref();
        if let Some(parent) = parent.filter(|parent| !self.has_thing_group(parent)) {
            return Err(no_group(parent));
        }
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let prefix = request.name_prefix_filter.as_deref().unwrap_or_default();
        let groups = self.groups.after(after.as_deref()).filter(|name| {
            let mut above = self.groups.ancestors(name.as_str());
            name.as_str().starts_with(prefix)
                && match (parent, request.recursive) {
                    (None, Some(false)) => above.next().is_none(),
                    (None, _) => true,
                    (Some(parent), Some(true)) => above.any(|name| name.as_str() == parent),
                    (Some(parent), _) => above.next().is_some_and(|name| name.as_str() == parent),
                }
        });
        let (page, next) = page::cut(groups, page_size(request.max_results), ToString::to_string);
        Ok(Done::reply(ListThingGroupsResponse {
            next_token: next.map(|place| page::token(operation, &place)),
            thing_groups: Some(page.into_iter().map(|name| self.named(name)).collect()),
        }))
    }

    pub(crate) fn named(&self, name: &ThingGroupName) -> GroupNameAndArn {
        GroupNameAndArn { group_arn: Some(self.scope.thing_group(name).into()), group_name: Some(name.to_string()) }
    }

    pub(crate) fn group_changed(&self, name: &ThingGroupName, change: Change, now: Timestamp) -> Event {
        Event::ThingGroupChanged { group: Box::new(self.state_of_group(name)), change, at: now }
    }

    /// A group as events and the index have it.
    pub(crate) fn state_of_group(&self, name: &ThingGroupName) -> GroupState {
        let row = self.groups.get(name.as_str());
        let mut above: Vec<_> = self.groups.ancestors(name.as_str()).filter_map(|name| self.group_ref(name)).collect();
        above.reverse();
        GroupState {
            group: GroupRef { name: name.clone(), id: row.map(|row| row.id).unwrap_or_default() },
            version: row.map(|row| row.version).unwrap_or_default(),
            above,
            description: row.and_then(|row| row.description.clone()),
            attributes: row.map(|row| row.attributes.clone()).unwrap_or_default(),
        }
    }

    /// What there is to tell of a group's place below another, where it has one.
    fn hierarchy_changed(&self, name: &ThingGroupName, link: Link, now: Timestamp) -> Option<Event> {
        let parent = self.groups.get(name.as_str())?.parent.as_ref()?;
        let hierarchy = HierarchyState { parent: self.group_ref(parent)?, child: self.group_ref(name)? };
        Some(Event::ThingGroupHierarchy { hierarchy: Box::new(hierarchy), link, at: now })
    }

    /// Whether a group can get one more child.
    fn room_below(&self, parent: &ThingGroupName) -> Result<(), ApiError> {
        let row = self.groups.get(parent.as_str()).ok_or_else(|| no_group(parent.as_str()))?;
        if row.dynamic.is_some() {
            return Err(ApiError::invalid(format!(
                "the thing group `{parent}` is dynamic: it cannot have child groups"
            )));
        }
        if self.groups.ancestors(parent.as_str()).count() + 2 > MOST_LEVELS {
            return Err(ApiError::invalid(format!(
                "a hierarchy of thing groups has at most {MOST_LEVELS} levels, and `{parent}` is at the last of them"
            )));
        }
        if self.groups.children(parent).count() >= MOST_CHILDREN {
            return Err(ApiError::invalid(format!(
                "the thing group `{parent}` has {MOST_CHILDREN} child groups, and no group may have more"
            )));
        }
        Ok(())
    }

    pub(crate) fn keep_group(&mut self, name: ThingGroupName, row: GroupRow) -> Write {
        let write = Write::put(GROUPS, name.as_str(), json(&row));
        self.groups.put(name, row);
        write
    }
}

/// The properties that a group is to have: those of `kept`, with the ones given over them.
pub(crate) fn read(
    kept: Option<&GroupRow>,
    wire: Option<&ThingGroupProperties>,
) -> Result<(Option<String>, BTreeMap<SmolStr, SmolStr>), ApiError> {
    let mut attributes = kept.map(|row| row.attributes.clone()).unwrap_or_default();
    apply(&mut attributes, wire.and_then(|wire| wire.attribute_payload.as_ref()), kept.is_none())?;
    if attributes.len() > MOST_ATTRIBUTES {
        return Err(ApiError::invalid(format!(
            "{} attributes are too many: a thing group has at most {MOST_ATTRIBUTES}",
            attributes.len()
        )));
    }
    let description = wire.and_then(|wire| wire.thing_group_description.clone());
    Ok((description.or_else(|| kept.and_then(|row| row.description.clone())), attributes))
}

pub(crate) fn expect_version(name: &ThingGroupName, row: &GroupRow, expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(expected) if expected != row.version => Err(ApiError::new(
            ErrorCode::VersionConflictException,
            format!(
                "The version for thing group {name} does not match the expected version: it is {}, not {expected}",
                row.version
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses what is only for static groups.
fn is_static(name: &ThingGroupName, row: &GroupRow, instead: &str) -> Result<(), ApiError> {
    match row.dynamic {
        None => Ok(()),
        Some(_) => Err(ApiError::invalid(format!("the thing group `{name}` is dynamic: use {instead}"))),
    }
}
