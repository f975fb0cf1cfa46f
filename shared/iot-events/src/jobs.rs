//! `$aws/events/job/<jobId>/<operation>` and `$aws/events/jobExecution/<jobId>/<operation>`, after "Jobs events" of the AWS IoT
//! guide. Both kinds are off until `UpdateEventConfigurations` switches them on.
//!
//! An event says that a job or a job execution came to something, and may come twice, late, or after a later one: whoever has to
//! know how a job stands asks `DescribeJob`.

use crate::lenient;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Either event, told apart by `eventType`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "eventType")]
pub enum JobsEvent {
    /// A job came to something.
    #[serde(rename = "JOB")]
    Job(JobEvent),
    /// A job execution came to something.
    #[serde(rename = "JOB_EXECUTION")]
    JobExecution(JobExecutionEvent),
}

impl JobsEvent {
    /// The job that it is about.
    #[must_use]
    pub fn job_id(&self) -> &str {
        match self {
            Self::Job(event) => &event.job_id,
            Self::JobExecution(event) => &event.job_id,
        }
    }
}

/// A job came to something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobEvent {
    /// Unique to the event.
    pub event_id: String,
    /// When it was told, in seconds since 1970.
    pub timestamp: i64,
    /// What the job came to: `completed`, `canceled`, `deleted`, `cancellation_in_progress`, `deletion_in_progress`.
    pub operation: String,
    /// The job.
    pub job_id: String,
    /// The same as `operation`, in AWS's capitals.
    pub status: String,
    /// `SNAPSHOT` or `CONTINUOUS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_selection: Option<String>,
    /// The ARNs of its things and groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// What somebody wrote when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What somebody wrote when it was canceled or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When it was made, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When it changed last, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<i64>,
    /// When it was completed, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<i64>,
    /// How many executions are in which status, once it is completed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub job_process_details: BTreeMap<String, i64>,
}

/// A job execution came to something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobExecutionEvent {
    /// Unique to the event.
    pub event_id: String,
    /// When it was told, in seconds since 1970.
    pub timestamp: i64,
    /// What the execution came to: `succeeded`, `failed`, `rejected`, `canceled`, `timed_out`, `removed`, `deleted`.
    pub operation: String,
    /// The job.
    pub job_id: String,
    /// The thing's ARN.
    pub thing_arn: String,
    /// The same as `operation`, in AWS's capitals.
    pub status: String,
    /// What the device said last.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub status_details: BTreeMap<String, String>,
}

impl JobExecutionEvent {
    /// The thing's name, as its ARN has it.
    #[must_use]
    pub fn thing_name(&self) -> Option<&str> {
        self.thing_arn.split_once(":thing/").map(|(_, name)| name).filter(|name| !name.is_empty())
    }
}
