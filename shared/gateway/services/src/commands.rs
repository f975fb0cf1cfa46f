//! AWS IoT commands.
//!
//! - [`service`]: its state: the reports of devices that are unanswered, and what is due.
//! - `control`: its operations over HTTP. `data`: "StartCommandExecution".
//! - `runner`: changes of the commands, with what follows from them: requests that go to devices.
//! - `mqtt`: its topic, to which devices report.

mod control;
mod data;
mod mqtt;
mod runner;
pub mod service;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    control::register(router);
    data::register(router);
}
