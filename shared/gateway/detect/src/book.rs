//! The rulebook's state and how it is filled again.

use crate::custom_metric::CustomMetricRow;
use crate::dimension::DimensionRow;
use crate::found::Found;
use crate::profile::ProfileRow;
use crate::series::{HourRow, Series};
use crate::training::ModelRow;
use crate::violation::{AlarmRow, EventRow};
use behaviors::Kind;
use behaviors::validate::Known;
use drydock_core::{CorruptRow, Rulebook, Scope, Timestamp, Write};
use drydock_model::Wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const PROFILES: &str = "detect_profiles";
pub(crate) const TARGETS: &str = "detect_targets";
pub(crate) const DIMENSIONS: &str = "detect_dimensions";
pub(crate) const CUSTOM_METRICS: &str = "detect_custom_metrics";
pub(crate) const ALARMS: &str = "detect_alarms";
pub(crate) const EVENTS: &str = "detect_events";
pub(crate) const VALUES: &str = "detect_values";
pub(crate) const AWAY: &str = "detect_away";
pub(crate) const MODELS: &str = "detect_models";

/// Where an alarm is: a behavior of a profile, on a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) profile: SmolStr,
    pub(crate) behavior: SmolStr,
    pub(crate) thing: SmolStr,
}

impl Place {
    pub(crate) fn new(profile: &str, behavior: &str, thing: &str) -> Self {
        Self { profile: profile.into(), behavior: behavior.into(), thing: thing.into() }
    }

    /// The key of its row. Names of profiles and behaviors have no `/`; those of unregistered devices may.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}/{}", self.profile, self.behavior, self.thing)
    }

    fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.splitn(3, '/');
        Some(Self::new(parts.next()?, parts.next()?, parts.next()?))
    }
}

/// Detect in an account and a region.
#[derive(Debug)]
pub struct Detect {
    pub(crate) scope: Scope,
    pub(crate) profiles: BTreeMap<SmolStr, ProfileRow>,
    /// The ARN of each target with a profile attached to it.
    pub(crate) targets: BTreeSet<(SmolStr, SmolStr)>,
    pub(crate) dimensions: BTreeMap<SmolStr, DimensionRow>,
    pub(crate) custom_metrics: BTreeMap<SmolStr, CustomMetricRow>,
    pub(crate) alarms: BTreeMap<Place, AlarmRow>,
    /// The places of those alarms that are violations, by their ids.
    pub(crate) active: BTreeMap<SmolStr, Place>,
    pub(crate) events: BTreeMap<String, EventRow>,
    /// How each behavior was last violated, by device.
    pub(crate) found: BTreeMap<SmolStr, Found>,
    /// The events of which nobody is known to have been told.
    pub(crate) untold: BTreeSet<String>,
    pub(crate) series: Series,
    /// Since when devices are away.
    pub(crate) away: BTreeMap<SmolStr, Timestamp>,
    pub(crate) models: BTreeMap<(SmolStr, SmolStr), ModelRow>,
}

impl Detect {
    /// A book without anything.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            profiles: BTreeMap::new(),
            targets: BTreeSet::new(),
            dimensions: BTreeMap::new(),
            custom_metrics: BTreeMap::new(),
            alarms: BTreeMap::new(),
            active: BTreeMap::new(),
            events: BTreeMap::new(),
            found: BTreeMap::new(),
            untold: BTreeSet::new(),
            series: Series::default(),
            away: BTreeMap::new(),
            models: BTreeMap::new(),
        }
    }

    /// Whether anything is to be measured: a profile is attached to something.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Whether time has something to do: there is something to be measured, or something that is kept only for a while.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.is_on() || !self.events.is_empty() || !self.alarms.is_empty()
    }

    /// Puts an alarm in the place of what it was, or forgets it where nothing is to be remembered, and gives the write.
    pub(crate) fn put_alarm(&mut self, place: &Place, row: AlarmRow) -> Write {
        if let Some(before) = self.alarms.remove(place)
            && let Some(violation) = &before.violation
        {
            self.active.remove(&violation.id);
        }
        let key = place.key();
        if row.alarm.is_quiet() {
            return Write::delete(ALARMS, key);
        }
        if let Some(violation) = &row.violation {
            self.active.insert(violation.id.clone(), place.clone());
        }
        let write = Write::put(ALARMS, key, json(&row));
        self.alarms.insert(place.clone(), row);
        write
    }

    pub(crate) fn put_event(&mut self, key: String, row: EventRow) -> Write {
        self.find(&row);
        if row.untold {
            self.untold.insert(key.clone());
        } else {
            self.untold.remove(&key);
        }
        let write = Write::put(EVENTS, key.clone(), json(&row));
        self.events.insert(key, row);
        write
    }
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

/// What AWS's shape says, in our words, and the other way round: both have the same JSON.
pub(crate) fn ours<T: DeserializeOwned>(shape: &impl Wire) -> Option<T> {
    serde_json::from_value(shape.write()).ok()
}

pub(crate) fn wire<T: Wire>(ours: &impl Serialize) -> Option<T> {
    T::read(&serde_json::to_value(ours).ok()?, &drydock_model::wire::At::ROOT).ok()
}

impl Known for Detect {
    fn custom_metric(&self, name: &str) -> Option<Kind> {
        self.custom_metrics.get(name).and_then(|row| Kind::of_custom(&row.metric_type))
    }

    fn has_dimension(&self, name: &str) -> bool {
        self.dimensions.contains_key(name)
    }
}

impl Rulebook for Detect {
    const TABLES: &'static [&'static str] =
        &[PROFILES, TARGETS, DIMENSIONS, CUSTOM_METRICS, ALARMS, EVENTS, VALUES, AWAY, MODELS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        macro_rules! row {
            () => {
                serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?
            };
        }
        match table {
            PROFILES => drop(self.profiles.insert(key.into(), row!())),
            TARGETS => {
                let (profile, target) = key.split_once('/').ok_or_else(|| corrupt("the key has no target".into()))?;
                self.targets.insert((target.into(), profile.into()));
            }
            DIMENSIONS => drop(self.dimensions.insert(key.into(), row!())),
            CUSTOM_METRICS => drop(self.custom_metrics.insert(key.into(), row!())),
            ALARMS => {
                let place = Place::of_key(key).ok_or_else(|| corrupt("the key names no behavior and device".into()))?;
                self.put_alarm(&place, row!());
            }
            EVENTS => drop(self.put_event(key.into(), row!())),
            VALUES => {
                let row: HourRow = row!();
                self.series.put(row);
            }
            AWAY => drop(self.away.insert(key.into(), row!())),
            MODELS => {
                let (profile, behavior) =
                    key.split_once('/').ok_or_else(|| corrupt("the key names no behavior".into()))?;
                self.models.insert((profile.into(), behavior.into()), row!());
            }
            _ => return Err(corrupt("the table is not one of Detect".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }
}
