//! Asynchronous events are run. An event that was accepted is tried until it succeeds, its retries are exhausted or it is too
//! old, across restarts and `kill -9`, and then a record of it goes to the function's destination.
//!
//! Follows "How Lambda handles errors and retries with asynchronous invocation" and "Retaining records of asynchronous
//! invocations". Events run at least once: one that ran when the gateway was killed runs again.

use super::Lambda;
use super::definition::EventInvokeConfig;
use super::error::{LambdaError, check_payload};
use super::events::{EVENTS, Event};
use super::invocation::{Invoked, MAX_EVENT};
use crate::context::lock;
use crate::error::CloudError;
use crate::notice::Notice;
use crate::sqs::message::Attribute;
use crate::stand_in::Parcel;
use bytes::Bytes;
use drydock_core::{Arn, Write};
use drydock_timers::{Name, Work, millis};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Lambda {
    /// Invokes a function and does not wait ("Invoke" with `Event`): returns the event's request id once the event is
    /// durable. Failures are retried, and in the end handed to the function's failure destination.
    ///
    /// # Errors
    /// As [`Self::invoke`], with the smaller limit of asynchronous payloads.
    pub async fn invoke_async(self: &Arc<Self>, reference: &str, payload: Bytes) -> Result<String, LambdaError> {
        check_payload(&payload, MAX_EVENT)?;
        let name = if self.context.config.lambda.endpoint.is_some() {
            self.function(reference).map_or_else(|_| reference.to_owned(), |f| f.definition().name.clone())
        } else {
            self.function(reference)?.definition().name.clone()
        };
        accept(self, name, payload).await
    }

    /// Invokes a function asynchronously on behalf of a service, as a rule or a topic does: the function's resource policy
    /// has to allow it.
    ///
    /// # Errors
    /// `AccessDeniedException` where no statement allows it, else as [`Self::invoke_async`].
    pub async fn invoke_from(
        self: &Arc<Self>,
        principal: &str,
        source: &Arn,
        reference: &str,
        payload: Bytes,
    ) -> Result<String, LambdaError> {
        self.check_permission(principal, source, reference)?;
        self.invoke_async(reference, payload).await
    }

    /// Takes up the events that were read back.
    pub(super) fn resume_events(self: &Arc<Self>) {
        for event in std::mem::take(&mut *lock(&self.events.loaded)) {
            start(self, event);
        }
    }
}

/// Accepts an event: returns its request id once it is durable.
async fn accept(lambda: &Arc<Lambda>, function: String, payload: Bytes) -> Result<String, LambdaError> {
    let now = lambda.context.now();
    let payload = if payload.is_empty() { "{}".to_owned() } else { String::from_utf8_lossy(&payload).into_owned() };
    let event = Event { id: lambda.context.uuid(), function, payload, accepted: now, attempts: 0, next_at: now };
    let id = event.id.clone();
    lambda.context.journal.commit(vec![put(&event)?]).await?;
    lock(&lambda.events.pending).insert(id.clone());
    start(lambda, event);
    Ok(id)
}

fn start(lambda: &Arc<Lambda>, event: Event) {
    let this = Arc::clone(lambda);
    let work = lambda.context.timers.work(name(&event));
    lambda.context.spawn(async move { process(&this, event, work).await });
}

fn name(event: &Event) -> Name {
    Name::new("Lambda event", event.function.as_str())
}

fn put(event: &Event) -> Result<Write, CloudError> {
    let row =
        serde_json::to_string(event).map_err(|e| CloudError::Journal { path: EVENTS.into(), why: e.to_string() })?;
    Ok(Write::put(EVENTS, event.id.clone(), row))
}

/// How an event ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
}

impl Condition {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
        }
    }
}

