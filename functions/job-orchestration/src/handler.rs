//! Events of jobs and commands into releases, and what releases decide into jobs and alerts. See [`fleet::release`] for why it is done
//! this way.
//!
//! - `drive`: one step of a release, written down and carried out.
//! - `command`: what people ask for.
//! - `batch`: the events of jobs.

mod batch;
mod command;
mod drive;

pub(crate) use batch::handle_batch;
pub(crate) use command::{Answer, Command, obey};

use fleet::batch::Failure;
use fleet::ports::{
    CancelJob, CreateJob, DescribeJob, ErrorKind, FillGroup, FindRelease, GoOn, ListFailures, ListGroup, ListReleases,
    Notify, PortError, Quarantine, SwitchOnJobEvents, UpdateItem,
};
use fleet::release::{Phase, Refusal};
use iot_events::SqsBatch;
use serde::de::{Deserialize, Deserializer, Error};

/// How long carrying out may take, in milliseconds: longer than the function's timeout (25 s in the template).
const LEASE: i64 = 28_000;
/// How often a release is read anew that others change as well, before it is left for later.
const TRIES: usize = 8;
/// How many pages of a group an invocation fills, so that it ends within its time.
const PAGES: usize = 6;

/// What the function is invoked with.
#[derive(Debug)]
pub(crate) enum Input {
    /// Events of jobs, by the queue.
    Batch(SqsBatch),
    /// What somebody asks for, or the schedule.
    Command(Box<Command>),
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        // Not an untagged enum: that would not say what is wrong with an event.
        let read = if value.get("Records").is_some() {
            serde_json::from_value(value).map(Self::Batch)
        } else {
            serde_json::from_value(value).map(Self::Command)
        };
        read.map_err(D::Error::custom)
    }
}

/// What asks AWS IoT about jobs and groups, and has jobs made.
pub(crate) trait Jobs:
    CreateJob + CancelJob + DescribeJob + ListFailures + ListGroup + FillGroup + SwitchOnJobEvents + Sync
{
}
impl<T: CreateJob + CancelJob + DescribeJob + ListFailures + ListGroup + FillGroup + SwitchOnJobEvents + Sync> Jobs
    for T
{
}

/// The table of releases and environments.
pub(crate) trait Releases: FindRelease + ListReleases + UpdateItem {}
impl<T: FindRelease + ListReleases + UpdateItem> Releases for T {}

/// Who the outside is: AWS, or its stand-ins in tests.
pub(crate) trait Outside {
    /// Releases and environments.
    type Releases: Releases;
    /// What devices were given.
    type History: UpdateItem;
    /// AWS IoT.
    type Jobs: Jobs;
    /// The queue of the jobs' events.
    type Queue: GoOn;
    /// What cannot be read.
    type Quarantine: Quarantine;
    /// Alerts.
    type Alerts: Notify;
}

/// What releases need of the outside.
pub(crate) struct Ports<'a, O: Outside> {
    /// Releases and environments.
    pub(crate) releases: &'a O::Releases,
    /// What devices were given.
    pub(crate) history: &'a O::History,
    /// AWS IoT.
    pub(crate) jobs: &'a O::Jobs,
    /// The queue of the jobs' events.
    pub(crate) queue: &'a O::Queue,
    /// What cannot be read.
    pub(crate) quarantine: &'a O::Quarantine,
    /// Alerts.
    pub(crate) alerts: &'a O::Alerts,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    /// Its release was looked at.
    Looked {
        /// The release.
        release_id: String,
        /// Where it is.
        phase: Phase,
        /// Whether it is now elsewhere.
        moved: bool,
        /// Whether it is a job execution that went into a device's history.
        kept: bool,
    },
    /// Another function asked for something, and it was done.
    Obeyed,
    /// It is about a job that is not a release's.
    NotOurs,
    /// It cannot be read.
    Quarantined,
}

/// Why a message must come again, or a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// A call failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// What was asked for cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another invocation is at it.
    #[error("another invocation is at the release; this one comes again in case that one dies")]
    InProgress,
}

impl Failure for ReleaseError {
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            Self::Refused(_) | Self::InProgress => None,
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self, Self::InProgress)
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Port(error) => error.kind,
            Self::Refused(Refusal::No(_)) => ErrorKind::Permanent,
            Self::Refused(Refusal::Busy) | Self::InProgress => ErrorKind::Passing,
        }
    }
}

impl ReleaseError {
    pub(crate) fn refusal(why: impl Into<String>) -> Self {
        Self::Refused(Refusal::No(why.into()))
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
