//! Connections and messages: the data plane over HTTP.
//!
//! - `operations`: "Publish". `clients`: connections of clients. `direct`: a message to one client. `retained`: retained messages.
//! - [`pace`]: how often each may be asked for. [`publish`]: a publish that comes over HTTP.

mod clients;
mod direct;
mod operations;
pub mod pace;
pub mod publish;
mod retained;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    operations::register(router);
    clients::register(router);
    direct::register(router);
    retained::register(router);
}
