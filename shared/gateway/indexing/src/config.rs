//! What is indexed: "GetIndexingConfiguration" and "UpdateIndexingConfiguration" ("Managing thing indexing", "Managing thing group
//! indexing" of the guide).

use crate::fields::{self, Managed};
use crate::fleet_metrics::{self, FleetMetric};
use crate::{Glob, Query};
use drydock_core::{ApiError, CorruptRow, Done, ErrorCode, Rulebook, Write};
use drydock_model::iot::{
    DeviceDefenderIndexingMode, Field, FieldType, GetIndexingConfigurationResponse, NamedShadowIndexingMode,
    TargetFieldOrder, ThingConnectivityIndexingMode, ThingGroupIndexingConfiguration, ThingGroupIndexingMode,
    ThingIndexingConfiguration, ThingIndexingMode, UpdateIndexingConfigurationRequest,
    UpdateIndexingConfigurationResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TABLE: &str = "indexing_configuration";
const THINGS: &str = "things";
const GROUPS: &str = "groups";
/// The most custom fields of an index.
const MOST_CUSTOM: usize = 5;
/// The most named shadows.
const MOST_SHADOWS: usize = 10;
/// The most geolocations.
const MOST_PLACES: usize = 1;

/// What is indexed of things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThingConfig(#[serde(with = "drydock_model::row")] ThingIndexingConfiguration);

/// What is indexed of thing groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupConfig(#[serde(with = "drydock_model::row")] ThingGroupIndexingConfiguration);

impl Default for ThingConfig {
    fn default() -> Self {
        Self(ThingIndexingConfiguration {
            thing_indexing_mode: ThingIndexingMode::Off,
            ..ThingIndexingConfiguration::default()
        })
    }
}

impl Default for GroupConfig {
    fn default() -> Self {
        let mode = ThingGroupIndexingMode::Off;
        Self(ThingGroupIndexingConfiguration {
            thing_group_indexing_mode: mode,
            ..ThingGroupIndexingConfiguration::default()
        })
    }
}

impl ThingConfig {
    /// A configuration, where it is a valid one.
    ///
    /// # Errors
    /// `InvalidRequestException` that says which part does not fit which.
    pub fn new(mut wire: ThingIndexingConfiguration) -> Result<Self, ApiError> {
        // Read-only: AWS fills it in.
        wire.managed_fields = None;
        let config = Self(wire);
        config.check()?;
        Ok(config)
    }

    /// Whether things are indexed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.thing_indexing_mode != ThingIndexingMode::Off
    }

    /// Whether connectivity is indexed.
    #[must_use]
    pub fn has_connectivity(&self) -> bool {
        self.0.thing_connectivity_indexing_mode == Some(ThingConnectivityIndexingMode::Status)
    }

    /// Whether violations that Device Defender has found are indexed.
    #[must_use]
    pub fn has_defender(&self) -> bool {
        self.0.device_defender_indexing_mode == Some(DeviceDefenderIndexingMode::Violations)
    }

    /// Whether the shadow of a name is indexed, or the classic one.
    #[must_use]
    pub fn has_shadow(&self, name: Option<&str>) -> bool {
        match name {
            None => self.0.thing_indexing_mode == ThingIndexingMode::RegistryAndShadow,
            Some(name) => self.has_named_shadows() && self.shadow_names().any(|of| of == name),
        }
    }

    fn has_named_shadows(&self) -> bool {
        self.0.named_shadow_indexing_mode == Some(NamedShadowIndexingMode::On)
    }

    /// The named shadows that the filter selects.
    pub fn shadow_names(&self) -> impl Iterator<Item = &str> {
        let names = self.0.filter.as_ref().and_then(|filter| filter.named_shadow_names.as_ref());
        names.into_iter().flatten().map(String::as_str)
    }

    /// The fields that are geolocations.
    pub fn places(&self) -> impl Iterator<Item = (&str, TargetFieldOrder)> {
        let places = self.0.filter.as_ref().and_then(|filter| filter.geo_locations.as_ref());
        let named = places.into_iter().flatten().filter_map(|place| Some((place.name.as_deref()?, place.order)));
        named.map(|(name, order)| (name, order.unwrap_or(TargetFieldOrder::LatLon)))
    }

    /// Whether "GetThingConnectivityData" may tell addresses.
    #[must_use]
    pub fn has_socket_information(&self) -> bool {
        let filter = self.0.filter.as_ref().and_then(|filter| filter.connectivity.as_ref());
        filter.and_then(|filter| filter.include_socket_information.as_ref()).is_some_and(|apis| !apis.is_empty())
    }

    /// The schema of the index, as "DescribeIndex" names it; none where there is no index.
    #[must_use]
    pub fn schema(&self) -> Option<&'static str> {
        let connectivity = self.has_connectivity();
        Some(match self.0.thing_indexing_mode {
            ThingIndexingMode::Off => return None,
            _ if self.has_named_shadows() || self.has_defender() => "MULTI_INDEXING_MODE",
            ThingIndexingMode::Registry if connectivity => "REGISTRY_AND_CONNECTIVITY_STATUS",
            ThingIndexingMode::Registry => "REGISTRY",
            ThingIndexingMode::RegistryAndShadow if connectivity => "REGISTRY_AND_SHADOW_AND_CONNECTIVITY_STATUS",
            ThingIndexingMode::RegistryAndShadow => "REGISTRY_AND_SHADOW",
        })
    }

    /// The custom fields, each with its type.
    pub(crate) fn custom(&self) -> impl Iterator<Item = (&str, FieldType)> {
        named(self.0.custom_fields.as_deref())
    }

    fn managed(&self) -> Vec<Managed> {
        if !self.is_on() {
            return Vec::new();
        }
        let named = self.has_named_shadows();
        fields::of_things(self.has_shadow(None), named, self.has_connectivity(), self.has_defender())
    }

    /// The field that an aggregation is about: the name that its values are kept under, and their type.
    ///
    /// # Errors
    /// `InvalidAggregationException` where it is neither managed nor custom.
    pub fn aggregated(&self, name: &str) -> Result<(String, FieldType), ApiError> {
        if let Some((shadow, rest)) = fields::named_shadow(name)
            && self.has_shadow(Some(shadow))
            && let Some(of) = (match rest {
                "version" => Some(FieldType::Number),
                "hasDelta" => Some(FieldType::Boolean),
                _ => None,
            })
        {
            return Ok((name.to_owned(), of));
        }
        aggregated(name, &self.managed(), self.custom())
    }

    fn answer(&self) -> ThingIndexingConfiguration {
        let mut answer = self.0.clone();
        answer.thing_connectivity_indexing_mode.get_or_insert(ThingConnectivityIndexingMode::Off);
        answer.device_defender_indexing_mode.get_or_insert(DeviceDefenderIndexingMode::Off);
        answer.named_shadow_indexing_mode.get_or_insert(NamedShadowIndexingMode::Off);
        answer.managed_fields = listed(self.managed());
        answer
    }

    fn check(&self) -> Result<(), ApiError> {
        let names: Vec<&str> = self.shadow_names().collect();
        let needs = |is_on: bool, what: &str, has: bool, wanted: &str| {
            if is_on && !has {
                return Err(ApiError::invalid(format!("{what} needs {wanted}")));
            }
            Ok(())
        };
        let registry = "thingIndexingMode REGISTRY or REGISTRY_AND_SHADOW";
        needs(self.has_connectivity(), "thingConnectivityIndexingMode STATUS", self.is_on(), registry)?;
        needs(self.has_defender(), "deviceDefenderIndexingMode VIOLATIONS", self.is_on(), registry)?;
        needs(self.has_named_shadows(), "namedShadowIndexingMode ON", self.is_on(), registry)?;
        needs(
            self.has_named_shadows(),
            "namedShadowIndexingMode ON",
            !names.is_empty(),
            "names in filter.namedShadowNames",
        )?;
        needs(!names.is_empty(), "filter.namedShadowNames", self.has_named_shadows(), "namedShadowIndexingMode ON")?;
        let sockets = "filter.connectivity.includeSocketInformation";
        needs(self.has_socket_information(), sockets, self.has_connectivity(), "thingConnectivityIndexingMode STATUS")?;
        at_most(names.len(), MOST_SHADOWS, "named shadows")?;
        at_most(self.places().count(), MOST_PLACES, "geolocations")?;
        for (field, _) in self.places() {
            let in_state = ["desired.", "reported.", "delta."].iter().any(|section| {
                let path = fields::named_shadow(field).map(|(_, path)| path).or_else(|| field.strip_prefix("shadow."));
                path.is_some_and(|path| path.starts_with(section))
            });
            needs(
                true,
                &format!("the geolocation `{field:.200}`"),
                in_state && self.is_indexed(field),
                "to be a field of a shadow that is indexed",
            )?;
        }
        self.check_custom()
    }

    fn check_custom(&self) -> Result<(), ApiError> {
        let managed = self.managed();
        check_custom(self.0.custom_fields.as_deref(), &managed, |field| self.is_indexed(field))
    }

    /// Whether the sources of the fields that a query names are indexed.
    ///
    /// # Errors
    /// `InvalidQueryException` that names a field of one that is not.
    pub fn has_sources_of(&self, query: &Query) -> Result<(), ApiError> {
        let fields = query.terms().into_iter().filter_map(|term| term.field.as_ref().and_then(Glob::literal));
        for field in fields {
            let of_source =
                ["shadow.", "connectivity.", "deviceDefender."].iter().any(|source| field.starts_with(source));
            if of_source && !self.is_indexed(field) {
                let why =
                    format!("the field `{field:.200}` is not indexed: its source is off in the indexing configuration");
                return Err(ApiError::new(ErrorCode::InvalidQueryException, why));
            }
        }
        Ok(())
    }

    /// Whether values of a field are indexed, as far as its name says it.
    #[must_use]
    pub fn is_indexed(&self, field: &str) -> bool {
        match field.split_once('.') {
            Some(("shadow", _)) => match fields::named_shadow(field) {
                Some((name, _)) => self.has_shadow(Some(name)),
                None => self.has_shadow(None),
            },
            Some(("connectivity", _)) => self.has_connectivity(),
            Some(("deviceDefender", _)) => self.has_defender(),
            Some(("attributes" | "registry", rest)) => self.is_on() && !rest.is_empty(),
            _ => self.is_on() && matches!(field, "thingName" | "thingId" | "thingTypeName" | "thingGroupNames"),
        }
    }
}

