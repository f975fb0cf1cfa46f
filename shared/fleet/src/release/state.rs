//! How far a release is, and its row.

use super::definition::{Definition, Wave, What};
use super::environment::Current;
use super::job::{Counts, Failure, JobName, JobRequest, PREFIX, Part};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Value};
use serde::{Deserialize, Serialize};

/// The key of a release's row, and of an environment's ([`super::environment`]).
pub const RELEASE_ID: &str = "releaseId";
/// Counts the changes of the row: one is made on the row that it was decided on, or not at all.
const REVISION: &str = "revision";
/// While effects are being carried out: when whoever does it has died.
const BUSY_UNTIL: &str = "busyUntil";
/// All else.
const RELEASE: &str = "release";
/// Beside [`RELEASE`], for people who look at the table.
const PHASE: &str = "phase";
const ENVIRONMENT: &str = "environment";

/// Where a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// A second person has to approve it.
    AwaitingApproval,
    /// It asks for its environment.
    Claiming,
    /// A wave goes on.
    RollingOut,
    /// A wave has done well, and somebody has to promote the release to the next.
    AwaitingPromotion,
    /// It was stopped, and may be resumed or rolled back.
    Stopped,
    /// Devices get what they had before.
    RollingBack,
    /// All waves have done well.
    Succeeded,
    /// Devices have what they had before.
    RolledBack,
    /// Devices did not take what they had before, or not all of them.
    RollbackFailed,
}

impl Phase {
    /// Whether it holds its environment.
    #[must_use]
    pub fn holds(self) -> bool {
        matches!(self, Self::RollingOut | Self::AwaitingPromotion | Self::RollingBack)
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaitingApproval",
            Self::Claiming => "claiming",
            Self::RollingOut => "rollingOut",
            Self::AwaitingPromotion => "awaitingPromotion",
            Self::Stopped => "stopped",
            Self::RollingBack => "rollingBack",
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolledBack",
            Self::RollbackFailed => "rollbackFailed",
        }
    }
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// What was asked for.
    pub definition: Definition,
    /// Where it is.
    pub phase: Phase,
    /// Who asked for it, by their own word.
    pub created_by: String,
    /// Who approved it, by their own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Why it is stopped, or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the environment had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Current>,
    /// The jobs so far, the last one now.
    pub runs: Vec<Run>,
    /// What is yet to be done, in this order.
    pub todo: Vec<Effect>,
    /// How many times something was told.
    pub tellings: u32,
    /// When it was asked for.
    pub created_at: EpochMillis,
    /// When it changed last.
    pub updated_at: EpochMillis,
    /// How often its row changed.
    #[serde(skip)]
    pub revision: i64,
    /// While effects are being carried out: when whoever does it has died.
    #[serde(skip)]
    pub busy_until: Option<EpochMillis>,
}

/// A job of the release, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Which part of the release.
    pub part: Part,
    /// The wave's name, or `rollback`.
    pub name: String,
    /// The job.
    pub job_id: String,
    /// The thing groups.
    pub groups: Vec<String>,
    /// How many things are in them, as far as they were counted; known once the job is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<u32>,
    /// Its executions when they were last looked at.
    pub counts: Counts,
    /// Where it is.
    pub outcome: RunOutcome,
    /// When it was begun.
    pub begun_at: EpochMillis,
    /// Since when it does well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub well_since: Option<EpochMillis>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunOutcome {
    /// Its job is yet to be made.
    Begun,
    /// Its job was made.
    Going,
    /// It has done well.
    Well,
    /// It was stopped.
    Stopped,
}

/// Something to be done outside of the row. Doing it twice does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Claim the environment.
    Claim {
        /// What the release goes on with.
        then: Next,
        /// What it goes back to if another release has the environment.
        back: Phase,
    },
    /// Make the static thing group of a wave of a share, page by page.
    Fill {
        /// The group to make.
        group: String,
        /// The group that it is a share of.
        of: String,
        /// From this hundredth, 0 to 99
        from: u8,
        /// to below this one, 1 to 100.
        to: u8,
        /// The page to go on with; none for the first.
        page: Option<String>,
    },
    /// Make the job of the run that has this id.
    Start {
        /// The job.
        job_id: String,
    },
    /// Cancel a job.
    Cancel {
        /// The job.
        job_id: String,
        /// What is written into it.
        comment: String,
    },
    /// Tell people.
    Tell(Box<Telling>),
    /// Let the environment go.
    Free {
        /// What it has from now on, if that changed.
        current: Option<Box<Current>>,
    },
}

/// What a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Next {
    /// To begin the wave after those that have done well.
    RollOut,
    /// To go back.
    RollBack,
}

/// What people are told of a release: it came to a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Telling {
    /// The release.
    pub release_id: String,
    /// Where.
    pub environment: String,
    /// What goes there.
    pub what: String,
    /// What it came to.
    pub phase: Phase,
    /// The wave that it is at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wave: Option<String>,
    /// Its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the job's executions stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Where it went wrong and why: the first ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// When.
    pub at: EpochMillis,
    /// The tellings of a release are counted: which one this is.
    pub number: u32,
}

