//! The registry, as jobs ask for it.

use drydock_core::ThingName;
use drydock_jobs::{Fleet, Tells};
use drydock_model::iot::EventType;
use drydock_registry::Registry;
use smol_str::SmolStr;
use uuid::Uuid;

/// The things and groups of a registry.
pub(crate) struct Registered<'r>(pub(crate) &'r Registry);

impl Fleet for Registered<'_> {
    fn thing_id(&self, thing: &str) -> Option<Uuid> {
        self.0.thing_id(thing)
    }

    fn group_id(&self, group: &str) -> Option<Uuid> {
        self.0.thing_group_id(group)
    }

    fn members(&self, group: &str) -> Vec<ThingName> {
        self.0.members_below(group)
    }

    fn groups_of(&self, thing: &str) -> Vec<SmolStr> {
        self.0.group_names_of(thing).into_iter().map(SmolStr::from).collect()
    }
}

/// What the account wants to be told of jobs.
pub(crate) fn tells(registry: &Registry) -> Tells {
    Tells { jobs: registry.tells(EventType::Job), executions: registry.tells(EventType::JobExecution) }
}