impl GroupConfig {
    /// A configuration, where it is a valid one.
    ///
    /// # Errors
    /// `InvalidRequestException`.
    pub fn new(mut wire: ThingGroupIndexingConfiguration) -> Result<Self, ApiError> {
        wire.managed_fields = None;
        let config = Self(wire);
        check_custom(config.0.custom_fields.as_deref(), &config.managed(), |field| {
            config.is_on() && field.starts_with("attributes.")
        })?;
        Ok(config)
    }

    /// Whether thing groups are indexed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.thing_group_indexing_mode == ThingGroupIndexingMode::On
    }

    /// The schema of the index; none where there is no index.
    #[must_use]
    pub fn schema(&self) -> Option<&'static str> {
        self.is_on().then_some("THING_GROUPS")
    }

    fn managed(&self) -> Vec<Managed> {
        if self.is_on() { fields::of_groups() } else { Vec::new() }
    }

    /// The field that an aggregation is about.
    ///
    /// # Errors
    /// As [`ThingConfig::aggregated`].
    pub fn aggregated(&self, name: &str) -> Result<(String, FieldType), ApiError> {
        aggregated(name, &self.managed(), named(self.0.custom_fields.as_deref()))
    }

    fn answer(&self) -> ThingGroupIndexingConfiguration {
        ThingGroupIndexingConfiguration { managed_fields: listed(self.managed()), ..self.0.clone() }
    }
}

