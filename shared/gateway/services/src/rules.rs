//! Topic rules.
//!
//! - [`runner`]: every message on the broker's path, and the rules that it reaches.
//! - `queue`, [`state`]: how many run and wait for each rule; what is counted of it.
//! - `act`: one rule on one message. `send`, `delivery`: an action's calls, with their retries. `batch`: several messages as one request.
//! - [`backlog`]: messages of QoS 1 outlive the process until their rules have ended with them.
//! - [`externals`]: answers to the functions of the SQL that reach out. [`watch`]: who watches rules.
//! - [`outbound`]: what goes to services elsewhere. `influxdb`: points to an instance of InfluxDB. `kafka`: records to a Kafka
//!   cluster.
//! - [`confirm`]: topic rule destinations are proven.
//! - `entries`: what the logs are told.
//! - `unheard`: messages that go nowhere are told of.
//! - [`service`]: the state of it all. `operations`, `destinations`: the operations over HTTP.

mod act;
pub mod backlog;
mod batch;
pub mod confirm;
mod delivery;
mod destinations;
mod entries;
pub mod externals;
mod influxdb;
mod kafka;
mod operations;
pub mod outbound;
mod queue;
pub mod runner;
mod send;
pub mod service;
pub mod state;
mod unheard;
pub mod watch;

use crate::call::Call;
use crate::service::Service;
use async_trait::async_trait;
use drydock_core::{ApiError, Event};
use drydock_model::Router;
use drydock_rules::Rules;
use drydock_timers::Due;
use service::RulesService;
use std::sync::Arc;
use std::time::Duration;

/// How long what rules have in hand may take to end when the gateway stops.
const GOODBYE: Duration = Duration::from_secs(2);

pub(crate) fn register(router: &mut Router<Call>) {
    operations::register(router);
    destinations::register(router);
}

/// What waits for a time here, a retry or a batch, waits as itself.
impl Due for RulesService {}

#[async_trait]
impl Service for RulesService {
    fn hears(self: Arc<Self>, event: &Event) {
        if let Event::DestinationToConfirm { arn } = event {
            confirm::begin(&self, arn);
        }
    }

    /// A destination that waits for its proof may have been asked for it, or not: it is asked again, for the same token.
    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        for arn in self.host.books.rules.read(Rules::unproven) {
            confirm::begin(&self, &arn);
        }
        Ok(())
    }

    async fn stop(&self) {
        self.backlog.stop(GOODBYE).await;
    }
}
