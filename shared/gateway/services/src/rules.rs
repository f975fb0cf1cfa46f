//! Topic rules.
//!
//! - [`runner`]: every message on the broker's path, and the rules that it reaches.
//! - `lane`, [`state`]: how many run and wait for each rule; what is counted of it.
//! - `act`: one rule on one message. `send`, `errand`: an action's calls, with their retries. `batch`: several messages as one request.
//! - [`backlog`]: messages of QoS 1 outlive the process until their rules have ended with them.
//! - [`reach`]: answers to the functions of the SQL that reach out. [`watch`]: who watches rules.
//! - [`outbound`]: what goes to services elsewhere. `influxdb`: points to an instance of InfluxDB. `kafka`: records to a Kafka
//!   cluster.
//! - [`confirm`]: topic rule destinations are proven.
//! - `entries`: what the logs are told.
//! - [`service`]: the state of it all. `operations`, `destinations`: the operations over HTTP.

mod act;
pub mod backlog;
mod batch;
pub mod confirm;
mod destinations;
mod entries;
mod errand;
mod influxdb;
mod kafka;
mod lane;
mod operations;
pub mod outbound;
pub mod reach;
pub mod runner;
mod send;
pub mod service;
pub mod state;
pub mod watch;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    operations::register(router);
    destinations::register(router);
}
