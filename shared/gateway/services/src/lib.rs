//! The services of AWS IoT: one folder each, with its operations over HTTP, its topics over MQTT, and the rest.
//!
//! - [`services`]: what all of them share, and the state that each has of its own. [`call`]: what a handler knows besides its input.
//! - [`account`], [`certificates`], [`connections`], [`logging`], [`policies`], [`provisioning`], [`registry`], [`rules`],
//!   [`shadows`], [`tags`]: the services.
//! - [`request`]: a request of a service that came as a message.
//! - [`events`]: from events to the topics that tell of them.
//! - [`operations`]: which operations there are, and which of them are implemented.

pub mod account;
pub mod call;
pub mod certificates;
pub mod connections;
pub mod events;
pub mod logging;
pub mod operations;
pub mod policies;
pub mod provisioning;
pub mod registry;
pub mod request;
pub mod router;
pub mod rules;
pub mod services;
pub mod shadows;
pub mod tags;
