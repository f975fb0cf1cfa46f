//! Policies.
//!
//! - `operations`, `simulation`: their operations over HTTP.
//! - [`explain`]: why somebody may do something, or may not. [`supposed`]: a connection that there could be.

pub mod explain;
mod operations;
mod simulation;
pub mod supposed;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    operations::register(router);
    simulation::register(router);
}
