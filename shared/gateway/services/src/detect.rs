//! AWS IoT Device Defender Detect.
//!
//! - [`service`]: its state, and what is done when a period ends.
//! - `operations`: its operations over HTTP.
//! - `seen`: what AWS IoT itself sees of devices in a period.
//! - `runner`: changes of the book, with what follows from them: alerts, datapoints that are exported.
//! - [`indexed`]: what the fleet index has of it. [`mitigated`]: what mitigation acts upon.
//! - `mqtt`: its topics, to which devices report.

pub mod indexed;
pub mod mitigated;
mod mqtt;
mod operations;
mod runner;
mod seen;
pub mod service;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    operations::register(router);
}
