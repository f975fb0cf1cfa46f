//! CAs and certificates, custom authorizers, domain configurations.
//!
//! - `operations`, `authorizers`, `domains`: their operations over HTTP.
//! - `expiry`: certificates that expire. [`service`]: what becomes of their connections.

mod authorizers;
mod domains;
mod expiry;
mod operations;
pub mod service;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    authorizers::register(router);
    domains::register(router);
    operations::register(router);
}
