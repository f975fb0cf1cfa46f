//! Thing types. Source: "Thing types" of the developer guide and the API reference of the operations.

use crate::principals::page_size;
use crate::registry::{Registry, TYPES, json};
use drydock_core::event::Change;
use drydock_core::event::registry::{Propagated, TypeState};
use drydock_core::{ApiError, AttributeName, Done, Event, Ids, ThingTypeName, Timestamp, Write, page};
use drydock_model::iot::{
    CreateThingTypeRequest, CreateThingTypeResponse, DeleteThingTypeRequest, DeleteThingTypeResponse,
    DeprecateThingTypeRequest, DeprecateThingTypeResponse, DescribeThingTypeRequest, DescribeThingTypeResponse,
    ListThingTypesRequest, ListThingTypesResponse, Mqtt5Configuration, PropagatingAttribute, ThingTypeDefinition,
    ThingTypeMetadata, ThingTypeProperties, UpdateThingTypeRequest, UpdateThingTypeResponse,
};
use serde::{Deserialize, Serialize};
use std::ops::Bound;
use uuid::Uuid;

/// The most searchable attributes of a type.
const MOST_SEARCHABLE: usize = 3;
/// The most propagating attributes of a type.
const MOST_PROPAGATING: usize = 20;
/// What of a connection can be propagated. Source: `ConnectionAttribute` of `AWS::IoT::ThingType PropagatingAttribute` in the
/// CloudFormation reference.
pub(crate) const CONNECTION_ATTRIBUTES: [&str; 2] = [CLIENT_ID, THING_NAME];
pub(crate) const CLIENT_ID: &str = "iot:ClientId";
pub(crate) const THING_NAME: &str = "iot:Thing.ThingName";
/// How long a type has to be deprecated before it may be deleted.
const DEPRECATION_MILLIS: i64 = 5 * 60 * 1000;

/// A thing type; its key is its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TypeRow {
    id: Uuid,
    created: Timestamp,
    /// Since when no further thing may get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deprecated: Option<Timestamp>,
    #[serde(flatten)]
    pub(crate) properties: Properties,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Properties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    searchable: Vec<AttributeName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) propagating: Vec<Propagating>,
}

/// An attribute of the thing or of its connection that messages of the thing carry as a user property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Propagating {
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thing_attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connection_attribute: Option<String>,
}

impl Properties {
    fn read(wire: Option<&ThingTypeProperties>) -> Result<Self, ApiError> {
        let Some(wire) = wire else { return Ok(Self::default()) };
        let mut searchable: Vec<AttributeName> =
            wire.searchable_attributes.iter().flatten().map(AttributeName::new).collect::<Result<_, _>>()?;
        // AWS answers them so, whatever their order was.
        searchable.sort();
        if searchable.len() > MOST_SEARCHABLE {
            return Err(ApiError::invalid(format!(
                "{} searchable attributes are too many: a thing type has at most {MOST_SEARCHABLE}",
                searchable.len()
            )));
        }
        let propagating = wire.mqtt5_configuration.iter().flat_map(|of| of.propagating_attributes.iter().flatten());
        let propagating: Vec<Propagating> = propagating.map(Propagating::read).collect::<Result<_, _>>()?;
        if propagating.len() > MOST_PROPAGATING {
            return Err(ApiError::invalid(format!(
                "{} propagating attributes are too many: a thing type has at most {MOST_PROPAGATING}",
                propagating.len()
            )));
        }
        Ok(Self { description: wire.thing_type_description.clone(), searchable, propagating })
    }

    fn wire(&self) -> ThingTypeProperties {
        let propagating: Vec<_> = self.propagating.iter().map(Propagating::wire).collect();
        let mqtt5 =
            (!propagating.is_empty()).then_some(Mqtt5Configuration { propagating_attributes: Some(propagating) });
        ThingTypeProperties {
            mqtt5_configuration: mqtt5,
            searchable_attributes: Some(self.searchable.iter().map(ToString::to_string).collect()),
            thing_type_description: self.description.clone(),
        }
    }
}

