//! Device Defender's audits: what an account has that is not as it should be.
//!
//! - `operations`: the operations over HTTP.
//! - [`service`]: its state, and what it hears. `run`: audits are carried out, and told of. `facts`: what checks look at.
//!   `lists`: the revocation lists of CAs. `mitigation`: what is done about findings.

mod facts;
mod lists;
mod mitigation;
mod operations;
mod run;
pub mod service;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    operations::register(router);
    mitigation::register(router);
}
