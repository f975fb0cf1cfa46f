//! AWS IoT Jobs.
//!
//! - [`service`]: its state: requests that are unanswered, things whose groups have changed, and what is due.
//! - `control`: its operations over HTTP; `source` reads a document from Amazon S3. `data`: those of devices over HTTPS.
//! - `runner`: commands on the jobs, with what follows from them.
//! - `mqtt`: its topics. `notify`: what things are told of their lists. `fleet`, `packages`: the registry and the software package
//!   catalog as jobs ask for them. `installed`: what jobs tell of what they have installed.

mod control;
mod data;
pub(crate) mod fleet;
mod installed;
mod mqtt;
mod notify;
mod packages;
mod runner;
pub mod service;
mod signatures;
mod source;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    control::register(router);
    data::register(router);
}