impl Propagating {
    fn read(wire: &PropagatingAttribute) -> Result<Self, ApiError> {
        let key = wire.user_property_key.clone().unwrap_or_default();
        if key.is_empty() {
            return Err(ApiError::invalid("a propagating attribute needs a `userPropertyKey`"));
        }
        if wire.thing_attribute.is_some() == wire.connection_attribute.is_some() {
            return Err(ApiError::invalid(format!(
                "the propagating attribute `{key}` needs either a `thingAttribute` or a `connectionAttribute`"
            )));
        }
        if let Some(unknown) = wire.connection_attribute.as_deref().filter(|of| !CONNECTION_ATTRIBUTES.contains(of)) {
            return Err(ApiError::invalid(format!(
                "the propagating attribute `{key}` names the connection attribute `{unknown}`, which is none of {}",
                CONNECTION_ATTRIBUTES.join(" and ")
            )));
        }
        let (thing_attribute, connection_attribute) = (wire.thing_attribute.clone(), wire.connection_attribute.clone());
        Ok(Self { key, thing_attribute, connection_attribute })
    }

    fn wire(&self) -> PropagatingAttribute {
        PropagatingAttribute {
            connection_attribute: self.connection_attribute.clone(),
            thing_attribute: self.thing_attribute.clone(),
            user_property_key: Some(self.key.clone()),
        }
    }
}

impl TypeRow {
    fn state(&self, name: &ThingTypeName) -> Box<TypeState> {
        let propagated = |of: &Propagating| Propagated {
            key: of.key.clone(),
            thing_attribute: of.thing_attribute.clone(),
            connection_attribute: of.connection_attribute.clone(),
        };
        Box::new(TypeState {
            name: name.clone(),
            id: self.id,
            deprecated: self.deprecated,
            searchable: self.properties.searchable.clone(),
            propagating: self.properties.propagating.iter().map(propagated).collect(),
            description: self.properties.description.clone(),
        })
    }

    fn metadata(&self) -> ThingTypeMetadata {
        ThingTypeMetadata {
            creation_date: Some(self.created),
            deprecated: Some(self.deprecated.is_some()),
            deprecation_date: self.deprecated,
        }
    }
}

impl Registry {
    /// "CreateThingType". Creating one that exists with the same properties succeeds and changes nothing.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException` where it exists with other properties; `InvalidRequestException` for too many attributes.
    pub fn create_thing_type(
        &mut self,
        request: &CreateThingTypeRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<CreateThingTypeResponse>, ApiError> {
        let name = ThingTypeName::new(&request.thing_type_name)?;
        let properties = Properties::read(request.thing_type_properties.as_ref())?;
        let arn = String::from(self.scope.thing_type(&name));
        let reply = |id: Uuid| CreateThingTypeResponse {
            thing_type_arn: Some(arn.clone()),
            thing_type_id: Some(id.to_string()),
            thing_type_name: Some(name.to_string()),
        };
        if let Some(existing) = self.types.get(&name) {
            if existing.properties == properties {
                return Ok(Done::reply(reply(existing.id)));
            }
            let message = format!("the thing type `{name}` exists already, with other properties");
            return Err(ApiError::exists(message, name.as_str(), arn));
        }
        let row = TypeRow { id: ids.uuid(), created: now, deprecated: None, properties };
        let reply = reply(row.id);
        Ok(self.keep_type(name, row, Change::Created, now).map(|()| reply))
    }

    /// "UpdateThingType": replaces the MQTT 5 configuration. The description and the searchable attributes stay what they were
    /// when the type was made.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for too many attributes, and for another description or other
    /// searchable attributes.
    pub fn update_thing_type(
        &mut self,
        request: &UpdateThingTypeRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateThingTypeResponse>, ApiError> {
        let (name, mut row) = self.known_type(&request.thing_type_name)?;
        let wire = request.thing_type_properties.as_ref();
        let given = Properties::read(wire)?;
        let fixed = |what: &str| {
            let message =
                format!("the {what} of the thing type `{name}` cannot be changed: only `mqtt5Configuration` can");
            Err(ApiError::invalid(message))
        };
        if given.description.is_some() && given.description != row.properties.description {
            return fixed("description");
        }
        if wire.is_some_and(|wire| wire.searchable_attributes.is_some())
            && given.searchable != row.properties.searchable
        {
            return fixed("searchable attributes");
        }
        if wire.is_some_and(|wire| wire.mqtt5_configuration.is_some()) {
            row.properties.propagating = given.propagating;
        }
        let done = self.keep_type(name, row, Change::Updated, now).map(|()| UpdateThingTypeResponse {});
        // What messages carry is decided where a session's rights are: sessions look again.
        Ok(done.with(Event::AuthorizationChanged))
    }

    /// "DeprecateThingType", or takes the deprecation back. The things that have the type keep it.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn deprecate_thing_type(
        &mut self,
        request: &DeprecateThingTypeRequest,
        now: Timestamp,
    ) -> Result<Done<DeprecateThingTypeResponse>, ApiError> {
        let (name, mut row) = self.known_type(&request.thing_type_name)?;
        let wanted = if request.undo_deprecate == Some(true) { None } else { Some(row.deprecated.unwrap_or(now)) };
        if row.deprecated == wanted {
            return Ok(Done::reply(DeprecateThingTypeResponse {}));
        }
        row.deprecated = wanted;
        Ok(self.keep_type(name, row, Change::Updated, now).map(|()| DeprecateThingTypeResponse {}))
    }

    /// "DeleteThingType": only one that has been deprecated for five minutes and that no thing has.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where it is not deprecated for long enough or still in use.
    pub fn delete_thing_type(
        &mut self,
        request: &DeleteThingTypeRequest,
        now: Timestamp,
    ) -> Result<Done<DeleteThingTypeResponse>, ApiError> {
        let (name, row) = self.known_type(&request.thing_type_name)?;
        match row.deprecated {
            None => {
                return Err(ApiError::invalid(format!(
                    "Cannot delete thing type : {name}. It is not deprecated: deprecate it and wait for five minutes first"
                )));
            }
            Some(since) if now.since(since) < DEPRECATION_MILLIS => {
                return Err(ApiError::invalid(format!(
                    "Cannot delete thing type : {name}. Please wait for 5 minutes after deprecation and then retry. It is deprecated since {since}"
                )));
            }
            Some(_) => {}
        }
        if let Some((_, thing)) = self.shelf.of_type(&name, None).next() {
            return Err(ApiError::invalid(format!(
                "cannot delete the thing type `{name}`: things have it, such as `{}`",
                thing.name
            )));
        }
        self.types.remove(&name);
        let write = Write::delete(TYPES, name.as_str());
        let event = Event::ThingTypeChanged { thing_type: row.state(&name), change: Change::Deleted, at: now };
        Ok(Done::written(DeleteThingTypeResponse {}, vec![write]).with(event))
    }

    /// "DescribeThingType".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_thing_type(
        &self,
        request: &DescribeThingTypeRequest,
    ) -> Result<Done<DescribeThingTypeResponse>, ApiError> {
        let (name, row) = self.known_type(&request.thing_type_name)?;
        Ok(Done::reply(DescribeThingTypeResponse {
            thing_type_arn: Some(self.scope.thing_type(&name).into()),
            thing_type_id: Some(row.id.to_string()),
            thing_type_metadata: Some(row.metadata()),
            thing_type_name: Some(name.to_string()),
            thing_type_properties: Some(row.properties.wire()),
        }))
    }

