//! All operations of AWS IoT that are implemented, by [`SERVICES`](crate::SERVICES). An operation without a handler answers 501 and names itself.

use crate::SERVICES;
use crate::call::Call;
use drydock_model::Router;

/// All operations that are implemented.
#[must_use]
pub fn router() -> Router<Call> {
    let mut router = Router::new();
    for service in SERVICES {
        (service.operations)(&mut router);
    }
    router
}
