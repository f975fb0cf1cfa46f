//! AWS IoT Device Defender's audit: whether an account's policies, certificates, roles and settings are as they should be, and what is
//! done about those that are not.
//!
//! - [`checks`]: the checks, a file each. What they judge by: `statement` reads policies, `glob` compares their patterns;
//!   `breadth` and `administration` say what they allow too widely; [`keys`] and [`revocation`] look at certificates,
//!   [`connections`] keeps what happened to connections.
//! - [`Audit`]: the rulebook. `configuration`: which checks an account has; `schedule`: audits that come again; [`task`]: audits as they
//!   run; `finding`: what they found; `suppression`: what is not to be told again; `notification`: what a topic is told of an audit.
//! - [`mitigation`]: actions, and the tasks that apply them to findings and violations.
//! - [`resources`]: resources as findings name them.
//!
//! Follows "Audit" and "Mitigation actions" of the AWS IoT Device Defender developer guide. Pure: it reads no clock, knows no storage, and
//! is given the facts that it judges.

mod administration;
mod book;
mod breadth;
pub mod checks;
mod configuration;
pub mod connections;
mod finding;
mod glob;
pub mod keys;
pub mod mitigation;
mod notification;
pub mod resources;
pub mod revocation;
mod schedule;
mod statement;
mod suppression;
pub mod task;

pub use administration::services_of;
pub use book::Audit;
pub use breadth::Grant;
pub use checks::{Check, Found, Verdict};
pub use notification::Notification;
pub use statement::{Document, Unreadable};