fn listed(managed: Vec<Managed>) -> Option<Vec<Field>> {
    let fields = managed.into_iter().map(|(name, of, _)| Field { name: Some(name.to_owned()), type_: Some(of) });
    Some(fields.collect()).filter(|fields: &Vec<_>| !fields.is_empty())
}

fn named(fields: Option<&[Field]>) -> impl Iterator<Item = (&str, FieldType)> {
    fields.into_iter().flatten().filter_map(|field| Some((field.name.as_deref()?, field.type_?)))
}

fn aggregated<'a>(
    name: &str,
    managed: &[Managed],
    mut custom: impl Iterator<Item = (&'a str, FieldType)>,
) -> Result<(String, FieldType), ApiError> {
    if let Some((own, of, kept)) = managed.iter().find(|(own, _, _)| *own == name) {
        return Ok((kept.unwrap_or(own).to_owned(), *of));
    }
    if let Some((own, of)) = custom.find(|(own, _)| *own == name) {
        return Ok((own.to_owned(), of));
    }
    let why = format!(
        "the aggregation field `{name:.200}` is neither a managed field nor a custom one: add it to customFields of the indexing \
         configuration"
    );
    Err(ApiError::new(ErrorCode::InvalidAggregationException, why))
}

fn at_most(count: usize, most: usize, what: &str) -> Result<(), ApiError> {
    if count > most {
        return Err(ApiError::invalid(format!("{count} {what} are too many: an index has at most {most}")));
    }
    Ok(())
}

