//! What jobs tell on `$aws/events/…`: jobs and job executions that come to something. Both kinds are off until
//! `UpdateEventConfigurations` switches them on.
//!
//! Follows "Jobs events" of the AWS IoT Core developer guide: the time of an event is in seconds there, the times of a job are in
//! milliseconds.

use drydock_core::event::jobs::{ExecutionState, JobStage, JobState};
use drydock_core::{Event, Scope, Timestamp};
use serde_json::{Map, Value, json};

/// The topic and the payload of an event of jobs, under an id of its own.
pub(super) fn message(scope: &Scope, id: &str, event: &Event) -> Option<(String, Value)> {
    match event {
        Event::JobChanged { job, stage, at } => {
            let operation = stage.as_str();
            let mut body = head("JOB", operation, id, *at);
            of_job(&mut body, job, *stage);
            Some((format!("$aws/events/job/{}/{operation}", job.id), body.into()))
        }
        Event::JobExecutionChanged { execution, stage, at } => {
            let operation = stage.as_str();
            let ExecutionState { job, thing, details, .. } = execution.as_ref();
            let mut body = head("JOB_EXECUTION", operation, id, *at);
            body.insert("jobId".to_owned(), json!(job));
            body.insert("thingArn".to_owned(), json!(scope.thing(thing)));
            body.insert("status".to_owned(), operation.to_uppercase().into());
            body.insert("statusDetails".to_owned(), json!(details));
            Some((format!("$aws/events/jobExecution/{job}/{operation}"), body.into()))
        }
        _ => None,
    }
}

fn head(event_type: &str, operation: &str, id: &str, at: Timestamp) -> Map<String, Value> {
    let head = [
        ("eventType", event_type.into()),
        ("eventId", id.into()),
        ("timestamp", at.seconds().into()),
        ("operation", operation.into()),
    ];
    head.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect()
}

fn of_job(body: &mut Map<String, Value>, job: &JobState, stage: JobStage) {
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    put("jobId", json!(job.id));
    put("status", stage.as_str().to_uppercase().into());
    put("targetSelection", job.selection.into());
    put("targets", json!(job.targets));
    if let Some(description) = &job.description {
        put("description", json!(description));
    }
    if let Some(comment) = job.comment.as_ref().filter(|_| stage != JobStage::Completed) {
        put("comment", json!(comment));
    }
    put("createdAt", job.created.millis().into());
    put("lastUpdatedAt", job.updated.millis().into());
    if stage == JobStage::Completed {
        put("completedAt", json!(job.completed.map(Timestamp::millis)));
        let counts: Map<String, Value> =
            job.counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
        put("jobProcessDetails", counts.into());
    }
}
