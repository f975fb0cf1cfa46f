//! A message to one client: "SendDirectMessage" of the data plane's API reference, and "Direct messaging" in the guide.

use crate::call::{Call, may};
use drydock_broker::{DirectError, Message, Qos, Who};
use drydock_core::{ApiError, ErrorCode, Ids, Timestamp};
use drydock_logging::{EventType, Status};
use drydock_model::Router;
use drydock_model::iot_data::{PublishRequest, SendDirectMessageRequest, SendDirectMessageResponse, ops};
use drydock_policy::Action;
use std::time::Duration;

/// Seconds that a confirmation may be waited for.
const TIMEOUTS: std::ops::RangeInclusive<i32> = 1..=15;
/// Seconds where the caller does not say.
const TIMEOUT: i32 = 5;

/// Why a message was not sent or not confirmed: the reason as AWS's log entries name it, and what the caller is told.
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) error: ApiError,
}

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::SendDirectMessage>(|call: Call, input| async move {
        may(&call, Action::SendDirectMessage, "client", &input.client_id)?;
        let (client_id, topic) = (input.client_id.clone(), input.topic.clone());
        let (confirmation, timeout) = (input.confirmation.unwrap_or_default(), input.timeout.unwrap_or(TIMEOUT));
        let result = send(&call, input).await;
        let status = match &result {
            Ok(_) => Status::Success,
            Err(failed) => drydock_host::logs::failure(failed.reason, failed.error.message.clone()),
        };
        let who = Who { client_id: &client_id, principal: "", remote: None };
        call.host().told.logs.tell(EventType::SendDirectMessage, who, status, |entry| {
            let entry = entry.with("protocol", "HTTP").with("topicName", topic).with("clientId", client_id.as_str());
            entry.with("confirmation", confirmation).with("timeout", timeout)
        });
        result.map_err(|failed| failed.error)
    });
}

fn failure(reason: &'static str, code: ErrorCode, why: impl std::fmt::Display) -> Failure {
    Failure { reason, error: ApiError::new(code, format!("{reason}: {why}")) }
}

async fn send(call: &Call, input: SendDirectMessageRequest) -> Result<SendDirectMessageResponse, Failure> {
    let confirmation = input.confirmation.unwrap_or_default();
    let timeout = input.timeout.unwrap_or(TIMEOUT);
    // It means nothing where nothing is confirmed, and is not looked at.
    if confirmation && !TIMEOUTS.contains(&timeout) {
        let why = format!("timeout is {timeout}, and may be 1 to 15 seconds");
        return Err(failure("INVALID_TIMEOUT_PARAMETER", ErrorCode::InvalidRequestException, why));
    }
    let client_id = input.client_id.clone();
    let message = message(call, input, confirmation)?;
    let broker = &call.host().broker;
    let known = broker.connection(&client_id).is_some() || broker.subscriptions(&client_id).is_ok();
    let sent = broker.send_direct(&client_id, message, true);
    let confirmed = sent.map_err(|error| refused(&error, known))?;
    if let Some(confirmed) = confirmed {
        let patience = Duration::from_secs(u64::try_from(timeout).unwrap_or_default());
        match tokio::time::timeout(patience, confirmed).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                let why = format!("client `{client_id}` went before it acknowledged the message");
                return Err(failure("CLIENT_ENDPOINT_NOT_WRITABLE", ErrorCode::GatewayTimeoutException, why));
            }
            Err(_) => {
                let why = format!("client `{client_id}` did not acknowledge the message within {timeout} seconds");
                return Err(failure("DELIVERY_CONFIRMATION_TIMEOUT", ErrorCode::GatewayTimeoutException, why));
            }
        }
    }
    let trace = call.books().ids.uuid().to_string();
    Ok(SendDirectMessageResponse { message: Some("OK".to_owned()), trace_id: Some(trace) })
}

/// The message, at QoS 1 where it is to be confirmed.
fn message(call: &Call, input: SendDirectMessageRequest, confirmation: bool) -> Result<Message, Failure> {
    let topic = input.topic;
    if topic.starts_with('$') {
        let why = format!("topic `{topic}` starts with `$`");
        return Err(failure("INVALID_TOPIC", ErrorCode::InvalidRequestException, why));
    }
    let qos = if confirmation { Qos::AtLeastOnce } else { Qos::AtMostOnce };
    let request = PublishRequest {
        topic,
        payload: input.payload,
        qos: Some(qos as i32),
        content_type: input.content_type,
        response_topic: input.response_topic,
        correlation_data: input.correlation_data,
        payload_format_indicator: input.payload_format_indicator,
        user_properties: input.user_properties,
        ..PublishRequest::default()
    };
    let mut message = crate::connections::publish::message(call.host(), request)
        .map_err(|error| Failure { reason: "INVALID_TOPIC", error })?;
    if confirmation {
        // Nobody waits for it any longer than that.
        let now: Timestamp = call.books().now();
        message.expires_at = Some(now.plus_millis(i64::from(*TIMEOUTS.end()) * 1000));
    }
    Ok(message)
}

/// What the broker's refusal is called. `known` where the client is or was connected, or has a session.
fn refused(error: &DirectError, known: bool) -> Failure {
    let (reason, code) = match error {
        DirectError::NotConnected(_) if known => ("TARGET_CLIENT_NOT_CONNECTED", ErrorCode::ResourceNotFoundException),
        DirectError::NotConnected(_) => ("TARGET_CLIENT_ID_NOT_FOUND", ErrorCode::ResourceNotFoundException),
        DirectError::NotAuthorized(..) => ("RECEIVE_AUTHORIZATION_FAILURE", ErrorCode::ForbiddenException),
        DirectError::Unacknowledged(..) => ("RECEIVER_MAX_UNACKED_QOS1_EXCEEDED", ErrorCode::ThrottlingException),
        DirectError::InvalidTopic(_) => ("INVALID_TOPIC", ErrorCode::InvalidRequestException),
        DirectError::TooLarge(..) => {
            let error = ApiError::new(ErrorCode::RequestEntityTooLargeException, error.to_string());
            return Failure { reason: "REQUEST_ENTITY_TOO_LARGE", error };
        }
    };
    failure(reason, code, error)
}
