//! AWS IoT Jobs.
//!
//! - [`service`]: its state: requests that are unanswered, things whose groups have changed, and what is due.
//! - `control`: its operations over HTTP; `source` reads a document from Amazon S3. `data`: those of devices over HTTPS.
//! - `runner`: commands on the jobs, with what follows from them.
//! - `mqtt`: its topics. `notify`: what things are told of their lists. `fleet`: the registry as jobs ask for it. `packages`: the catalog as they ask for it,
//!   and what they tell of what they have installed.

mod control;
mod data;
pub(crate) mod fleet;
mod mqtt;
mod notify;
mod packages;
mod runner;
pub mod service;
mod source;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    control::register(router);
    data::register(router);
}
