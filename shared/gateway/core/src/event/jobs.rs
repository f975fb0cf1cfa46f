//! What the events of jobs carry: all that "Jobs events" of the developer guide tells, so that a consumer need not ask for a job
//! that is gone since.

use crate::clock::Timestamp;
use crate::names::ThingName;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// What a job has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are AWS's own, described in the guide's page on jobs events")]
pub enum JobStage {
    Completed,
    Canceled,
    Deleted,
    CancellationInProgress,
    DeletionInProgress,
}

impl JobStage {
    /// AWS's word for it as the last level of the topic; in capitals it is the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Canceled => "canceled",
            Self::Deleted => "deleted",
            Self::CancellationInProgress => "cancellation_in_progress",
            Self::DeletionInProgress => "deletion_in_progress",
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// Its id.
    pub id: SmolStr,
    /// `SNAPSHOT` or `CONTINUOUS`.
    pub selection: &'static str,
    /// The ARNs of its targets.
    pub targets: Vec<String>,
    /// What it is.
    pub description: Option<String>,
    /// Why it was canceled.
    pub comment: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it changed last.
    pub updated: Timestamp,
    /// When it was completed or canceled.
    pub completed: Option<Timestamp>,
    /// How many of its executions ended how: `numberOf…Things`, by AWS's names.
    pub counts: Vec<(&'static str, i32)>,
}

/// What a job execution has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are AWS's own, described in the guide's page on jobs events")]
pub enum ExecutionStage {
    Succeeded,
    Failed,
    Rejected,
    Canceled,
    TimedOut,
    Removed,
    Deleted,
}

impl ExecutionStage {
    /// AWS's word for it as the last level of the topic; in capitals it is the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::TimedOut => "timed_out",
            Self::Removed => "removed",
            Self::Deleted => "deleted",
        }
    }
}

/// A job on a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionState {
    /// The job.
    pub job: SmolStr,
    /// The thing.
    pub thing: ThingName,
    /// Starts at 1 and goes up with each execution of the job on the thing.
    pub number: i64,
    /// What the device said of it.
    pub details: BTreeMap<String, String>,
}
