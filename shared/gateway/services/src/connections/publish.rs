//! A publish that comes over HTTP, signed or with a certificate: checked as one over MQTT is, then handed to the broker.
//!
//! Follows "HTTPS" under "Device communication protocols" of the AWS IoT Core developer guide, and "Publish" of the data plane.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drydock_broker::{Caller, JournalError, Message, Properties, PublishError, Qos};
use drydock_core::{ApiError, ErrorCode, Topic};
use drydock_host::Host;
use drydock_model::iot_data::{PayloadFormatIndicator, PublishRequest};
use serde_json::Value;

/// The longest message expiry, in seconds.
const MAX_EXPIRY: i64 = 604_800;

/// Publishes for a caller; `allowed` decides on the topic and on whether the message may be retained.
///
/// # Errors
/// `InvalidRequestException` for what AWS does not take, `UnauthorizedException` where `allowed` says no.
pub async fn publish(
    host: &Host,
    request: PublishRequest,
    caller: Option<&Caller>,
    allowed: impl Fn(&str, bool) -> bool,
) -> Result<(), ApiError> {
    let retain = request.retain.unwrap_or_default();
    let message = message(host, request)?;
    if !allowed(&message.topic, retain) {
        return Err(ApiError::new(
            ErrorCode::UnauthorizedException,
            format!("the policies of this principal do not allow to publish to `{}`", message.topic),
        ));
    }
    let refused = |error: PublishError| match error {
        PublishError::Throttled(_) => ApiError::new(ErrorCode::ThrottlingException, error.to_string()),
        _ => ApiError::invalid(error.to_string()),
    };
    let taken = host.broker.publish_of(message, caller).map_err(refused)?;
    let failed = |error: JournalError| ApiError::new(ErrorCode::InternalFailureException, error.to_string());
    taken.durable().await.map_err(failed)
}

/// The message that a request describes.
pub(crate) fn message(host: &Host, request: PublishRequest) -> Result<Message, ApiError> {
    let topic = Topic::new(&request.topic)?;
    let retain = request.retain.unwrap_or_default();
    let payload = request.payload.unwrap_or_default();
    let qos = u8::try_from(request.qos.unwrap_or_default()).ok().and_then(Qos::from_number);
    let qos = qos.ok_or_else(|| ApiError::invalid("qos must be 0 or 1"))?;
    let properties = Properties {
        payload_is_utf8: request.payload_format_indicator.map(|format| format == PayloadFormatIndicator::Utf8Data),
        content_type: request.content_type.map(Into::into),
        response_topic: request
            .response_topic
            .map(|topic| Topic::new(&topic).map(|t| t.as_str().into()))
            .transpose()?,
        correlation_data: request
            .correlation_data
            .map(|data| decode("correlationData", &data))
            .transpose()?
            .map(Into::into),
        user: request.user_properties.as_deref().map(user_properties).transpose()?.unwrap_or_default(),
    };
    let mut message =
        Message::new(topic.as_str(), payload).with_qos(qos).with_retain(retain).with_properties(properties);
    if let Some(seconds) = request.message_expiry {
        message.expires_at = Some(host.books.now().plus_millis(seconds.clamp(1, MAX_EXPIRY) * 1000));
    }
    Ok(message)
}

fn decode(name: &str, text: &str) -> Result<Vec<u8>, ApiError> {
    STANDARD.decode(text).map_err(|error| ApiError::invalid(format!("{name} is not base64: {error}")))
}

/// Reads `[{"name": "value"}, …]`, which the caller's SDK has taken out of base64 already or not.
fn user_properties(text: &str) -> Result<Vec<(smol_str::SmolStr, smol_str::SmolStr)>, ApiError> {
    let malformed =
        || ApiError::invalid("userProperties must be base64 of a JSON array of objects with one string each");
    let value: Value = serde_json::from_str(text)
        .or_else(|_| {
            STANDARD.decode(text).map_err(|_| ()).and_then(|bytes| serde_json::from_slice(&bytes).map_err(|_| ()))
        })
        .map_err(|()| malformed())?;
    let mut properties = Vec::new();
    for pair in value.as_array().ok_or_else(malformed)? {
        for (name, value) in pair.as_object().ok_or_else(malformed)? {
            properties.push((name.as_str().into(), value.as_str().ok_or_else(malformed)?.into()));
        }
    }
    Ok(properties)
}
