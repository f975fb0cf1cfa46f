//! Fleet indexing.
//!
//! - [`service`]: the indexes, what is still to be brought into them, and what is due.
//! - [`sources`]: things and groups as the books have them. [`connections`]: what is known of things' connections.
//! - `operations`: the configuration and the indexes over HTTP. [`search`]: searches and aggregations.
//! - `groups`: dynamic thing groups.
//! - `fleet_metric_operations`, [`fleet_metrics`]: fleet metrics, and their values to CloudWatch.
//! - [`find`]: what `drydock find` asks.

pub mod connections;
pub mod find;
pub(crate) mod fleet_metric_operations;
pub mod fleet_metrics;
mod groups;
mod operations;
pub mod search;
pub mod service;
pub mod sources;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    groups::register(router);
    operations::register(router);
    search::register(router);
}
