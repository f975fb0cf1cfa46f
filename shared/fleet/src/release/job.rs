//! The jobs of a release: how they are called, how they are asked for, and how they stand.

use super::definition::{Abort, Package};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How the ids of jobs and the names of groups begin that releases make.
pub const PREFIX: &str = "release-";

/// Which job of a release: its id follows from it, so that it is made once however often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobName {
    /// The release.
    pub release_id: String,
    /// Which of its jobs.
    pub part: Part,
    /// The first, second, … time that it is begun: a release that is resumed begins its wave anew.
    pub attempt: u32,
}

/// A part of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The wave with this number, from 1.
    Wave(u32),
    /// The way back.
    Rollback,
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-", self.release_id)?;
        match self.part {
            Part::Wave(number) => write!(f, "w{number}")?,
            Part::Rollback => f.write_str("back")?,
        }
        if self.attempt > 1 { write!(f, "_{}", self.attempt) } else { Ok(()) }
    }
}

impl JobName {
    /// The job of a release that has this id; `None` if it is somebody else's.
    #[must_use]
    pub fn read(job_id: &str) -> Option<Self> {
        let (rest, attempt) = match job_id.rsplit_once('_') {
            Some((rest, digits)) if is_number(digits) => (rest, digits.parse().ok()?),
            _ => (job_id, 1),
        };
        let (release_id, part) = rest.strip_prefix(PREFIX)?.rsplit_once('-')?;
        let part = match part.strip_prefix('w') {
            Some(number) if is_number(number) => Part::Wave(number.parse().ok()?),
            None if part == "back" => Part::Rollback,
            _ => return None,
        };
        let name = Self { release_id: release_id.to_owned(), part, attempt };
        (!release_id.is_empty() && name.to_string() == job_id).then_some(name)
    }
}

fn is_number(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A job to be made (`iot:CreateJob`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRequest {
    /// Its id.
    pub job_id: String,
    /// The thing groups.
    pub groups: Vec<String>,
    /// What people read.
    pub description: String,
    /// The document, or
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// where it is in S3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_source: Option<String>,
    /// The version of a package that devices have then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// Whether things that join later get it.
    pub continuous: bool,
    /// How many devices are told a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_per_minute: Option<u16>,
    /// When AWS IoT itself stops it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
    /// How long a device may take, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_progress_timeout_minutes: Option<u32>,
    /// How often what failed is tried again.
    pub retries: u8,
}

/// How many job executions are in which status (`jobProcessDetails`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the statuses of job executions, as AWS spells them")]
pub struct Counts {
    pub queued: u32,
    pub in_progress: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub rejected: u32,
    pub timed_out: u32,
    pub canceled: u32,
    pub removed: u32,
}

impl Counts {
    /// Those that went wrong.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failed.saturating_add(self.rejected).saturating_add(self.timed_out)
    }

    /// Those that devices or their timeouts have brought to an end.
    #[must_use]
    pub fn executed(&self) -> u32 {
        self.succeeded.saturating_add(self.failures())
    }

    /// Those that are going on or wait.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.queued.saturating_add(self.in_progress)
    }

    /// Those that came to an end otherwise.
    #[must_use]
    pub fn gone(&self) -> u32 {
        self.canceled.saturating_add(self.removed)
    }
}

/// How a job stands (`iot:DescribeJob`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// Its status.
    pub status: JobStatus,
    /// Why it was canceled, in the words of whoever did it.
    pub comment: Option<String>,
    /// Its executions.
    pub counts: Counts,
}

/// The status of a job, as far as a release asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// It goes on, or waits for its time.
    Going,
    /// All of its executions came to an end.
    Completed,
    /// Somebody stopped it, or its abort criteria did; or it is being deleted.
    Stopped,
}

/// A thing on which it went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The thing.
    pub thing_name: String,
    /// `FAILED`, `REJECTED` or `TIMED_OUT`.
    pub status: String,
    /// What the device said last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}
