//! What devices were given, and what became of it: a row for each job execution that came to an end.

use super::job::JobName;
use super::state::Release;
use crate::conditional::{Change, Condition, Value};
use iot_events::JobExecutionEvent;

/// The row of an execution that came to an end, by the thing's name and, as the sort key, the time and the job; `None` if it came to
/// nothing that a device knows of (it was canceled, removed or deleted). Refused if it is there: the event came twice.
#[must_use]
pub fn row(release: &Release, job: &JobName, event: &JobExecutionEvent) -> Option<Change> {
    if !["succeeded", "failed", "rejected", "timed_out"].contains(&event.operation.as_str()) {
        return None;
    }
    let what = release.what(job.part);
    let change = Change::of("thingName", event.thing_name()?)
        .and_key("ended", format!("{:012}#{}", event.timestamp, event.job_id))
        .when(Condition::Missing("thingName".into()))
        .set("releaseId", release.id())
        .set("environment", release.definition.environment.as_str())
        .set("jobId", event.job_id.as_str())
        .set("what", what.label())
        .set("outcome", event.operation.as_str())
        .set("endedAt", event.timestamp.saturating_mul(1000))
        .set("details", Value::Document(serde_json::json!(event.status_details)));
    Some(change)
}
