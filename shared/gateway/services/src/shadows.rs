//! The Device Shadow service.
//!
//! - [`mqtt`]: its topics, and what is told of a shadow that changes. `operations`: its operations over HTTP.
//! - [`service`]: its requests that are unanswered. `vain`: those that are rejected are told of.

pub mod mqtt;
mod operation;
pub(crate) mod operations;
pub mod service;
mod vain;
