//! Over-the-air updates, and streams: files of Amazon S3 that devices get in blocks over MQTT.
//!
//! - [`service`]: its state: requests that are unanswered, and updates that are to be made.
//! - `streams`: the operations on streams over HTTP. `mqtt`: the topics of devices.
//! - `updates`: the operations on OTA updates, and how one is made.
//! - `roles`: whether the roles that are named can be assumed.

mod mqtt;
mod roles;
pub mod service;
mod streams;
mod updates;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    streams::register(router);
    updates::register(router);
}