impl Release {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.definition.release_id
    }

    /// The release that a row holds; `None` if it holds none.
    #[must_use]
    pub fn read(row: &Item) -> Option<Self> {
        let document = serde_json::Value::Object(row.document(RELEASE)?.clone());
        let release: Self = serde_json::from_value(document).ok()?;
        Some(Self { revision: row.number(REVISION)?, busy_until: row.number(BUSY_UNTIL), ..release })
    }

    /// Writes the release down for the first time. Refused if there is one of this id.
    #[must_use]
    pub fn put(&self) -> Change {
        self.write().when(Condition::Missing(REVISION.into())).set(REVISION, 1)
    }

    /// Writes the release down where nobody has changed it since it was read.
    #[must_use]
    pub fn save(&self) -> Change {
        let next = self.revision.saturating_add(1);
        self.write().when(Condition::equal(REVISION, self.revision)).set(REVISION, next)
    }

    fn write(&self) -> Change {
        Change::of(RELEASE_ID, self.id())
            .set(PHASE, self.phase.as_str())
            .set(ENVIRONMENT, self.definition.environment.as_str())
            .set_or_remove(BUSY_UNTIL, self.busy_until)
            .set(RELEASE, Value::Document(serde_json::json!(self)))
    }

    /// Whether it has nothing more to do until somebody says so: nobody need look at it.
    #[must_use]
    pub fn rests(&self) -> bool {
        let waits = matches!(
            self.phase,
            Phase::AwaitingApproval | Phase::Stopped | Phase::Succeeded | Phase::RolledBack | Phase::RollbackFailed
        );
        waits && self.todo.is_empty()
    }

    /// The job that it is at.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// The number of the wave that is next, from 0: behind those that have done well.
    #[must_use]
    pub fn next_wave(&self) -> usize {
        let well = |run: &&Run| matches!(run.part, Part::Wave(_)) && run.outcome == RunOutcome::Well;
        self.runs.iter().filter(well).count()
    }

    /// The wave of a run; `None` if it is the way back.
    #[must_use]
    pub fn wave_of(&self, run: &Run) -> Option<&Wave> {
        let Part::Wave(number) = run.part else { return None };
        self.definition.waves.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub(super) fn job_name(&self, part: Part) -> String {
        let before = self.runs.iter().filter(|run| run.part == part).count();
        let attempt = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        JobName { release_id: self.id().to_owned(), part, attempt }.to_string()
    }

    /// What goes to the devices in a run.
    #[must_use]
    pub fn what(&self, part: Part) -> &What {
        match (part, &self.previous) {
            (Part::Rollback, Some(previous)) => &previous.what,
            _ => &self.definition.what,
        }
    }

    /// The job of a run, as it is asked for.
    #[must_use]
    pub fn request(&self, run: &Run) -> JobRequest {
        let what = self.what(run.part);
        // The way back goes to all at once, as it has to be quick, and goes on where what is taken back had come to stay.
        let wave = self.wave_of(run);
        let description = format!("Release {}, {}: {}", self.id(), run.name, what.label());
        JobRequest {
            job_id: run.job_id.clone(),
            groups: run.groups.clone(),
            description: description.chars().filter(|c| !c.is_control()).take(2028).collect(),
            document: what.document(),
            document_source: what.document_source.clone(),
            package: what.package.clone(),
            continuous: wave.map_or_else(|| self.stays(), |wave| wave.continuous),
            maximum_per_minute: wave.and_then(|wave| wave.maximum_per_minute),
            abort: wave.and_then(|wave| wave.abort.clone()),
            in_progress_timeout_minutes: wave.and_then(|wave| wave.in_progress_timeout_minutes),
            retries: wave.map_or(0, |wave| wave.retries),
        }
    }

    /// Whether things that join later have been getting this release.
    pub(super) fn stays(&self) -> bool {
        self.next_wave() >= self.definition.waves.len() && self.definition.waves.iter().any(|wave| wave.continuous)
    }

    /// The thing group that a wave of a share makes: what is filled into it.
    pub(super) fn share(&self, number: usize, job_id: &str) -> Option<Effect> {
        let wave = self.definition.waves.get(number)?;
        Some(Effect::Fill {
            group: job_id.to_owned(),
            of: wave.group.clone(),
            from: self.definition.share_before(number),
            to: wave.percent?,
            page: None,
        })
    }

    pub(super) fn tell(&mut self, failures: Vec<Failure>, now: EpochMillis) {
        self.tellings = self.tellings.saturating_add(1);
        let run = self.run();
        let telling = Telling {
            release_id: self.id().to_owned(),
            environment: self.definition.environment.clone(),
            what: run.map_or(&self.definition.what, |run| self.what(run.part)).label(),
            phase: self.phase,
            wave: run.map(|run| run.name.clone()),
            job_id: run.map(|run| run.job_id.clone()),
            reason: self.reason.clone(),
            counts: run.map(|run| run.counts),
            failures,
            at: now,
            number: self.tellings,
        };
        self.todo.push(Effect::Tell(Box::new(telling)));
    }
}

/// Whether the name of a group is one that a release has made.
#[must_use]
pub fn is_made(group: &str) -> bool {
    group.starts_with(PREFIX)
}

/// A wave as it would be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// The job.
    pub job: JobRequest,
    /// The group whose things it reaches, or a share of them.
    pub group: String,
    share: std::ops::Range<u8>,
}

impl Planned {
    /// Whether it reaches the thing of the group.
    #[must_use]
    pub fn reaches(&self, thing_name: &str) -> bool {
        self.share.contains(&super::definition::hundredth(thing_name))
    }
}

impl Release {
    /// The waves of a release as each would be begun.
    #[must_use]
    pub fn plan(definition: &Definition) -> Vec<Planned> {
        let mut release = Self::new(definition.clone(), "", 0);
        let mut planned = Vec::new();
        for (number, wave) in definition.waves.iter().enumerate() {
            release.begin_wave(0);
            let Some(run) = release.runs.last_mut() else { break };
            run.outcome = RunOutcome::Well;
            let Some(run) = release.runs.last() else { break };
            let share = match wave.percent {
                Some(percent) => definition.share_before(number)..percent,
                None => 0..100,
            };
            let job = release.request(run);
            planned.push(Planned { name: wave.name.clone(), job, group: wave.group.clone(), share });
        }
        planned
    }
}
