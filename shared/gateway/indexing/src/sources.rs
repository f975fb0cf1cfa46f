//! What a thing or a group is, in the books that the index is made of, and the documents and answers that come of it.

use crate::config::ThingConfig;
use crate::document::{Collector, Document};
use crate::place::{Order, Place};
use drydock_model::iot::{TargetFieldOrder, ThingConnectivity, ThingDocument, ThingGroupDocument};
use serde_json::{Map, Value as Json, json};
use smol_str::SmolStr;

/// A thing, as the books have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thing {
    /// Its name.
    pub name: SmolStr,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// Its type.
    pub thing_type: Option<SmolStr>,
    /// The groups that it is directly in.
    pub groups: Vec<SmolStr>,
    /// Its attributes.
    pub attributes: Vec<(SmolStr, SmolStr)>,
    /// Its shadows by name, the classic one without; each as "GetThingShadow" answers it.
    pub shadows: Vec<(Option<SmolStr>, Json)>,
    /// Its connection.
    pub connectivity: Connectivity,
    /// What Device Defender has found, as the answer's `deviceDefender` has it: `violationCount`, and by security profile and
    /// behavior what is violated.
    pub defender: Option<Json>,
}

/// A thing's connection, or the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connectivity {
    /// Whether it is there.
    pub connected: bool,
    /// When it came or went; none where that is not known.
    pub last: Option<LastConnection>,
}

/// What is known of a connection that there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastConnection {
    /// When it came or went, in milliseconds.
    pub timestamp: i64,
    /// Why it went.
    pub reason: Option<&'static str>,
    /// `versionNumber` of its lifecycle events.
    pub version: u64,
    /// Whose connection.
    pub client_id: SmolStr,
    /// Seconds.
    pub keep_alive: u16,
    /// Whether its session ends with it.
    pub clean_session: bool,
    /// Seconds that its session lives without it.
    pub session_expiry: u64,
}

/// A thing group, as the books have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: SmolStr,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// What it is.
    pub description: Option<String>,
    /// The groups above it.
    pub parents: Vec<SmolStr>,
    /// Its attributes.
    pub attributes: Vec<(SmolStr, SmolStr)>,
}

impl Thing {
    /// What is indexed of it.
    #[must_use]
    pub fn document(&self, config: &ThingConfig) -> Document {
        let mut out = Collector::default();
        out.text("thingName", &self.name);
        out.text("thingId", &self.id);
        out.number("registry.version", number(self.version));
        if let Some(name) = &self.thing_type {
            out.text("thingTypeName", name);
        }
        self.groups.iter().for_each(|group| out.text("thingGroupNames", group));
        attributes(&self.attributes, &mut out);
        for (name, shadow) in self.indexed_shadows(config) {
            let prefix = name.as_ref().map_or_else(|| "shadow".to_owned(), |name| format!("shadow.name.{name}"));
            of_shadow(prefix, shadow, &mut out);
        }
        for (field, order) in config.places() {
            if let Some(place) = self.place(config, field, order) {
                out.place(field, place);
            }
        }
        if config.has_connectivity() {
            of_connectivity(&self.connectivity, &mut out);
        }
        if let Some(found) = self.defender.as_ref().filter(|_| config.has_defender()) {
            out.json(&mut "deviceDefender".to_owned(), found);
        }
        out.finish()
    }

    pub(crate) fn place(&self, config: &ThingConfig, field: &str, order: TargetFieldOrder) -> Option<Place> {
        let order = if order == TargetFieldOrder::LonLat { Order::LonLat } else { Order::LatLon };
        Place::read(self.value(config, field)?, order)
    }

    /// What an indexed shadow has at the path of a field.
    pub(crate) fn value(&self, config: &ThingConfig, field: &str) -> Option<&Json> {
        let (name, path) = match crate::fields::named_shadow(field) {
            Some((name, path)) => (Some(name), path),
            None => (None, field.strip_prefix("shadow.")?),
        };
        let (_, shadow) = self.shadows.iter().find(|(of, _)| of.as_deref() == name && config.has_shadow(name))?;
        path.split('.').try_fold(shadow.get("state")?, |value, step| value.get(step))
    }

    fn indexed_shadows<'a>(&'a self, config: &'a ThingConfig) -> impl Iterator<Item = (&'a Option<SmolStr>, &'a Json)> {
        self.shadows.iter().filter(|(name, _)| config.has_shadow(name.as_deref())).map(|(name, shadow)| (name, shadow))
    }

    /// As "SearchIndex" answers it.
    #[must_use]
    pub fn answer(&self, config: &ThingConfig) -> ThingDocument {
        let (mut shadow, mut named) = (Map::new(), Map::new());
        for (name, found) in self.indexed_shadows(config) {
            match name {
                None => shadow.extend(sections(found)),
                Some(name) => drop(named.insert(name.to_string(), sections(found).into())),
            }
        }
        if !named.is_empty() {
            shadow.insert("name".to_owned(), named.into());
        }
        let texts = |names: &[SmolStr]| names.iter().map(SmolStr::to_string).collect::<Vec<_>>();
        ThingDocument {
            attributes: answered(&self.attributes),
            connectivity: config.has_connectivity().then(|| self.connectivity.answer()),
            device_defender: self.defender.as_ref().filter(|_| config.has_defender()).map(Json::to_string),
            shadow: (!shadow.is_empty()).then(|| Json::Object(shadow).to_string()),
            thing_group_names: (!self.groups.is_empty()).then(|| texts(&self.groups)),
            thing_id: Some(self.id.clone()),
            thing_name: Some(self.name.to_string()),
            thing_type_name: self.thing_type.as_ref().map(SmolStr::to_string),
        }
    }
}

