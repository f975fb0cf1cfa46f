//! The roles that AWS IoT reads files with.

use drydock_core::ApiError;
use drydock_host::Host;
use drydock_host::roles::Unassumable;
use drydock_identity::trust::Assumer;

/// The service that assumes them.
const IOT: &str = "iot.amazonaws.com";

/// Whether a role can be assumed for a resource, such as `stream/s`: why not.
pub(super) fn untrusting(host: &Host, role: &str, resource: &str) -> Option<String> {
    let scope = &host.books.scope;
    let source = scope.arn("iot", resource);
    let who = Assumer { service: IOT, source_account: &scope.account, source_arn: source.as_str() };
    match host.assume(role, who, 0) {
        Err(Unassumable::Untrusting(why)) => Some(why.join("; ")),
        Ok(()) | Err(Unassumable::TooLong(_)) => None,
    }
}

/// The same, as an operation is refused.
///
/// # Errors
/// `InvalidRequestException`.
pub(super) fn check(host: &Host, role: &str, resource: &str) -> Result<(), ApiError> {
    match untrusting(host, role, resource) {
        Some(why) => Err(ApiError::invalid(format!("the role `{role}` cannot be assumed: {why}"))),
        None => Ok(()),
    }
}
