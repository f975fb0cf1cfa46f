//! The Device Shadow service.
//!
//! - [`mqtt`]: its topics, and what is told of a shadow that changes. `operations`: its operations over HTTP.

pub mod mqtt;
pub(crate) mod operations;
