//! The account: where things are, which events it is told of, and how AWS encrypts what it keeps.

mod endpoints;
mod operations;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    endpoints::register(router);
    operations::register(router);
}
