//! The operations on things, but for their list. Source: the API reference of the operations and "AWS IoT Core thing registry
//! limits and quotas".

use crate::billing_groups::no_billing_group;
use crate::registry::{Registry, THINGS, ThingRow, no_thing};
use crate::shelf::Thing;
use drydock_core::event::registry::ThingState;
use drydock_core::event::{Change, Link};
use drydock_core::{
    ApiError, AttributeName, AttributeValue, BillingGroupName, Done, ErrorCode, Event, Ids, ThingName, ThingTypeName,
    Timestamp, Write,
};
use drydock_model::iot::{
    AttributePayload, CreateThingRequest, CreateThingResponse, DeleteThingRequest, DeleteThingResponse,
    DescribeThingRequest, DescribeThingResponse, UpdateThingRequest, UpdateThingResponse,
};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The most attributes of a thing without a type.
const MOST_UNTYPED: usize = 3;
/// The most attributes of a thing with a type.
const MOST_TYPED: usize = 50;
type Attributes = BTreeMap<SmolStr, SmolStr>;

/// What "CreateThing" asks for, checked.
struct NewThing {
    name: ThingName,
    thing_type: Option<ThingTypeName>,
    billing: Option<BillingGroupName>,
    attributes: Attributes,
}

impl Registry {
    /// "CreateThing". Creating a thing that exists with the same configuration succeeds and changes nothing.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where it exists with another configuration; `ResourceNotFoundException` for the type or
    /// the billing group;
    /// `InvalidRequestException` for a deprecated type, or too many or too large attributes.
    pub fn create_thing(
        &mut self,
        request: &CreateThingRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateThingResponse>, ApiError> {
        let NewThing { name, thing_type, billing, attributes } = self.new_thing(request)?;
        let arn = String::from(self.scope.thing(&name));
        let reply = |id: String| CreateThingResponse {
            thing_arn: Some(arn.clone()),
            thing_id: Some(id),
            thing_name: Some(name.to_string()),
        };
        if let Some(existing) = self.shelf.get(name.as_str()) {
            if existing.thing_type == thing_type
                && self.attributes(existing) == attributes
                && self.billing_group_of(name.as_str()) == billing.as_ref()
            {
                return Ok(Done::reply(reply(existing.id.to_string())));
            }
            // AWS's own words; a type and a billing group count as attributes.
            let message = format!("Thing {name} already exists in account with different attributes");
            return Err(ApiError::exists(message, name.as_str(), arn));
        }
        let id = ids.uuid();
        let reply = reply(id.to_string());
        let mut writes = vec![self.keep(name.clone(), ThingRow { id, version: 1, thing_type, attributes })];
        writes.extend(billing.and_then(|group| self.bill(name.as_str(), &group)));
        let mut done = Done::written(reply, writes);
        done.events.extend(self.changed(name.as_str(), Change::Created, now));
        done.events.extend(self.association(name.as_str(), Link::Added, now));
        Ok(done)
    }

    /// Whether "CreateThing" makes a thing that there is not yet.
    ///
    /// # Errors
    /// What it would answer.
    pub fn check_new_thing(&self, request: &CreateThingRequest) -> Result<(), ApiError> {
        self.new_thing(request).map(|_| ())
    }

    fn new_thing(&self, request: &CreateThingRequest) -> Result<NewThing, ApiError> {
        let name = ThingName::new(&request.thing_name)?;
        let thing_type = self.usable_type(request.thing_type_name.as_deref(), "Can not create new thing with")?;
        let billing = request.billing_group_name.as_deref().map(BillingGroupName::new).transpose()?;
        if let Some(group) = billing.as_ref().filter(|group| !self.has_billing_group(group.as_str())) {
            return Err(no_billing_group(group.as_str()));
        }
        let mut attributes = Attributes::new();
        apply(&mut attributes, request.attribute_payload.as_ref(), true)?;
        within_limits(&attributes, thing_type.is_some())?;
        Ok(NewThing { name, thing_type, billing, attributes })
    }

    /// "UpdateThing": replaces the attributes, or merges into them; an empty value removes one.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the thing or its new type; `VersionConflictException`; `InvalidRequestException` as for
    /// "CreateThing", and where a type is both set and removed.
    pub fn update_thing(
        &mut self,
        request: &UpdateThingRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateThingResponse>, ApiError> {
        let (name, row) = self.updated(request)?;
        let typed_anew = self.shelf.get(name.as_str()).is_some_and(|thing| thing.thing_type != row.thing_type);
        let unlinked = self.association(name.as_str(), Link::Removed, now);
        let write = self.keep(name.clone(), row);
        let mut done = Done::written(UpdateThingResponse {}, vec![write]);
        done.events.extend(self.changed(name.as_str(), Change::Updated, now));
        if typed_anew {
            done.events.extend(unlinked);
            done.events.extend(self.association(name.as_str(), Link::Added, now));
        }
        Ok(done.with(Event::AuthorizationChanged))
    }

    /// Whether "UpdateThing" succeeds.
    ///
    /// # Errors
    /// What it would answer.
    pub fn check_update(&self, request: &UpdateThingRequest) -> Result<(), ApiError> {
        self.updated(request).map(|_| ())
    }

    /// The thing as an update makes it.
    fn updated(&self, request: &UpdateThingRequest) -> Result<(ThingName, ThingRow), ApiError> {
        let thing = self.shelf.get(&request.thing_name).ok_or_else(|| no_thing(&request.thing_name))?;
        expect_version(thing, request.expected_version)?;
        let remove = request.remove_thing_type == Some(true);
        if remove && request.thing_type_name.is_some() {
            return Err(ApiError::invalid("`thingTypeName` and `removeThingType` exclude each other"));
        }
        let (name, id, version) = (thing.name.clone(), thing.id, thing.version);
        let mut attributes = self.attributes(thing);
        let thing_type = match request.thing_type_name.as_deref() {
            // A type that has been deprecated since stays with the things that have it.
            Some(wanted) if thing.thing_type.as_ref().map(ThingTypeName::as_str) != Some(wanted) => {
                self.usable_type(Some(wanted), "Can not update a thing to use")?
            }
            _ if remove => None,
            _ => thing.thing_type.clone(),
        };
        apply(&mut attributes, request.attribute_payload.as_ref(), false)?;
        within_limits(&attributes, thing_type.is_some())?;
        Ok((name, ThingRow { id, version: version.saturating_add(1), thing_type, attributes }))
    }

    /// "DescribeThing".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_thing(&self, request: &DescribeThingRequest) -> Result<Done<DescribeThingResponse>, ApiError> {
        let thing = self.shelf.get(&request.thing_name).ok_or_else(|| no_thing(&request.thing_name))?;
        Ok(Done::reply(DescribeThingResponse {
            attributes: Some(self.wire_attributes(thing)),
            billing_group_name: self.billing_group_of(thing.name.as_str()).map(ToString::to_string),
            default_client_id: Some(thing.name.to_string()),
            thing_arn: Some(self.scope.thing(&thing.name).into()),
            thing_id: Some(thing.id.to_string()),
            thing_name: Some(thing.name.to_string()),
            thing_type_name: thing.thing_type.as_ref().map(ToString::to_string),
            version: Some(thing.version),
        }))
    }

    /// "DeleteThing". Deleting a thing that does not exist succeeds.
    ///
    /// # Errors
    /// `VersionConflictException`; `InvalidRequestException` while principals are attached.
    pub fn delete_thing(
        &mut self,
        request: &DeleteThingRequest,
        now: Timestamp,
    ) -> Result<Done<DeleteThingResponse>, ApiError> {
        let reply = DeleteThingResponse {};
        let Some(slot) = self.shelf.slot(&request.thing_name) else { return Ok(Done::reply(reply)) };
        let thing = self.shelf.at(slot).ok_or_else(|| no_thing(&request.thing_name))?;
        expect_version(thing, request.expected_version)?;
        let name = thing.name.clone();
        let attached = self.attachments.principals(slot, None).count();
        if attached > 0 {
            return Err(ApiError::invalid(format!(
                "Cannot delete. Thing {name} is still attached to one or more principals: detach {attached} first"
            )));
        }
        let mut done = self.leave_groups(slot, now).map(|()| reply);
        done.writes.extend(self.unbill(name.as_str()));
        done.events.extend(self.association(name.as_str(), Link::Removed, now));
        done.events.extend(self.changed(name.as_str(), Change::Deleted, now));
        self.shelf.remove(name.as_str());
        done.writes.push(Write::delete(THINGS, name.as_str()));
        Ok(done.with(Event::AuthorizationChanged))
    }

    /// The type that a thing is to get: it has to exist and not be deprecated. `what` begins AWS's text where it is.
    fn usable_type(&self, name: Option<&str>, what: &str) -> Result<Option<ThingTypeName>, ApiError> {
        let Some(name) = name else { return Ok(None) };
        match self.types.get_key_value(name) {
            None => Err(ApiError::not_found(format!("there is no thing type `{name}`"))),
            Some((_, row)) if row.deprecated.is_some() => {
                Err(ApiError::invalid(format!("{what} deprecated thing type:{name}")))
            }
            Some((name, _)) => Ok(Some(name.clone())),
        }
    }

    fn changed(&self, name: &str, change: Change, at: Timestamp) -> Option<Event> {
        let thing = self.shelf.get(name)?;
        Some(Event::ThingChanged { thing: Box::new(self.state(thing)), change, at })
    }

    /// A thing as events and the index have it.
    pub(crate) fn state(&self, thing: &Thing) -> ThingState {
        ThingState {
            name: thing.name.clone(),
            id: thing.id,
            version: thing.version,
            thing_type: thing.thing_type.clone(),
            attributes: self.attributes(thing),
        }
    }

    /// What there is to tell of a thing and its type, where it has one.
    fn association(&self, name: &str, link: Link, at: Timestamp) -> Option<Event> {
        let thing = self.shelf.get(name)?;
        let thing_type = thing.thing_type.clone()?;
        Some(Event::ThingTypeAssociation { thing: thing.name.clone(), thing_id: thing.id, thing_type, link, at })
    }

    fn attributes(&self, thing: &Thing) -> Attributes {
        self.shelf.attributes(thing).map(|(name, value)| (name.into(), value.into())).collect()
    }

    pub(crate) fn wire_attributes(&self, thing: &Thing) -> BTreeMap<String, String> {
        self.shelf.attributes(thing).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

fn expect_version(thing: &Thing, expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(expected) if expected != thing.version => Err(ApiError::new(
            ErrorCode::VersionConflictException,
            format!(
                "The version for thing {} does not match the expected version: it is {}, not {expected}",
                thing.name, thing.version
            ),
        )),
        _ => Ok(()),
    }
}

/// Puts a payload's attributes over those there are, or in their stead.
pub(crate) fn apply(
    attributes: &mut Attributes,
    payload: Option<&AttributePayload>,
    fresh: bool,
) -> Result<(), ApiError> {
    let Some(payload) = payload else { return Ok(()) };
    if fresh || payload.merge != Some(true) {
        attributes.clear();
    }
    for (name, value) in payload.attributes.iter().flatten() {
        let (name, value) = (AttributeName::new(name)?, AttributeValue::new(value)?);
        if value.as_str().is_empty() {
            attributes.remove(name.as_str());
        } else {
            attributes.insert(name.into(), value.into());
        }
    }
    Ok(())
}

/// The limits on the number of attributes. The one on their size, 47 KB, cannot be passed: fifty attributes of the greatest
/// lengths that their patterns allow stay below it.
fn within_limits(attributes: &Attributes, typed: bool) -> Result<(), ApiError> {
    let most = if typed { MOST_TYPED } else { MOST_UNTYPED };
    if attributes.len() > most {
        let what = if typed { "with" } else { "without" };
        let count = attributes.len();
        return Err(ApiError::invalid(format!(
            "{count} attributes are too many: a thing {what} a thing type has at most {most}"
        )));
    }
    Ok(())
}
