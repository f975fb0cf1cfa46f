//! CAs and certificates, custom authorizers, domain configurations.
//!
//! - `operations`, `authorizers`, `domains`: their operations over HTTP.
//! - [`expiry`]: certificates that expire.

mod authorizers;
mod domains;
pub mod expiry;
mod operations;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    authorizers::register(router);
    domains::register(router);
    operations::register(router);
}