    /// "ListThingTypes": all by name, or the one of a name.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_thing_types(&self, request: &ListThingTypesRequest) -> Result<Done<ListThingTypesResponse>, ApiError> {
        const OPERATION: &str = "ListThingTypes";
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let wanted = request.thing_type_name.as_deref();
        let types = self.types.range::<str, _>((from, Bound::Unbounded));
        let types = types.filter(|(name, _)| wanted.is_none_or(|wanted| name.as_str() == wanted));
        let (page, next) = page::cut(types, page_size(request.max_results), |(name, _)| name.to_string());
        let definition = |(name, row): (&ThingTypeName, &TypeRow)| ThingTypeDefinition {
            thing_type_arn: Some(self.scope.thing_type(name).into()),
            thing_type_metadata: Some(row.metadata()),
            thing_type_name: Some(name.to_string()),
            thing_type_properties: Some(row.properties.wire()),
        };
        let thing_types = Some(page.into_iter().map(definition).collect());
        let next_token = next.map(|place| page::token(OPERATION, &place));
        Ok(Done::reply(ListThingTypesResponse { next_token, thing_types }))
    }

    /// Whether there is a thing type of this name.
    #[must_use]
    pub fn has_thing_type(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    fn known_type(&self, name: &str) -> Result<(ThingTypeName, TypeRow), ApiError> {
        self.types
            .get_key_value(name)
            .map(|(name, row)| (name.clone(), row.clone()))
            .ok_or_else(|| ApiError::not_found(format!("there is no thing type `{name}`")))
    }

    fn keep_type(&mut self, name: ThingTypeName, row: TypeRow, change: Change, now: Timestamp) -> Done<()> {
        let write = Write::put(TYPES, name.as_str(), json(&row));
        let event = Event::ThingTypeChanged { thing_type: row.state(&name), change, at: now };
        self.types.insert(name, row);
        Done::written((), vec![write]).with(event)
    }
}