impl Connectivity {
    fn answer(&self) -> ThingConnectivity {
        let last = self.last.as_ref();
        ThingConnectivity {
            connected: Some(self.connected),
            timestamp: last.map(|last| last.timestamp),
            disconnect_reason: last.and_then(|last| last.reason).map(str::to_owned),
            client_id: last.map(|last| last.client_id.to_string()),
            keep_alive_duration: last.map(|last| i32::from(last.keep_alive)),
            clean_session: last.map(|last| last.clean_session),
            session_expiry: last.and_then(|last| i64::try_from(last.session_expiry).ok()),
        }
    }
}

impl Group {
    /// What is indexed of it.
    #[must_use]
    pub fn document(&self) -> Document {
        let mut out = Collector::default();
        out.text("thingGroupName", &self.name);
        out.text("thingGroupId", &self.id);
        out.number("version", number(self.version));
        if let Some(text) = &self.description {
            out.text("description", text);
        }
        self.parents.iter().for_each(|parent| out.text("parentGroupNames", parent));
        attributes(&self.attributes, &mut out);
        out.finish()
    }

    /// As "SearchIndex" answers it.
    #[must_use]
    pub fn answer(&self) -> ThingGroupDocument {
        let parents = self.parents.iter().map(SmolStr::to_string);
        ThingGroupDocument {
            attributes: answered(&self.attributes),
            parent_group_names: (!self.parents.is_empty()).then(|| parents.collect()),
            thing_group_description: self.description.clone(),
            thing_group_id: Some(self.id.clone()),
            thing_group_name: Some(self.name.to_string()),
        }
    }
}

fn attributes(attributes: &[(SmolStr, SmolStr)], out: &mut Collector) {
    for (name, text) in attributes {
        out.attribute(&format!("attributes.{name}"), text);
    }
}

fn answered(attributes: &[(SmolStr, SmolStr)]) -> Option<std::collections::BTreeMap<String, String>> {
    let all = attributes.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    (!attributes.is_empty()).then(|| all.collect())
}

fn of_shadow(mut prefix: String, shadow: &Json, out: &mut Collector) {
    let length = prefix.len();
    let delta = shadow.pointer("/state/delta");
    for (section, value) in shadow.get("state").and_then(Json::as_object).into_iter().flatten() {
        prefix.push('.');
        prefix.push_str(section);
        out.json(&mut prefix, value);
        prefix.truncate(length);
    }
    if let Some(metadata) = shadow.get("metadata") {
        prefix.push_str(".metadata");
        out.json(&mut prefix, metadata);
        prefix.truncate(length);
    }
    out.bool(format!("{prefix}.hasDelta"), delta.is_some());
    if let Some(version) = shadow.get("version").and_then(Json::as_f64) {
        out.number(format!("{prefix}.version"), version);
    }
}

fn of_connectivity(connectivity: &Connectivity, out: &mut Collector) {
    out.bool("connectivity.connected", connectivity.connected);
    let Some(last) = &connectivity.last else { return };
    out.number("connectivity.timestamp", number(last.timestamp));
    if let Some(reason) = last.reason {
        out.text("connectivity.disconnectReason", reason);
    }
    out.number("connectivity.version", last.version as f64);
    out.text("connectivity.clientId", &last.client_id);
    out.number("connectivity.keepAliveDuration", f64::from(last.keep_alive));
    out.bool("connectivity.cleanSession", last.clean_session);
    out.number("connectivity.sessionExpiry", last.session_expiry as f64);
}

/// A shadow as answers have it: its sections, their metadata, whether they differ, its version.
fn sections(shadow: &Json) -> Map<String, Json> {
    let mut sections = shadow.get("state").and_then(Json::as_object).cloned().unwrap_or_default();
    let has_delta = sections.contains_key("delta");
    if let Some(metadata) = shadow.get("metadata") {
        sections.insert("metadata".to_owned(), metadata.clone());
    }
    sections.insert("hasDelta".to_owned(), json!(has_delta));
    sections.extend(shadow.get("version").map(|version| ("version".to_owned(), version.clone())));
    sections
}

/// Versions and milliseconds are below 2^53.
fn number(number: i64) -> f64 {
    number as f64
}
