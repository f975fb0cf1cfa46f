//! Dynamic thing groups: those whose things are what a query of the fleet index finds. What it finds is brought here by whoever has
//! the index; what comes of it is decided here. Source: "Dynamic thing groups" of the developer guide and the API reference.

use crate::group_members::MOST_GROUPS;
use crate::groups::{DynamicRow, DynamicStatus, GroupRow, INDEX, QUERY_VERSION, no_group};
use crate::registry::Registry;
use crate::thing_groups::{expect_version, read};
use drydock_core::event::Change;
use drydock_core::{ApiError, Done, ErrorCode, Event, Ids, ThingGroupName, ThingName, Timestamp};
use drydock_model::iot::{
    CreateDynamicThingGroupRequest, CreateDynamicThingGroupResponse, DeleteDynamicThingGroupRequest,
    DeleteDynamicThingGroupResponse, DynamicGroupStatus, UpdateDynamicThingGroupRequest,
    UpdateDynamicThingGroupResponse,
};
use std::collections::BTreeSet;

/// The most dynamic groups.
const MOST: usize = 100;

/// A dynamic group, for whoever has the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamicGroup {
    /// Its name.
    pub name: ThingGroupName,
    /// What it asks for.
    pub query: String,
    /// Whether all its members are there.
    pub is_active: bool,
}

/// A thing that is not in a dynamic group although its query finds it, as it is in ten groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The thing.
    pub thing: ThingName,
    /// The groups.
    pub groups: Vec<ThingGroupName>,
}

impl DynamicStatus {
    pub(crate) fn wire(self) -> DynamicGroupStatus {
        match self {
            Self::Building => DynamicGroupStatus::Building,
            Self::Rebuilding => DynamicGroupStatus::Rebuilding,
            Self::Active => DynamicGroupStatus::Active,
        }
    }
}

