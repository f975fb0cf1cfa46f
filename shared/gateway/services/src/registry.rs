//! Things, thing types, thing groups and billing groups.

mod billing;
mod groups;
mod things;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    billing::register(router);
    groups::register(router);
    things::register(router);
}
