//! Billing groups: a name for things that are paid for together. A thing is in one of them at most. Source: "Tagging your AWS
//! IoT resources", section "Billing groups", of the developer guide, the API reference of the operations, and "AWS IoT Core thing
//! group limits and quotas".

use crate::principals::{page_size, slot_place};
use crate::registry::{BILLED, BILLING_GROUPS, Registry, json, no_thing};
use crate::shelf::Slot;
use drydock_core::{ApiError, BillingGroupName, Done, ErrorCode, Ids, Timestamp, Write, page};
use drydock_model::iot::{
    AddThingToBillingGroupRequest, AddThingToBillingGroupResponse, BillingGroupMetadata, BillingGroupProperties,
    CreateBillingGroupRequest, CreateBillingGroupResponse, DeleteBillingGroupRequest, DeleteBillingGroupResponse,
    DescribeBillingGroupRequest, DescribeBillingGroupResponse, GroupNameAndArn, ListBillingGroupsRequest,
    ListBillingGroupsResponse, ListThingsInBillingGroupRequest, ListThingsInBillingGroupResponse,
    RemoveThingFromBillingGroupRequest, RemoveThingFromBillingGroupResponse, UpdateBillingGroupRequest,
    UpdateBillingGroupResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use uuid::Uuid;

/// The most billing groups of an account.
const MOST: usize = 20_000;

/// A billing group; its key is its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BillingRow {
    id: Uuid,
    /// Starts at 1 and goes up with each update.
    version: i64,
    created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// Every billing group, and who is in which.
#[derive(Debug, Default)]
pub(crate) struct Billing {
    rows: BTreeMap<BillingGroupName, BillingRow>,
    of_thing: HashMap<Slot, BillingGroupName>,
    members: BTreeSet<(BillingGroupName, Slot)>,
}

impl Billing {
    pub(crate) fn put(&mut self, name: BillingGroupName, row: BillingRow) {
        self.rows.insert(name, row);
    }

    /// Puts a thing into a billing group that there is.
    pub(crate) fn join(&mut self, slot: Slot, name: &BillingGroupName) -> bool {
        let known = self.rows.contains_key(name);
        if known {
            self.of_thing.insert(slot, name.clone());
            self.members.insert((name.clone(), slot));
        }
        known
    }

    fn leave(&mut self, slot: Slot) -> bool {
        let Some(name) = self.of_thing.remove(&slot) else { return false };
        self.members.remove(&(name, slot))
    }

    /// The things in a billing group, after one of them.
    fn members<'a>(&'a self, name: &'a BillingGroupName, after: Option<Slot>) -> impl Iterator<Item = Slot> + 'a {
        let from = match after {
            Some(slot) => Bound::Excluded((name.clone(), slot)),
            None => Bound::Included((name.clone(), Slot::MIN)),
        };
        let entries = self.members.range((from, Bound::Unbounded));
        entries.take_while(move |(of, _)| of == name).map(|(_, slot)| *slot)
    }
}

impl Registry {
    /// "CreateBillingGroup". Creating one that exists with the same description succeeds and changes nothing.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where it exists with another description; `InvalidRequestException` where there are
    /// 20,000.
    pub fn create_billing_group(
        &mut self,
        request: &CreateBillingGroupRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateBillingGroupResponse>, ApiError> {
        let name = BillingGroupName::new(&request.billing_group_name)?;
        let description = description(request.billing_group_properties.as_ref());
        let arn = String::from(self.scope.billing_group(&name));
        let reply = |id: Uuid| CreateBillingGroupResponse {
            billing_group_arn: Some(arn.clone()),
            billing_group_id: Some(id.to_string()),
            billing_group_name: Some(name.to_string()),
        };
        if let Some(kept) = self.billing.rows.get(&name) {
            if kept.description == description {
                return Ok(Done::reply(reply(kept.id)));
            }
            let message = format!("the billing group `{name}` exists already, with another description");
            return Err(ApiError::exists(message, name.as_str(), arn));
        }
        if self.billing.rows.len() >= MOST {
            return Err(ApiError::invalid(format!("there are {MOST} billing groups, and an account has no more")));
        }
        let row = BillingRow { id: ids.uuid(), version: 1, created: now, description };
        let reply = reply(row.id);
        let write = self.keep_billing_group(name, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeBillingGroup".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_billing_group(
        &self,
        request: &DescribeBillingGroupRequest,
    ) -> Result<Done<DescribeBillingGroupResponse>, ApiError> {
        let (name, row) = self.known_billing_group(&request.billing_group_name)?;
        Ok(Done::reply(DescribeBillingGroupResponse {
            billing_group_arn: Some(self.scope.billing_group(name).into()),
            billing_group_id: Some(row.id.to_string()),
            billing_group_metadata: Some(BillingGroupMetadata { creation_date: Some(row.created) }),
            billing_group_name: Some(name.to_string()),
            billing_group_properties: Some(BillingGroupProperties {
                billing_group_description: row.description.clone(),
            }),
            version: Some(row.version),
        }))
    }

    /// "UpdateBillingGroup": sets the description.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `VersionConflictException`.
    pub fn update_billing_group(
        &mut self,
        request: &UpdateBillingGroupRequest,
    ) -> Result<Done<UpdateBillingGroupResponse>, ApiError> {
        let (name, row) = self.known_billing_group(&request.billing_group_name)?;
        expect_version(name, row, request.expected_version)?;
        let (name, mut row) = (name.clone(), row.clone());
        row.description = description(Some(&request.billing_group_properties)).or(row.description);
        row.version = row.version.saturating_add(1);
        let reply = UpdateBillingGroupResponse { version: Some(row.version) };
        let write = self.keep_billing_group(name, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DeleteBillingGroup". The things in it stay; deleting one that does not exist succeeds.
    ///
    /// # Errors
    /// `VersionConflictException`.
    pub fn delete_billing_group(
        &mut self,
        request: &DeleteBillingGroupRequest,
    ) -> Result<Done<DeleteBillingGroupResponse>, ApiError> {
        let reply = DeleteBillingGroupResponse {};
        let Ok((name, row)) = self.known_billing_group(&request.billing_group_name) else {
            return Ok(Done::reply(reply));
        };
        expect_version(name, row, request.expected_version)?;
        let name = name.clone();
        let mut writes = vec![Write::delete(BILLING_GROUPS, name.as_str())];
        for slot in self.billing.members(&name, None).collect::<Vec<_>>() {
            self.billing.leave(slot);
            writes.extend(self.shelf.at(slot).map(|thing| Write::delete(BILLED, thing.name.as_str())));
        }
        self.billing.rows.remove(&name);
        Ok(Done::written(reply, writes))
    }

    /// "ListBillingGroups" by name.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_billing_groups(
        &self,
        request: &ListBillingGroupsRequest,
    ) -> Result<Done<ListBillingGroupsResponse>, ApiError> {
        const OPERATION: &str = "ListBillingGroups";
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let prefix = request.name_prefix_filter.as_deref().unwrap_or_default();
        let names = self.billing.rows.range::<str, _>((from, Bound::Unbounded)).map(|(name, _)| name);
        let names = names.filter(|name| name.as_str().starts_with(prefix));
        let (page, next) = page::cut(names, page_size(request.max_results), ToString::to_string);
        let named = |name: &BillingGroupName| GroupNameAndArn {
            group_arn: Some(self.scope.billing_group(name).into()),
            group_name: Some(name.to_string()),
        };
        Ok(Done::reply(ListBillingGroupsResponse {
            billing_groups: Some(page.into_iter().map(named).collect()),
            next_token: next.map(|place| page::token(OPERATION, &place)),
        }))
    }

    /// "AddThingToBillingGroup". Adding a thing to the one that it is in succeeds.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the thing or the billing group; `InvalidRequestException` where the thing is in another
    /// one, and where a name and an ARN contradict each other or neither is given.
    pub fn add_thing_to_billing_group(
        &mut self,
        request: &AddThingToBillingGroupRequest,
    ) -> Result<Done<AddThingToBillingGroupResponse>, ApiError> {
        let slot = self.member(request.thing_name.as_deref(), request.thing_arn.as_deref())?;
        let name = self.billing_group(request.billing_group_name.as_deref(), request.billing_group_arn.as_deref())?;
        let thing = self.shelf.at(slot).map(|thing| thing.name.clone()).ok_or_else(|| no_thing(""))?;
        let reply = AddThingToBillingGroupResponse {};
        match self.billing.of_thing.get(&slot) {
            Some(of) if *of == name => Ok(Done::reply(reply)),
            Some(of) => Err(ApiError::invalid(format!(
                "the thing `{thing}` is in the billing group `{of}`, and a thing is in one at most: remove it there first"
            ))),
            None => Ok(Done::written(reply, self.bill(thing.as_str(), &name).into_iter().collect())),
        }
    }

    /// "RemoveThingFromBillingGroup". Removing a thing from one that it is not in succeeds.
    ///
    /// # Errors
    /// As for "AddThingToBillingGroup", but for the thing in another one.
    pub fn remove_thing_from_billing_group(
        &mut self,
        request: &RemoveThingFromBillingGroupRequest,
    ) -> Result<Done<RemoveThingFromBillingGroupResponse>, ApiError> {
        let slot = self.member(request.thing_name.as_deref(), request.thing_arn.as_deref())?;
        let name = self.billing_group(request.billing_group_name.as_deref(), request.billing_group_arn.as_deref())?;
        let reply = RemoveThingFromBillingGroupResponse {};
        if self.billing.of_thing.get(&slot) != Some(&name) {
            return Ok(Done::reply(reply));
        }
        let thing = self.shelf.at(slot).map(|thing| thing.name.clone()).ok_or_else(|| no_thing(""))?;
        Ok(Done::written(reply, self.unbill(thing.as_str()).into_iter().collect()))
    }

    /// "ListThingsInBillingGroup". A token is good as long as the process runs.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_things_in_billing_group(
        &self,
        request: &ListThingsInBillingGroupRequest,
    ) -> Result<Done<ListThingsInBillingGroupResponse>, ApiError> {
        const OPERATION: &str = "ListThingsInBillingGroup";
        let (name, _) = self.known_billing_group(&request.billing_group_name)?;
        let after = request.next_token.as_deref().map(|token| slot_place(OPERATION, token)).transpose()?;
        let members = self.billing.members(name, after);
        let (page, next) = page::cut(members, page_size(request.max_results), ToString::to_string);
        let things = page.into_iter().filter_map(|slot| Some(self.shelf.at(slot)?.name.to_string()));
        Ok(Done::reply(ListThingsInBillingGroupResponse {
            next_token: next.map(|place| page::token(OPERATION, &place)),
            things: Some(things.collect()),
        }))
    }

    /// Whether there is a billing group of this name.
    #[must_use]
    pub fn has_billing_group(&self, name: &str) -> bool {
        self.billing.rows.contains_key(name)
    }

    /// The billing group of a thing.
    #[must_use]
    pub fn billing_group_of(&self, thing: &str) -> Option<&BillingGroupName> {
        self.billing.of_thing.get(&self.shelf.slot(thing)?)
    }

    /// Puts a thing, which is in none, into a billing group that there is.
    pub(crate) fn bill(&mut self, thing: &str, name: &BillingGroupName) -> Option<Write> {
        let slot = self.shelf.slot(thing)?;
        self.billing.join(slot, name).then(|| Write::put(BILLED, thing, json(name)))
    }

    /// Takes a thing out of its billing group, where it is in one.
    pub(crate) fn unbill(&mut self, thing: &str) -> Option<Write> {
        let slot = self.shelf.slot(thing)?;
        self.billing.leave(slot).then(|| Write::delete(BILLED, thing))
    }

    fn billing_group(&self, name: Option<&str>, arn: Option<&str>) -> Result<BillingGroupName, ApiError> {
        let name = self.either("billinggroup", name, arn)?;
        self.known_billing_group(&name).map(|(name, _)| name.clone())
    }

    fn known_billing_group(&self, name: &str) -> Result<(&BillingGroupName, &BillingRow), ApiError> {
        self.billing.rows.get_key_value(name).ok_or_else(|| no_billing_group(name))
    }

    fn keep_billing_group(&mut self, name: BillingGroupName, row: BillingRow) -> Write {
        let write = Write::put(BILLING_GROUPS, name.as_str(), json(&row));
        self.billing.put(name, row);
        write
    }
}

/// The error for a billing group that is not there.
pub(crate) fn no_billing_group(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no billing group `{name}`"))
}

fn description(wire: Option<&BillingGroupProperties>) -> Option<String> {
    wire.and_then(|wire| wire.billing_group_description.clone())
}

fn expect_version(name: &BillingGroupName, row: &BillingRow, expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(expected) if expected != row.version => Err(ApiError::new(
            ErrorCode::VersionConflictException,
            format!(
                "The version for billing group {name} does not match the expected version: it is {}, not {expected}",
                row.version
            ),
        )),
        _ => Ok(()),
    }
}
