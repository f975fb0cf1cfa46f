//! Requests of a shadow that came as messages and were in vain: told to whoever watches, as a device that does not subscribe to
//! `…/rejected` hears nothing.

use super::operation::Operation;
use drydock_core::{ApiError, ErrorCode};
use drydock_host::Host;
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_host::once::Once;
use drydock_shadow::Updated;
use serde_json::Value;

/// Tells that a request was rejected.
pub(super) fn rejected(host: &Host, operation: Operation, client_id: Option<&str>, topic: &str, error: &ApiError) {
    host.told.notices.tell(|| Notice {
        at: host.books.now(),
        tone: Tone::Bad,
        topic: Topic::Shadow,
        subject: client_id.unwrap_or("rule").to_owned(),
        text: format!("{} on `{topic}` rejected: {} {}", operation.name(), error.code.status(), error.message),
        reasons: help(next_step(operation, error)),
    });
}

fn next_step(operation: Operation, error: &ApiError) -> &'static str {
    match error.code {
        ErrorCode::ConflictException | ErrorCode::VersionConflictException => {
            "get the shadow, and update it with the `version` that it has now, or with none"
        }
        ErrorCode::ResourceNotFoundException if operation == Operation::Get => {
            "the shadow is made by its first update: update it before it is got"
        }
        ErrorCode::ResourceNotFoundException => "the shadow is made by its first update",
        ErrorCode::ThrottlingException => {
            "wait for answers before more is asked: each thing has so many requests unanswered"
        }
        ErrorCode::RequestEntityTooLargeException => "a shadow has at most 8 KB: keep less in it",
        _ => {
            "the form is {\"state\": {\"desired\": {…}, \"reported\": {…}}}; subscribe to `…/rejected` to hear it in the device"
        }
    }
}

/// Tells, once of each shadow, that an update of what is desired brings no delta.
pub(super) fn no_delta(host: &Host, once: &Once, client_id: Option<&str>, topic: &str, updated: &Updated) {
    let desired = updated.accepted.pointer("/state/desired").is_some_and(Value::is_object);
    if !desired || updated.delta.is_some() || !host.told.notices.wanted() || !once.is_first(topic, host.books.now()) {
        return;
    }
    host.told.notices.tell(|| Notice {
        at: host.books.now(),
        tone: Tone::Aside,
        topic: Topic::Shadow,
        subject: client_id.unwrap_or("rule").to_owned(),
        text: format!("nothing on `{topic}/delta`: what is desired is reported already"),
        reasons: help("a delta comes where `desired` has a member that `reported` has not, or with another value"),
    });
}
