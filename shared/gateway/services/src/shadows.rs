//! The Device Shadow service.
//!
//! - [`mqtt`]: its topics, and what is told of a shadow that changes. `operations`: its operations over HTTP.
//! - [`service`]: its requests that are unanswered; `in_flight` counts them. `vain`: those that are rejected are told of.

mod in_flight;
pub mod mqtt;
mod operation;
pub(crate) mod operations;
pub mod service;
mod vain;
