//! The operations over AWS JSON 1.1, a line each; any other is refused by name.

use super::answer::Answer;
use super::put::test_pattern;
use super::{Events, SERVICE};
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn};
use crate::wire::{self, json};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Reminder;
use http::{Request, Response};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

#[async_trait]
impl StandIn for Events {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        match dispatch(&self, &request).await {
            // Some operations answer nothing at all.
            Ok(Value::Null) => wire::response(200, CONTENT_TYPE, Bytes::new()),
            Ok(answer) => wire::response(200, CONTENT_TYPE, answer.to_string()),
            Err((code, message)) => {
                let status = match code {
                    "InternalException" => 500,
                    "NotImplementedException" => 501,
                    _ => 400,
                };
                let body = serde_json::json!({ "__type": code, "message": message });
                wire::response(status, CONTENT_TYPE, body.to_string())
            }
        }
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        json::refusal(refusal)
    }

    fn reminder(&self) -> Option<Reminder> {
        Some(self.reminder.clone())
    }

    /// The template has said what it says by now, and functions are there.
    fn resume(self: Arc<Self>) {
        self.drop_sleepers();
        self.ready.store(true, Ordering::Release);
        self.reminder.by(self.context.now());
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

async fn dispatch(events: &Events, request: &Request<Bytes>) -> Answer {
    let Some(operation) = json::operation(request, &["AWSEvents."]) else {
        return Err((
            "UnknownOperationException",
            "the request names no operation in `X-Amz-Target: AWSEvents.…`".to_owned(),
        ));
    };
    let body: Map<String, Value> = serde_json::from_slice(request.body())
        .map_err(|error| ("SerializationException", format!("the body is not a JSON object: {error}")))?;
    match operation {
        "DeleteRule" => events.delete_rule(&body).await,
        "DescribeEventBus" => events.describe_bus(&body),
        "DescribeRule" => events.describe_rule(&body),
        "DisableRule" => events.switch(&body, "DISABLED").await,
        "EnableRule" => events.switch(&body, "ENABLED").await,
        "ListEventBuses" => events.list_buses(&body),
        "ListRuleNamesByTarget" => events.list_names(&body),
        "ListRules" => events.list_rules(&body),
        "ListTagsForResource" => events.list_tags(&body),
        "ListTargetsByRule" => events.list_targets(&body),
        "PutEvents" => events.put_events(&body).await,
        "PutRule" => events.put_rule(&body).await,
        "PutTargets" => events.put_targets(&body).await,
        "RemoveTargets" => events.remove_targets(&body).await,
        "TagResource" => events.tag(&body).await,
        "TestEventPattern" => test_pattern(&body),
        "UntagResource" => events.untag(&body).await,
        other => {
            let what = format!("the EventBridge operation `{other:.80}` is not implemented by this gateway");
            Err(("NotImplementedException", what))
        }
    }
}
