//! What devices are told over MQTT.
//!
//! Source: "Jobs device MQTT API operations" and "Jobs notifications" of the developer guide. A document is an object there,
//! while HTTPS has it as a text.

use crate::device::Refused;
use drydock_core::Timestamp;
use drydock_model::iot_jobs_data::{GetPendingJobExecutionsResponse, JobExecution, UpdateJobExecutionResponse};
use serde_json::{Map, Value, json};

/// The most executions that `notify` lists.
const MOST_LISTED: usize = 10;

/// A body with the time, and the client token where there is one.
fn body(now: Timestamp, token: Option<&str>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("timestamp".to_owned(), now.seconds().into());
    if let Some(token) = token {
        body.insert("clientToken".to_owned(), token.into());
    }
    body
}

/// A document as the value that it is.
fn parsed(document: Option<String>) -> Option<Value> {
    // It was JSON when the job was made, and stays so.
    document.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn of_execution(mut execution: JobExecution) -> Value {
    let document = parsed(execution.job_document.take());
    let mut shown = execution.to_json();
    if let (Some(document), Some(members)) = (document, shown.as_object_mut()) {
        members.insert("jobDocument".to_owned(), document);
    }
    shown
}

/// "GetPendingJobExecutions" accepted.
#[must_use]
pub fn pending(found: &GetPendingJobExecutionsResponse, now: Timestamp, token: Option<&str>) -> Value {
    let mut body = body(now, token);
    if let Value::Object(lists) = found.to_json() {
        body.extend(lists);
    }
    body.into()
}

/// "StartNextPendingJobExecution" or "DescribeJobExecution" accepted; without `execution` where nothing is pending.
#[must_use]
pub fn execution(found: Option<JobExecution>, now: Timestamp, token: Option<&str>) -> Value {
    let mut body = body(now, token);
    if let Some(execution) = found {
        body.insert("execution".to_owned(), of_execution(execution));
    }
    body.into()
}

/// "UpdateJobExecution" accepted.
#[must_use]
pub fn updated(answer: UpdateJobExecutionResponse, now: Timestamp, token: Option<&str>) -> Value {
    let mut body = body(now, token);
    if let Some(state) = answer.execution_state {
        body.insert("executionState".to_owned(), state.to_json());
    }
    if let Some(document) = parsed(answer.job_document) {
        body.insert("jobDocument".to_owned(), document);
    }
    body.into()
}

/// What is refused.
#[must_use]
pub fn rejected(refused: &Refused, now: Timestamp, token: Option<&str>) -> Value {
    let mut body = body(now, token);
    body.insert("code".to_owned(), refused.refusal.as_str().into());
    body.insert("message".to_owned(), refused.message.as_str().into());
    if let Some(state) = &refused.state {
        body.insert("executionState".to_owned(), state.to_json());
    }
    body.into()
}

/// `notify`: the list of what is pending has changed.
#[must_use]
pub fn notify(found: GetPendingJobExecutionsResponse, now: Timestamp) -> Value {
    let (mut jobs, mut left) = (Map::new(), MOST_LISTED);
    for (name, list) in [("IN_PROGRESS", found.in_progress_jobs), ("QUEUED", found.queued_jobs)] {
        let listed: Vec<Value> = list.unwrap_or_default().iter().take(left).map(|one| one.to_json()).collect();
        left -= listed.len();
        if !listed.is_empty() {
            jobs.insert(name.to_owned(), listed.into());
        }
    }
    json!({ "timestamp": now.seconds(), "jobs": jobs })
}

/// `notify-next`: another execution is the next, or none is.
#[must_use]
pub fn notify_next(next: Option<JobExecution>, now: Timestamp) -> Value {
    let mut body = body(now, None);
    if let Some(mut execution) = next {
        // The thing is in the topic.
        execution.thing_name = None;
        body.insert("execution".to_owned(), of_execution(execution));
    }
    body.into()
}
