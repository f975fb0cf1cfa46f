//! The data plane.

mod connections;
mod direct;
pub mod pace;
mod retained;

use super::Call;
use drydock_core::{ApiError, ErrorCode};
use drydock_model::Router;
use drydock_model::iot_data::ops;
use drydock_policy::Action;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::Publish>(|call: Call, input| async move {
        crate::publish::publish(&call.gateway, input, |topic, retain| match &call.device {
            Some(device) => device.publish(topic, retain),
            // A signed caller is whoever runs on this machine: IAM is not played, any access key may do everything.
            None => true,
        })
        .await
    });
    connections::register(router);
    direct::register(router);
    retained::register(router);
}

/// Whether the caller may do something to a client's connection: a device by its policies, as "AWS IoT Core policy actions" lists
/// `iot:DeleteConnection`; a signed caller always.
///
/// # Errors
/// `ForbiddenException`.
fn may(call: &Call, action: Action, client_id: &str) -> Result<(), ApiError> {
    match &call.device {
        Some(device) if !device.allows(action, client_id) => Err(ApiError::new(
            ErrorCode::ForbiddenException,
            format!("the policies of this principal do not allow {} on client `{client_id}`", action.name()),
        )),
        _ => Ok(()),
    }
}

/// What a caller gets that may not do what it asks.
fn unauthorized(what: &str) -> ApiError {
    ApiError::new(ErrorCode::UnauthorizedException, format!("this principal is not allowed to {what}"))
}