fn check_custom(
    fields: Option<&[Field]>,
    managed: &[Managed],
    is_indexed: impl Fn(&str) -> bool,
) -> Result<(), ApiError> {
    let fields = fields.unwrap_or_default();
    at_most(fields.len(), MOST_CUSTOM, "custom fields")?;
    let mut seen = BTreeSet::new();
    for field in fields {
        let (Some(name), Some(_)) = (field.name.as_deref(), field.type_) else {
            return Err(ApiError::invalid("a custom field needs a name and a type"));
        };
        let why = if !seen.insert(name) {
            "is there twice"
        } else if managed.iter().any(|(own, _, _)| *own == name) {
            "is a managed field, which needs no configuration"
        } else if !is_indexed(name) {
            "is not indexed: its source is off, or has another name"
        } else {
            continue;
        };
        return Err(ApiError::invalid(format!("the custom field `{name:.200}` {why}")));
    }
    Ok(())
}

/// The error for an index that is not there.
#[must_use]
pub fn no_index(name: &str) -> ApiError {
    let help = match name {
        crate::THINGS => ": set a thingIndexingMode by UpdateIndexingConfiguration",
        crate::GROUPS => ": set thingGroupIndexingMode to ON by UpdateIndexingConfiguration",
        _ => ": there are AWS_Things and AWS_ThingGroups",
    };
    ApiError::not_found(format!("Index {name:.128} does not exist{help}"))
}

/// The indexing configuration of an account, and the fleet metrics on it.
#[derive(Debug, Default)]
pub struct Indexing {
    things: Arc<ThingConfig>,
    groups: Arc<GroupConfig>,
    /// By name.
    pub(crate) metrics: BTreeMap<String, FleetMetric>,
}

impl Indexing {
    /// That of a new account: nothing is indexed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is indexed of things.
    #[must_use]
    pub fn things(&self) -> Arc<ThingConfig> {
        Arc::clone(&self.things)
    }

    /// What is indexed of thing groups.
    #[must_use]
    pub fn groups(&self) -> Arc<GroupConfig> {
        Arc::clone(&self.groups)
    }

    /// "GetIndexingConfiguration".
    #[must_use]
    pub fn get(&self) -> GetIndexingConfigurationResponse {
        GetIndexingConfigurationResponse {
            thing_indexing_configuration: Some(self.things.answer()),
            thing_group_indexing_configuration: Some(self.groups.answer()),
        }
    }

    /// "UpdateIndexingConfiguration": each part that is given replaces what was there. `in_use` names fields that dynamic groups
    /// ask for, with who does: their sources stay on, as do geolocations and custom fields, and what fleet metrics ask for.
    ///
    /// # Errors
    /// `InvalidRequestException` where parts of it do not fit each other, or what is in use would go.
    pub fn update(
        &mut self,
        request: UpdateIndexingConfigurationRequest,
        in_use: &[(String, String)],
    ) -> Result<Done<UpdateIndexingConfigurationResponse>, ApiError> {
        let things = request.thing_indexing_configuration.map(ThingConfig::new).transpose()?;
        let groups = request.thing_group_indexing_configuration.map(GroupConfig::new).transpose()?;
        if let Some(things) = &things {
            for (field, who) in in_use.iter().chain(&self.asked_by_fleet_metrics()) {
                let had_place = self.things.places().any(|(place, _)| place == field);
                let lost = (self.things.is_indexed(field) && !things.is_indexed(field))
                    || (had_place && !things.places().any(|(place, _)| place == field))
                    || (self.things.aggregated(field).is_ok() && things.aggregated(field).is_err());
                if lost {
                    return Err(ApiError::invalid(format!(
                        "`{field:.200}` has to stay in the indexing configuration: {who} uses it"
                    )));
                }
            }
        }
        self.keeps_fleet_metrics(things.as_ref().unwrap_or(&self.things), groups.as_ref().unwrap_or(&self.groups))?;
        let mut writes = Vec::new();
        if let Some(things) = things {
            writes.push(Write::put(TABLE, THINGS, json(&things)));
            self.things = Arc::new(things);
        }
        if let Some(groups) = groups {
            writes.push(Write::put(TABLE, GROUPS, json(&groups)));
            self.groups = Arc::new(groups);
        }
        Ok(Done::written(UpdateIndexingConfigurationResponse {}, writes))
    }
}

fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and enums: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

impl Rulebook for Indexing {
    const TABLES: &'static [&'static str] = &[TABLE, fleet_metrics::TABLE];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.to_owned(), key: key.to_owned(), why };
        let text = |error: serde_json::Error| corrupt(error.to_string());
        match (table, key) {
            (TABLE, THINGS) => self.things = Arc::new(serde_json::from_str(value).map_err(text)?),
            (TABLE, GROUPS) => self.groups = Arc::new(serde_json::from_str(value).map_err(text)?),
            (fleet_metrics::TABLE, name) => {
                self.metrics.insert(name.to_owned(), serde_json::from_str(value).map_err(text)?);
            }
            _ => return Err(corrupt("the indexing configuration has no such row".to_owned())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new();
    }
}
