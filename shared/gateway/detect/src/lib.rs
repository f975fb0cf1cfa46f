//! AWS IoT Device Defender Detect: what is expected of devices, what they do, and where the two differ.
//!
//! - [`Detect`]: the rulebook: security profiles and their targets, dimensions, custom metrics, datapoints, violations.
//! - [`Fleet`]: what it asks of the registry.
//! - `profile`, `target`, `dimension`, `custom_metric`: the operations on them. `lists`: the lists of what was found.
//! - `series`: the datapoints. [`Activity`]: what AWS IoT itself saw of a device in a period. `wanted`: which metrics are measured.
//! - `period`, `report`: a period that has ended, and a device's report. `evaluate`: what both come to.
//! - [`violation`]: violations, their events, and the alerts that tell of them. `training`: behaviors that are learnt.
//! - `found`: what the fleet index has of a device. [`export`]: datapoints that are published.
//!
//! What is normal is decided by the crate `behaviors`, which functions use, too. Follows "Detect" of the AWS IoT Device Defender
//! developer guide. Pure: it knows no connection and reads no clock.

mod activity;
mod book;
mod context;
mod custom_metric;
mod dimension;
mod evaluate;
pub mod export;
mod found;
mod lists;
mod period;
mod profile;
mod report;
mod series;
mod target;
mod training;
pub mod violation;
mod wanted;

pub use activity::{Activity, Traffic};
pub use book::Detect;
pub use context::{Context, Fleet};
pub use export::Export;
pub use report::Refused;
