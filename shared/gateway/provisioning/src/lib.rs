//! Provisioning: how a device's thing, certificate and policies come to be from a template.
//!
//! - [`language`]: the template language: [`Template::parse`] checks a body, [`Template::plan`] evaluates it.
//! - [`plan`]: what evaluation yields: a typed description of the resources, without any effect.
//! - [`book`]: the rulebook [`Provisioning`]: templates with their versions, and certificate ownership tokens.
//!
//! One evaluator is behind just-in-time provisioning, fleet provisioning, "RegisterThing" and bulk registration. Carrying a
//! plan out is the composition's. Follows "Device provisioning" of the AWS IoT Core developer guide.

pub mod book;
pub mod language;
pub mod plan;

pub use book::Provisioning;
pub use language::{Dialect, Failure, Malformed, Template};
pub use plan::Plan;
