//! Things and groups as the books have them, for the index and for its answers.

use super::connections::Connections;
use drydock_broker::Broker;
use drydock_core::event::registry::GroupState;
use drydock_core::{ThingGroupName, ThingName, Timestamp};
use drydock_host::books::Books;
use drydock_indexing::config::ThingConfig;
use drydock_indexing::sources::{Group, Thing};
use drydock_registry::Registry;
use drydock_shadow::{Address, Shadows};
use serde_json::Value;
use smol_str::SmolStr;
use std::sync::{Arc, OnceLock};

/// What Device Defender has found in things. Of which things that is another matter is told by events, as of everything else.
pub trait Violations: Send + Sync {
    /// What the index has of a thing as `deviceDefender`: an object of `violationCount`, `version`, and by the names of security
    /// profiles and behaviors what is violated (`metricName`, `lastViolationTime`, `lastViolationValue`, `inViolation`).
    fn of(&self, thing: &ThingName) -> Option<Value>;
}

/// Where things come from, besides the books.
pub struct Outside {
    pub(super) broker: Broker,
    pub(super) connections: Connections,
    pub(super) violations: OnceLock<Arc<dyn Violations>>,
}

/// Things, as far as they are there, and as far as they are indexed.
pub(super) fn things(
    books: &Books,
    outside: &Outside,
    config: &ThingConfig,
    names: &[ThingName],
) -> Vec<Option<Thing>> {
    let now = books.now();
    // In the order of their locks.
    let mut things: Vec<Option<Thing>> = books.registry.read(|registry| {
        books.shadows.read(|shadows| names.iter().map(|name| thing(registry, shadows, config, name, now)).collect())
    });
    for (thing, name) in things.iter_mut().zip(names) {
        let Some(thing) = thing else { continue };
        if config.has_connectivity() {
            thing.connectivity = outside.connections.of(&outside.broker, name);
        }
        if config.has_defender() {
            thing.defender = outside.violations.get().and_then(|violations| violations.of(name));
        }
    }
    things
}

fn thing(
    registry: &Registry,
    shadows: &Shadows,
    config: &ThingConfig,
    name: &ThingName,
    now: Timestamp,
) -> Option<Thing> {
    let state = registry.thing_state(name.as_str())?;
    let classic = config.has_shadow(None).then_some(None);
    let named = config.shadow_names().filter(|name| config.has_shadow(Some(name))).map(Some);
    let shadows = classic.into_iter().chain(named).filter_map(|shadow| {
        let address = Address::new(name.as_str(), shadow).ok()?;
        Some((address.name.clone(), shadows.get(&address, now).ok()?))
    });
    Some(Thing {
        name: name.clone().into(),
        id: state.id.to_string(),
        version: state.version,
        thing_type: state.thing_type.map(SmolStr::from),
        groups: registry.direct_groups_of(name.as_str()).into_iter().map(SmolStr::from).collect(),
        attributes: state.attributes.into_iter().collect(),
        shadows: shadows.collect(),
        ..Thing::default()
    })
}

/// Thing groups, as far as they are there.
pub(super) fn groups(books: &Books, names: &[ThingGroupName]) -> Vec<Option<Group>> {
    books.registry.read(|registry| names.iter().map(|name| registry.group_state(name.as_str()).map(group)).collect())
}

fn group(state: GroupState) -> Group {
    Group {
        name: state.group.name.into(),
        id: state.group.id.to_string(),
        version: state.version,
        description: state.description,
        parents: state.above.into_iter().map(|above| above.name.into()).collect(),
        attributes: state.attributes.into_iter().collect(),
    }
}
