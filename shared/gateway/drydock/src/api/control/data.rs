//! The data plane.

mod connections;
mod direct;
pub mod pace;
mod retained;
mod shadows;

use super::Call;
use crate::logs::failure;
use drydock_broker::Who;
use drydock_core::{ApiError, ErrorCode};
use drydock_logging::{Entry, EventType, Status};
use drydock_model::Router;
use drydock_model::iot_data::ops;
use drydock_policy::Action;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::Publish>(|call: Call, input| async move {
        let (topic, retain) = (input.topic.clone(), input.retain.unwrap_or_default());
        let published = crate::publish::publish(&call.gateway, input, |topic, retain| match &call.device {
            Some(device) => device.publish(topic, retain),
            // A signed caller is whoever runs on this machine: IAM is not played, any access key may do everything.
            None => true,
        });
        let result = published.await;
        logged(&call, EventType::PublishIn, "", &result, |entry| {
            entry.with("topicName", topic).with_some("retain", retain.then_some("True"))
        });
        result
    });
    connections::register(router);
    direct::register(router);
    retained::register(router);
    shadows::register(router);
}

/// Whether the caller may do something to a client, a thing or a shadow: a device by its policies, as "AWS IoT Core policy actions"
/// lists `iot:DeleteConnection`; a signed caller always.
///
/// # Errors
/// `ForbiddenException`.
fn may(call: &Call, action: Action, kind: &str, name: &str) -> Result<(), ApiError> {
    match &call.device {
        Some(device) if !device.allows(action, name) => Err(ApiError::new(
            ErrorCode::ForbiddenException,
            format!("the policies of this principal do not allow {} on {kind} `{name}`", action.name()),
        )),
        _ => Ok(()),
    }
}

/// Writes the log entry of an operation, on a client's connection where there is a client, with the attributes that `fill` adds.
fn logged<T>(
    call: &Call,
    event: EventType,
    client_id: &str,
    result: &Result<T, ApiError>,
    fill: impl FnOnce(Entry) -> Entry,
) {
    let principal = call.device.as_ref().map(|device| device.principal()).unwrap_or_default();
    let who = Who { client_id, principal, remote: Some(call.source) };
    let status = match result {
        Ok(_) => Status::Success,
        Err(error) => failure(error.code.as_str(), error.message.clone()),
    };
    call.gateway.logs().tell(event, who, status, |entry| {
        let entry = entry.with("protocol", "HTTP").with_some("clientId", Some(client_id).filter(|id| !id.is_empty()));
        let entry = entry.with_some("principalId", Some(principal).filter(|id| !id.is_empty()));
        let entry = entry.with("sourceIp", call.source.ip().to_canonical().to_string());
        fill(entry.with("sourcePort", call.source.port()))
    });
}

/// What a caller gets that may not do what it asks.
fn unauthorized(what: &str) -> ApiError {
    ApiError::new(ErrorCode::UnauthorizedException, format!("this principal is not allowed to {what}"))
}
