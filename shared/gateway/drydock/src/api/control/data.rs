//! The data plane.

mod connections;
mod retained;

use super::Call;
use drydock_core::{ApiError, ErrorCode};
use drydock_model::Router;
use drydock_model::iot_data::ops;

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
    retained::register(router);
}

/// What a caller gets that may not do what it asks.
fn unauthorized(what: &str) -> ApiError {
    ApiError::new(ErrorCode::UnauthorizedException, format!("this principal is not allowed to {what}"))
}
