//! All operations of AWS IoT that are implemented: a line per service. An operation without a handler answers 501 and names itself.

use crate::call::Call;
use crate::{account, certificates, connections, logging, policies, provisioning, registry, rules, shadows, tags};
use drydock_model::Router;

/// All operations that are implemented.
#[must_use]
pub fn router() -> Router<Call> {
    let mut router = Router::new();
    account::register(&mut router);
    certificates::register(&mut router);
    connections::register(&mut router);
    logging::register(&mut router);
    policies::register(&mut router);
    provisioning::operations::register(&mut router);
    registry::register(&mut router);
    rules::register(&mut router);
    shadows::operations::register(&mut router);
    tags::register(&mut router);
    router
}
