//! Which events the account is told of on `$aws/events/…`. All are off until they are switched on. Source: "Enable events for AWS
//! IoT" of the developer guide, and the API reference of the operations.

use crate::registry::{EVENTS, Registry, json};
use drydock_core::{ApiError, Done, Event, Timestamp, Write};
use drydock_model::iot::{
    Configuration, DescribeEventConfigurationsRequest, DescribeEventConfigurationsResponse, EventType,
    UpdateEventConfigurationsRequest, UpdateEventConfigurationsResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::str::FromStr;

/// The settings, in one row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct EventSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<Timestamp>,
    /// The types that are on, as AWS spells them.
    #[serde(default)]
    enabled: BTreeSet<String>,
}

impl Registry {
    /// Whether events of a type are told.
    #[must_use]
    pub fn tells(&self, of: EventType) -> bool {
        self.events.enabled.contains(of.as_str())
    }

    /// Whether the account is told of an event: one of a type that is on.
    pub(crate) fn tells_of(&self, event: &Event) -> bool {
        // Most have none on.
        !self.events.enabled.is_empty() && kind(event).is_some_and(|of| self.tells(of))
    }

    /// "DescribeEventConfigurations": every type, on or off.
    pub fn describe_event_configurations(
        &self,
        _request: &DescribeEventConfigurationsRequest,
    ) -> Done<DescribeEventConfigurationsResponse> {
        let all = EventType::VALUES.iter().map(|(name, of)| {
            let configuration = Configuration { enabled: Some(self.tells(*of)) };
            ((*name).to_owned(), configuration)
        });
        Done::reply(DescribeEventConfigurationsResponse {
            creation_date: self.events.created,
            event_configurations: Some(all.collect()),
            last_modified_date: self.events.modified,
        })
    }

    /// "UpdateEventConfigurations": what is not named stays as it is; one without `Enabled` is off.
    ///
    /// # Errors
    /// `InvalidRequestException` for a type that there is not.
    pub fn update_event_configurations(
        &mut self,
        request: &UpdateEventConfigurationsRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateEventConfigurationsResponse>, ApiError> {
        let mut settings = self.events.clone();
        for (name, configuration) in request.event_configurations.iter().flatten() {
            EventType::from_str(name).map_err(|error| ApiError::invalid(error.to_string()))?;
            if configuration.enabled == Some(true) {
                settings.enabled.insert(name.clone());
            } else {
                settings.enabled.remove(name);
            }
        }
        settings.created = settings.created.or(Some(now));
        settings.modified = Some(now);
        let write = Write::put(EVENTS, "all", json(&settings));
        self.events = settings;
        Ok(Done::written(UpdateEventConfigurationsResponse {}, vec![write]))
    }
}

/// The type that an event is of, where it is one of the registry's.
fn kind(event: &Event) -> Option<EventType> {
    Some(match event {
        Event::ThingChanged { .. } => EventType::Thing,
        Event::ThingTypeChanged { .. } => EventType::ThingType,
        Event::ThingTypeAssociation { .. } => EventType::ThingTypeAssociation,
        Event::ThingGroupChanged { .. } => EventType::ThingGroup,
        Event::ThingGroupMembership { .. } => EventType::ThingGroupMembership,
        Event::ThingGroupHierarchy { .. } => EventType::ThingGroupHierarchy,
        _ => return None,
    })
}
