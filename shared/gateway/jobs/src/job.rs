//! A job as it is kept.

use crate::assignment::Assignment;
use crate::install::{Artifacts, Install};
use crate::schedule::Schedule;
use crate::wire;
use drydock_core::event::jobs::JobState;
use drydock_core::{Scope, ThingName, Timestamp};
use drydock_model::iot::{
    AbortConfig, JobExecutionStatus as Status, JobExecutionsRetryConfig, JobExecutionsRolloutConfig, JobProcessDetails,
    JobStatus, PresignedUrlConfig, SchedulingConfig, TargetSelection, TimeoutConfig,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// What jobs and job templates have in common: how executions are made, and end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) presigned: Option<PresignedUrlConfig>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) rollout: Option<JobExecutionsRolloutConfig>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) abort: Option<AbortConfig>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<TimeoutConfig>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) retry: Option<JobExecutionsRetryConfig>,
}

/// A job; its key is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobRow {
    /// As it is handed out, but for what is filled in each time.
    pub(crate) document: String,
    /// As it was given, where parameters were put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) original: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parameters: Option<BTreeMap<String, String>>,
    /// The ARNs of the package versions that it installs, as they were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) destinations: Option<Vec<String>>,
    /// The same as they were when it was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) installs: Vec<Install>,
    /// The artifacts of package versions that its document links to.
    #[serde(default, skip_serializing_if = "Artifacts::is_empty")]
    pub(crate) artifacts: Artifacts,
    pub(crate) targets: Vec<String>,
    /// The ids of the groups among the targets, by their names.
    #[serde(default)]
    pub(crate) groups: BTreeMap<SmolStr, String>,
    #[serde(with = "wire")]
    pub(crate) selection: TargetSelection,
    #[serde(default)]
    pub(crate) config: Config,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) scheduling: Option<SchedulingConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<SmolStr>,
    #[serde(with = "wire")]
    pub(crate) status: JobStatus,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) forced: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completed: Option<Timestamp>,
    /// How many executions the rollout has made.
    #[serde(default)]
    pub(crate) notified: i64,
    /// When the rollout goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_rollout: Option<Timestamp>,
    /// Whether its end time has passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ended: bool,
    /// Where it has maintenance windows: whether one is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<Window>,
}

/// Where a job is between its maintenance windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Window {
    pub(crate) open: bool,
    /// When it closes, or when the next one opens; `None` where none will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
}

/// How many executions are in which status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts([i32; 8]);

fn place(status: Status) -> usize {
    match status {
        Status::Queued => 0,
        Status::InProgress => 1,
        Status::Succeeded => 2,
        Status::Failed => 3,
        Status::TimedOut => 4,
        Status::Rejected => 5,
        Status::Removed => 6,
        Status::Canceled => 7,
    }
}

impl Counts {
    pub(crate) fn of(&self, status: Status) -> i32 {
        self.0.get(place(status)).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, status: Status, by: i32) {
        if let Some(count) = self.0.get_mut(place(status)) {
            *count += by;
        }
    }
}

/// A job, with all that it is on its things, and what follows from that.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) row: JobRow,
    pub(crate) schedule: Schedule,
    pub(crate) things: BTreeMap<ThingName, Assignment>,
    pub(crate) counts: Counts,
    /// The things on which an execution is to be made.
    pub(crate) waiting: BTreeSet<ThingName>,
    /// When it is looked at next.
    pub(crate) tick: Option<Timestamp>,
}

impl Job {
    pub(crate) fn new(row: JobRow, schedule: Schedule) -> Self {
        Self { row, schedule, things: BTreeMap::new(), counts: Counts::default(), waiting: BTreeSet::new(), tick: None }
    }

    /// Whether executions may be made and begun: it is no time outside of its maintenance windows.
    pub(crate) fn is_open(&self) -> bool {
        self.row.window.is_none_or(|window| window.open)
    }

    /// Whether it makes further executions.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.row.status, JobStatus::InProgress | JobStatus::Scheduled) && !self.row.ended
    }

    pub(crate) fn is_rolling_out(&self) -> bool {
        self.row.status == JobStatus::InProgress && !self.waiting.is_empty()
    }

    /// When it is to be looked at next.
    pub(crate) fn wakes(&self) -> Option<Timestamp> {
        let row = &self.row;
        let end = self.schedule.end.filter(|_| !row.ended);
        match row.status {
            JobStatus::Scheduled => self.schedule.start.into_iter().chain(end).min(),
            JobStatus::InProgress => {
                let window = row.window.filter(|_| !row.ended).and_then(|window| window.until);
                let rollout = row.next_rollout.filter(|_| !self.waiting.is_empty() && self.is_open() && !row.ended);
                [end, window, rollout].into_iter().flatten().min()
            }
            JobStatus::Canceled | JobStatus::Completed | JobStatus::DeletionInProgress => None,
        }
    }

    pub(crate) fn details(&self) -> JobProcessDetails {
        let of = |status| Some(self.counts.of(status));
        let rolling = self.is_active() && !self.waiting.is_empty();
        JobProcessDetails {
            number_of_canceled_things: of(Status::Canceled),
            number_of_failed_things: of(Status::Failed),
            number_of_in_progress_things: of(Status::InProgress),
            number_of_queued_things: of(Status::Queued),
            number_of_rejected_things: of(Status::Rejected),
            number_of_removed_things: of(Status::Removed),
            number_of_succeeded_things: of(Status::Succeeded),
            number_of_timed_out_things: of(Status::TimedOut),
            processing_targets: rolling.then(|| self.row.targets.clone()),
        }
    }

    /// As events tell of it.
    pub(crate) fn state(&self, id: &SmolStr) -> JobState {
        let row = &self.row;
        let counts = [
            ("numberOfCanceledThings", Status::Canceled),
            ("numberOfRejectedThings", Status::Rejected),
            ("numberOfFailedThings", Status::Failed),
            ("numberOfRemovedThings", Status::Removed),
            ("numberOfSucceededThings", Status::Succeeded),
            ("numberOfTimedOutThings", Status::TimedOut),
        ];
        JobState {
            id: id.clone(),
            selection: row.selection.as_str(),
            targets: row.targets.clone(),
            description: row.config.description.clone(),
            comment: row.comment.clone(),
            created: row.created,
            updated: row.updated,
            completed: row.completed,
            counts: counts.into_iter().map(|(name, status)| (name, self.counts.of(status))).collect(),
        }
    }
}

/// The ARN of a job.
pub(crate) fn arn(scope: &Scope, job: &str) -> String {
    scope.arn("iot", &format!("job/{job}")).into()
}
