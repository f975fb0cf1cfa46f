//! The services of AWS IoT: one folder each, with its operations over HTTP, its topics over MQTT, and the rest.
//!
//! - [`service`]: what all of them have in common; [`SERVICES`] has a line for each.
//! - [`services`]: what all of them share, and the state that each has of its own. [`call`]: what a handler knows besides its input.
//! - [`account`], [`audit`], [`certificates`], [`commands`], [`connections`], [`detect`], [`indexing`], [`jobs`], [`logging`],
//!   [`ota`], [`packages`], [`policies`],
//!   [`provisioning`], [`registry`], [`rules`], [`shadows`], [`tags`]: the services.
//! - [`request`]: a request of a service that came as a message. [`requests`]: from the messages to the services.
//!   `in_flight` counts those that are unanswered.
//! - [`events`]: from events to the topics that tell of them.
//! - [`metrics`]: what CloudWatch is told of all of them, once a minute; `defender`: of Device Defender, as it happens.
//! - [`operations`]: which operations there are, and which of them are implemented.

pub mod account;
pub mod audit;
pub mod call;
pub mod certificates;
pub mod commands;
pub mod connections;
mod defender;
pub mod detect;
pub mod events;
mod in_flight;
pub mod indexing;
pub mod jobs;
pub mod logging;
pub mod metrics;
pub mod operations;
pub mod ota;
pub mod packages;
pub mod policies;
pub mod provisioning;
pub mod registry;
pub mod request;
pub mod requests;
pub mod router;
pub mod rules;
pub mod service;
pub mod services;
pub mod shadows;
pub mod tags;

use crate::call::Call;
use crate::service::Service;
use crate::services::Services;
use drydock_model::Router;
use std::sync::Arc;

/// A service, registered.
pub struct Registered {
    /// Its name.
    pub name: &'static str,
    /// Registers its operations over HTTP.
    pub operations: fn(&mut Router<Call>),
    /// The service itself, where something goes on behind the operations.
    pub running: Option<Behind>,
}

/// Gives the service that goes on behind operations.
pub type Behind = fn(&Services) -> Arc<dyn Service>;

const fn register(name: &'static str, operations: fn(&mut Router<Call>), running: Option<Behind>) -> Registered {
    Registered { name, operations, running }
}

/// All services: the whole registration.
pub const SERVICES: &[Registered] = &[
    register("account", account::register, None),
    register("audit", audit::register, Some(|all| all.audit.clone())),
    register("certificates", certificates::register, Some(|all| all.certificates.clone())),
    register("commands", commands::register, Some(|all| all.commands.clone())),
    register("connections", connections::register, None),
    register("indexing", indexing::register, Some(|all| all.indexing.clone())),
    register("fleet metrics", indexing::fleet_metric_operations::register, Some(|all| all.fleet_metrics.clone())),
    register("detect", detect::register, Some(|all| all.detect.clone())),
    register("jobs", jobs::register, Some(|all| all.jobs.clone())),
    register("logging", logging::register, None),
    register("ota", ota::register, Some(|all| all.ota.clone())),
    register("packages", packages::register, None),
    register("policies", policies::register, None),
    register("provisioning", provisioning::operations::register, Some(|all| all.provisioning.clone())),
    register("registry", registry::register, None),
    register("rules", rules::register, Some(|all| all.rules.clone())),
    register("shadows", shadows::operations::register, Some(|all| all.shadows.clone())),
    register("tags", tags::register, None),
];

/// The services behind whose operations something goes on.
#[must_use]
pub fn running(services: &Services) -> Vec<Arc<dyn Service>> {
    SERVICES.iter().filter_map(|registered| registered.running.map(|running| running(services))).collect()
}
