//! Retained messages: "GetRetainedMessage" and "ListRetainedMessages" of the data plane's API reference.

use crate::call::{Call, logged, unauthorized};
use drydock_core::{ApiError, Timestamp, page};
use drydock_logging::EventType;
use drydock_model::Router;
use drydock_model::iot_data::{
    GetRetainedMessageResponse, ListRetainedMessagesRequest, ListRetainedMessagesResponse, RetainedMessageSummary, ops,
};
use drydock_policy::Action;

const LIST: &str = "ListRetainedMessages";
/// AWS names 200 as the most and no default; the most it is.
const PAGE: i32 = 200;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::GetRetainedMessage>(|call: Call, input| async move {
        let topic = input.topic.clone();
        let result = get(&call, input.topic);
        let (qos, at) = match &result {
            Ok(found) => (found.qos.map(|qos| qos.to_string()), found.last_modified_time),
            Err(_) => (None, None),
        };
        logged(&call, EventType::GetRetainedMessage, "", &result, |entry| {
            let at = at.map(|at| drydock_logging::stamp(Timestamp(at)));
            entry.with("topicName", topic).with_some("qos", qos).with_some("lastModifiedDate", at)
        });
        result
    });
    router.on::<ops::ListRetainedMessages>(|call: Call, input| async move {
        let result = list(&call, &input);
        logged(&call, EventType::ListRetainedMessage, "", &result, |entry| entry);
        result
    });
}

fn get(call: &Call, topic: String) -> Result<GetRetainedMessageResponse, ApiError> {
    if call.device.as_ref().is_some_and(|device| !device.allows(Action::GetRetainedMessage, &topic)) {
        return Err(unauthorized(&format!("read the retained message of `{topic}`")));
    }
    let found = call.host().broker.retained(&topic);
    let found = found.ok_or_else(|| ApiError::not_found(format!("topic `{topic}` has no retained message")))?;
    let user = found.message.properties.as_ref().map(|p| &p.user).filter(|user| !user.is_empty());
    let user_properties = user.map(|user| {
        let pairs = user.iter().map(|(name, value)| serde_json::json!({ name.as_str(): value.as_str() }));
        serde_json::Value::Array(pairs.collect()).to_string().into()
    });
    Ok(GetRetainedMessageResponse {
        topic: Some(topic),
        payload: Some(found.message.payload.clone()),
        qos: Some(found.message.qos as i32),
        last_modified_time: Some(found.at.millis()),
        user_properties,
    })
}

fn list(call: &Call, input: &ListRetainedMessagesRequest) -> Result<ListRetainedMessagesResponse, ApiError> {
    if call.device.as_ref().is_some_and(|device| !device.allows(Action::ListRetainedMessages, "*")) {
        return Err(unauthorized("list retained messages"));
    }
    let after = input.next_token.as_deref().map(|token| page::place(LIST, token)).transpose()?;
    let limit = usize::try_from(input.max_results.unwrap_or(PAGE)).unwrap_or_default();
    let found = call.host().broker.retained_after(after.as_deref(), limit + 1);
    let (found, next) = page::cut(found.into_iter(), limit, |retained| retained.message.topic.to_string());
    let summary = |retained: drydock_broker::Retained| RetainedMessageSummary {
        topic: Some(retained.message.topic.to_string()),
        payload_size: i64::try_from(retained.message.payload.len()).ok(),
        qos: Some(retained.message.qos as i32),
        last_modified_time: Some(retained.at.millis()),
    };
    Ok(ListRetainedMessagesResponse {
        retained_topics: Some(found.into_iter().map(summary).collect()),
        next_token: next.map(|place| page::token(LIST, &place)),
    })
}