impl Registry {
    /// "CreateDynamicThingGroup", whose query the index takes. Creating a group that exists with the same query and properties
    /// succeeds and changes nothing.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where it exists otherwise; `LimitExceededException` where there are a hundred;
    /// `InvalidRequestException` for too many attributes.
    pub fn create_dynamic_thing_group(
        &mut self,
        request: &CreateDynamicThingGroupRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateDynamicThingGroupResponse>, ApiError> {
        let name = ThingGroupName::new(&request.thing_group_name)?;
        let (description, attributes) = read(None, request.thing_group_properties.as_ref())?;
        let arn = String::from(self.scope.thing_group(&name));
        let reply = |id: String| CreateDynamicThingGroupResponse {
            index_name: Some(INDEX.to_owned()),
            query_string: Some(request.query_string.clone()),
            query_version: Some(QUERY_VERSION.to_owned()),
            thing_group_arn: Some(arn.clone()),
            thing_group_id: Some(id),
            thing_group_name: Some(name.to_string()),
        };
        if let Some(kept) = self.groups.get(name.as_str()) {
            let is_same_query = kept.dynamic.as_ref().is_some_and(|dynamic| dynamic.query == request.query_string);
            if is_same_query && kept.description == description && kept.attributes == attributes {
                return Ok(Done::reply(reply(kept.id.to_string())));
            }
            let message = format!("Thing Group {name} already exists in current account with different properties");
            return Err(ApiError::exists(message, name.as_str(), arn));
        }
        if self.dynamic_groups().len() >= MOST {
            let message = format!("there are {MOST} dynamic thing groups, and no account has more");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let id = ids.uuid();
        let dynamic = Some(DynamicRow { query: request.query_string.clone(), status: DynamicStatus::Building });
        let row = GroupRow { id, version: 1, created: now, parent: None, description, attributes, dynamic };
        let reply = reply(id.to_string());
        let write = self.keep_group(name.clone(), row);
        Ok(Done::written(reply, vec![write]).with(self.group_changed(&name, Change::Created, now)))
    }

    /// "UpdateDynamicThingGroup": what is not given stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `VersionConflictException`; `InvalidRequestException` for a static group, or too many
    /// attributes.
    pub fn update_dynamic_thing_group(
        &mut self,
        request: &UpdateDynamicThingGroupRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateDynamicThingGroupResponse>, ApiError> {
        let name = &request.thing_group_name;
        let (name, row) = self.groups.entry(name).ok_or_else(|| no_group(name))?;
        expect_version(name, row, request.expected_version)?;
        let (name, mut row) = (name.clone(), row.clone());
        let dynamic = row.dynamic.as_mut().ok_or_else(|| not_dynamic(&name, "UpdateThingGroup"))?;
        if let Some(query) = request.query_string.as_ref().filter(|query| **query != dynamic.query) {
            *dynamic = DynamicRow { query: query.clone(), status: DynamicStatus::Rebuilding };
        }
        (row.description, row.attributes) = read(Some(&row), Some(&request.thing_group_properties))?;
        row.version = row.version.saturating_add(1);
        let reply = UpdateDynamicThingGroupResponse { version: Some(row.version) };
        let write = self.keep_group(name.clone(), row);
        Ok(Done::written(reply, vec![write]).with(self.group_changed(&name, Change::Updated, now)))
    }

    /// "DeleteDynamicThingGroup". Deleting a group that does not exist succeeds.
    ///
    /// # Errors
    /// `VersionConflictException`; `InvalidRequestException` for a static group.
    pub fn delete_dynamic_thing_group(
        &mut self,
        request: &DeleteDynamicThingGroupRequest,
        now: Timestamp,
    ) -> Result<Done<DeleteDynamicThingGroupResponse>, ApiError> {
        let reply = DeleteDynamicThingGroupResponse {};
        let Some((name, row)) = self.groups.entry(&request.thing_group_name) else { return Ok(Done::reply(reply)) };
        expect_version(name, row, request.expected_version)?;
        if row.dynamic.is_none() {
            return Err(not_dynamic(name, "DeleteThingGroup"));
        }
        let name = name.clone();
        Ok(self.remove_group(&name, now).map(|()| reply))
    }

    /// Every dynamic group, by name.
    #[must_use]
    pub fn dynamic_groups(&self) -> Vec<DynamicGroup> {
        let named = self.groups.after(None).filter_map(|name| Some((name, self.groups.get(name.as_str())?)));
        let dynamic = named.filter_map(|(name, row)| {
            let DynamicRow { query, status } = row.dynamic.as_ref()?;
            Some(DynamicGroup { name: name.clone(), query: query.clone(), is_active: *status == DynamicStatus::Active })
        });
        dynamic.collect()
    }

    /// Whether a thing group is dynamic.
    #[must_use]
    pub fn is_dynamic(&self, name: &str) -> bool {
        self.groups.get(name).is_some_and(|row| row.dynamic.is_some())
    }

    /// Has things be in the dynamic groups whose queries find them, and in no other dynamic group. A thing is in at most ten groups:
    /// of dynamic ones the oldest come first, and static ones before all. Gives those that found no room.
    pub fn follow_queries(
        &mut self,
        found: &[(ThingName, BTreeSet<ThingGroupName>)],
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Done<Vec<LeftOut>> {
        let mut done = Done::reply(Vec::new());
        for (thing, dynamic) in found {
            let Some(slot) = self.shelf.slot(thing.as_str()) else { continue };
            let mut wanted = self.groups.of(slot);
            wanted.retain(|group| !self.is_dynamic(group.as_str()));
            let room = MOST_GROUPS.saturating_sub(wanted.len());
            // A group may be gone, or have become a static one, since it was asked for.
            let mut dynamic: Vec<ThingGroupName> =
                dynamic.iter().filter(|group| self.is_dynamic(group.as_str())).cloned().collect();
            dynamic.sort_by_key(|group| self.groups.get(group.as_str()).map(|row| row.created));
            let left_out = dynamic.split_off(dynamic.len().min(room));
            wanted.extend(dynamic);
            // Static groups were let in by the same rules, and a dynamic one is a hierarchy of itself.
            if let Ok(set) = self.set_groups(slot, &wanted, now, ids) {
                done.writes.extend(set.writes);
                // Dynamic groups have no policies: nobody may do anything else now.
                done.events.extend(set.events.into_iter().filter(|event| *event != Event::AuthorizationChanged));
            }
            if !left_out.is_empty() {
                done.reply.push(LeftOut { thing: thing.clone(), groups: left_out });
            }
        }
        done
    }

    /// Takes note that all members of these dynamic groups are there, as long as they still ask for the same.
    pub fn settle_dynamic_groups(&mut self, groups: &[DynamicGroup]) -> Done<()> {
        let mut done = Done::reply(());
        for group in groups {
            let Some((name, row)) = self.groups.entry(group.name.as_str()) else { continue };
            let is_same = row.dynamic.as_ref().is_some_and(|dynamic| dynamic.query == group.query);
            let (name, mut row) = (name.clone(), row.clone());
            if let Some(dynamic) =
                row.dynamic.as_mut().filter(|dynamic| is_same && dynamic.status != DynamicStatus::Active)
            {
                dynamic.status = DynamicStatus::Active;
                done.writes.push(self.keep_group(name, row));
            }
        }
        done
    }

    /// Whether things can be put into a group, and taken out, by whoever asks for it.
    pub(crate) fn may_be_chosen(&self, group: &ThingGroupName) -> Result<(), ApiError> {
        if self.is_dynamic(group.as_str()) {
            return Err(ApiError::invalid(format!(
                "the thing group `{group}` is dynamic: its things are those that its query finds"
            )));
        }
        Ok(())
    }

    /// Takes the newest dynamic groups away where there are more than ten groups, and the caller allows it.
    pub(crate) fn make_room(&self, groups: &mut BTreeSet<ThingGroupName>, allowed: Option<bool>) {
        while allowed == Some(true) && groups.len() > MOST_GROUPS {
            let dynamic = groups.iter().filter(|group| self.is_dynamic(group.as_str()));
            let newest = dynamic.max_by_key(|group| self.groups.get(group.as_str()).map(|row| row.created)).cloned();
            let Some(newest) = newest else { return };
            groups.remove(&newest);
        }
    }
}

fn not_dynamic(name: &ThingGroupName, instead: &str) -> ApiError {
    ApiError::invalid(format!("the thing group `{name}` is static: use {instead}"))
}