/// Tries an event until it is done with. The work rests while it waits.
async fn process(lambda: &Arc<Lambda>, mut event: Event, mut work: Work) {
    let context = &lambda.context;
    let retry = &context.config.lambda.retry;
    let mut throttled = retry.throttled;
    let mut last: Option<Invoked> = None;
    // Of this run; the event's own count is of those that the function saw.
    let mut tries = event.attempts;
    loop {
        let due = context.timers.until(name(&event), event.next_at);
        drop(work);
        work = due.await;
        if !lock(&lambda.events.pending).contains(&event.id) {
            return;
        }
        let settings = lambda.function(&event.function).map(|f| f.definition().events.clone()).unwrap_or_default();
        let expires = event.accepted.plus_millis(i64::from(settings.max_age) * 1000);
        if context.now() >= expires {
            return finish(lambda, &event, &settings, Condition::EventAgeExceeded, last).await;
        }
        let payload = Bytes::from(event.payload.clone());
        tries += 1;
        let why = match lambda.invoke_as(&event.function, payload, &event.id, None).await {
            Ok(invoked) => {
                event.attempts += 1;
                let Some(why) = invoked.error_text() else {
                    return finish(lambda, &event, &settings, Condition::Success, Some(invoked)).await;
                };
                last = Some(invoked);
                if event.attempts > u32::from(settings.max_retries) {
                    return finish(lambda, &event, &settings, Condition::RetriesExhausted, last).await;
                }
                let delay = if event.attempts == 1 { retry.first } else { retry.second };
                event.next_at = context.now().plus_millis(millis(delay));
                why
            }
            Err(LambdaError::Throttled) => {
                // Not an error of anyone's: wait for a place, and no longer than AWS would.
                tries -= 1;
                let again = context.now().plus_millis(millis(throttled)).min(expires);
                work = lambda.place(&event.function, work, again).await;
                throttled = (throttled * 2).min(retry.throttled_max);
                continue;
            }
            Err(error) => {
                event.next_at = context.now().plus_millis(millis(throttled));
                throttled = (throttled * 2).min(retry.throttled_max);
                error.to_string()
            }
        };
        // A crash before this is on disk costs a repeated attempt, which at-least-once allows.
        if let Ok(write) = put(&event) {
            context.journal.submit(vec![write]);
        }
        let retry_in_ms = Some(event.next_at.since(context.now()));
        tell(lambda, &event, tries, why, retry_in_ms);
    }
}

fn tell(lambda: &Lambda, event: &Event, attempts: u32, why: String, retry_in_ms: Option<i64>) {
    lambda.context.tell(Notice::AsyncFailed {
        function: event.function.clone(),
        request_id: event.id.clone(),
        attempts,
        why,
        retry_in_ms,
    });
}

/// Hands the record of an event to whom it concerns, then forgets the event.
async fn finish(
    lambda: &Arc<Lambda>,
    event: &Event,
    settings: &EventInvokeConfig,
    condition: Condition,
    last: Option<Invoked>,
) {
    let failed = condition != Condition::Success;
    if failed {
        let why = last.as_ref().and_then(Invoked::error_text).unwrap_or_else(|| "it was never run".into());
        tell(lambda, event, event.attempts, format!("{}: {why}", condition.as_str()), None);
    }
    let destination = if failed { &settings.on_failure } else { &settings.on_success };
    if let Some(to) = destination {
        let body = record(lambda, event, condition, last.as_ref());
        deliver(lambda, event, to, Parcel { body, ..Parcel::default() }).await;
    }
    if let (true, Some(to)) = (failed, &settings.dead_letter) {
        let message = last.as_ref().and_then(Invoked::error_text).unwrap_or_default();
        let number = |text: &str| Attribute { data_type: "Number".into(), ..Attribute::string(text) };
        let mut attributes = BTreeMap::from([
            ("RequestID".to_owned(), Attribute::string(&event.id)),
            ("ErrorCode".to_owned(), number("200")),
        ]);
        if !message.is_empty() {
            let message: String = message.chars().take(1024).collect();
            attributes.insert("ErrorMessage".to_owned(), Attribute::string(message));
        }
        deliver(lambda, event, to, Parcel { body: event.payload.clone(), attributes, sender: None }).await;
    }
    lock(&lambda.events.pending).remove(&event.id);
    if let Err(error) = lambda.context.journal.commit(vec![Write::delete(EVENTS, event.id.clone())]).await {
        tracing::error!(%error, event = event.id, "a finished event could not be taken out of the journal");
    }
}

async fn deliver(lambda: &Arc<Lambda>, event: &Event, to: &Arn, parcel: Parcel) {
    if let Err(why) = lambda.outlets.send(to, parcel).await {
        let from = lambda.arn(&event.function).to_string();
        lambda.context.tell(Notice::DeliveryFailed { from, to: to.to_string(), why });
    }
}

/// The record of an event ("Adding a destination", the example of an invocation record).
fn record(lambda: &Lambda, event: &Event, condition: Condition, last: Option<&Invoked>) -> String {
    let mut record = json!({
        "version": "1.0",
        "timestamp": lambda.context.now().to_string(),
        "requestContext": {
            "requestId": event.id,
            "functionArn": format!("{}:$LATEST", lambda.arn(&event.function)),
            "condition": condition.as_str(),
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": parse(&event.payload),
    });
    if let (Some(last), Value::Object(map)) = (last, &mut record) {
        let mut context = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if let (Some(error), Value::Object(context)) = (last.function_error, &mut context) {
            context.insert("functionError".into(), error.into());
        }
        map.insert("responseContext".into(), context);
        map.insert("responsePayload".into(), parse(&String::from_utf8_lossy(&last.payload)));
    }
    record.to_string()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
