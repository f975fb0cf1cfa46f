//! What devices ask of jobs, over MQTT and HTTPS alike, and how they are refused.
//!
//! Source: "Jobs device MQTT API operations", "Jobs device HTTP API" and "ErrorResponse" of the developer guide.

use crate::assignment::{Assignment, Execution};
use crate::book::{Jobs, Line};
use crate::config::LONGEST;
use crate::context::{Context, Links, Outcome};
use crate::document::{Recipient, handed_out};
use crate::executions::{check_details, seconds_left};
use crate::step::Step;
use drydock_core::event::jobs::ExecutionStage;
use drydock_core::{ApiError, Done, ErrorCode, ThingName, Timestamp};
use drydock_model::iot::JobExecutionStatus as Status;
use drydock_model::iot_jobs_data::{
    GetPendingJobExecutionsResponse, JobExecution, JobExecutionState, JobExecutionStatus, JobExecutionSummary,
    UpdateJobExecutionResponse,
};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// What stands for the execution that is next.
pub const NEXT: &str = "$next";
const MINUTE: i64 = 60 * 1000;

/// Why a device is refused, in the words of the MQTT API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own, described in the guide's page on the jobs MQTT API")]
pub enum Refusal {
    InvalidTopic,
    InvalidJson,
    InvalidRequest,
    InvalidStateTransition,
    ResourceNotFound,
    VersionMismatch,
    InternalError,
    RequestThrottled,
    TerminalStateReached,
}

impl Refusal {
    /// AWS's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTopic => "InvalidTopic",
            Self::InvalidJson => "InvalidJson",
            Self::InvalidRequest => "InvalidRequest",
            Self::InvalidStateTransition => "InvalidStateTransition",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::VersionMismatch => "VersionMismatch",
            Self::InternalError => "InternalError",
            Self::RequestThrottled => "RequestThrottled",
            Self::TerminalStateReached => "TerminalStateReached",
        }
    }
}

/// That a device is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The same for people.
    pub message: String,
    /// What the execution is, where that is why.
    pub state: Option<JobExecutionState>,
}

impl Refused {
    /// A refusal without a state.
    pub fn new(refusal: Refusal, message: impl Into<String>) -> Self {
        Self { refusal, message: message.into(), state: None }
    }

    fn with(mut self, execution: &Execution) -> Self {
        self.state = Some(state(execution));
        self
    }
}

impl From<Refused> for ApiError {
    /// As the HTTP API has it.
    fn from(refused: Refused) -> Self {
        let code = match refused.refusal {
            Refusal::InvalidTopic | Refusal::InvalidJson | Refusal::InvalidRequest | Refusal::VersionMismatch => {
                ErrorCode::InvalidRequestException
            }
            Refusal::InvalidStateTransition => ErrorCode::InvalidStateTransitionException,
            Refusal::ResourceNotFound => ErrorCode::ResourceNotFoundException,
            Refusal::InternalError => ErrorCode::ServiceUnavailableException,
            Refusal::RequestThrottled => ErrorCode::ThrottlingException,
            Refusal::TerminalStateReached => ErrorCode::TerminalStateException,
        };
        Self::new(code, refused.message)
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        let refusal = match error.code {
            ErrorCode::ResourceNotFoundException => Refusal::ResourceNotFound,
            ErrorCode::InvalidRequestException => Refusal::InvalidRequest,
            _ => Refusal::InternalError,
        };
        Self::new(refusal, error.message)
    }
}

/// "StartNextPendingJobExecution", as a device asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// The device's details.
    pub details: Option<BTreeMap<String, String>>,
    /// Minutes until the execution times out.
    pub step_timeout: Option<i64>,
}

/// "UpdateJobExecution", as a device asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The status that it is to have.
    pub status: Status,
    /// The device's details; those that were stay where there are none.
    pub details: Option<BTreeMap<String, String>>,
    /// The version that the device knows.
    pub expected: Option<i64>,
    /// Which execution; the last where it is not said.
    pub number: Option<i64>,
    /// Whether its state is answered.
    pub with_state: bool,
    /// Whether its document is answered.
    pub with_document: bool,
    /// Minutes until the execution times out; -1 for no such timer.
    pub step_timeout: Option<i64>,
}

/// A job on a thing, as a device names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'n> {
    /// The thing.
    pub thing: &'n str,
    /// The job, or [`NEXT`].
    pub job: &'n str,
    /// The namespace of the topic.
    pub namespace: Option<&'n str>,
}

fn line(thing: &ThingName, namespace: Option<&str>) -> Line {
    (thing.clone(), namespace.map(SmolStr::new))
}

/// An execution's state, as updates answer it.
fn state(execution: &Execution) -> JobExecutionState {
    JobExecutionState {
        status: Some(data_status(execution.status)),
        status_details: Some(execution.details.clone()),
        version_number: Some(execution.version),
    }
}

fn data_status(status: Status) -> JobExecutionStatus {
    status.as_str().parse().unwrap_or_default()
}

impl Jobs {
    /// "GetPendingJobExecutions": all that has not ended, in the order of its turn.
    ///
    /// # Errors
    /// [`Refused`] for a thing that is not there.
    pub fn pending_of(
        &self,
        thing: &str,
        namespace: Option<&str>,
        context: &Context<'_>,
    ) -> Result<GetPendingJobExecutionsResponse, Refused> {
        Ok(self.list_of(&known(thing, context)?, namespace))
    }

    /// What has not ended on a thing, as it is told.
    #[must_use]
    pub fn list_of(&self, thing: &ThingName, namespace: Option<&str>) -> GetPendingJobExecutionsResponse {
        let (mut in_progress, mut queued) = (Vec::new(), Vec::new());
        for pending in self.pending.get(&line(thing, namespace)).into_iter().flatten() {
            let Some(execution) = self.open_on(&pending.job, thing) else { continue };
            let list = if pending.is_queued { &mut queued } else { &mut in_progress };
            list.push(JobExecutionSummary {
                execution_number: Some(execution.number),
                job_id: Some(pending.job.to_string()),
                last_updated_at: Some(execution.updated.seconds()),
                queued_at: Some(execution.queued.seconds()),
                started_at: execution.started.map(Timestamp::seconds),
                version_number: Some(execution.version),
            });
        }
        GetPendingJobExecutionsResponse { in_progress_jobs: Some(in_progress), queued_jobs: Some(queued) }
    }

    /// The execution that is next on a thing, as it is told; `None` where there is none.
    #[must_use]
    pub fn next_of(
        &self,
        thing: &ThingName,
        namespace: Option<&str>,
        links: &dyn Links,
        now: Timestamp,
    ) -> Option<JobExecution> {
        let next = self.head(&line(thing, namespace))?;
        let execution = self.open_on(&next.job, thing)?;
        Some(self.shown(&next.job, thing, execution, Some(links), now))
    }

    fn open_on(&self, job: &str, thing: &ThingName) -> Option<&Execution> {
        self.jobs.get(job)?.things.get(thing).and_then(Assignment::open)
    }

    fn shown(
        &self,
        job: &SmolStr,
        thing: &ThingName,
        execution: &Execution,
        document_with: Option<&dyn Links>,
        now: Timestamp,
    ) -> JobExecution {
        let document = document_with.map(|links| self.document_for(job, thing, execution.number, links));
        JobExecution {
            approximate_seconds_before_timed_out: seconds_left(execution, now),
            execution_number: Some(execution.number),
            job_document: document.flatten(),
            job_id: Some(job.to_string()),
            last_updated_at: Some(execution.updated.seconds()),
            queued_at: Some(execution.queued.seconds()),
            started_at: execution.started.map(Timestamp::seconds),
            status: Some(data_status(execution.status)),
            status_details: Some(execution.details.clone()).filter(|details| !details.is_empty()),
            thing_name: Some(thing.to_string()),
            version_number: Some(execution.version),
        }
    }

    fn document_for(&self, job: &str, thing: &ThingName, number: i64, links: &dyn Links) -> Option<String> {
        let row = &self.jobs.get(job)?.row;
        let seconds = row.config.link_seconds();
        let to = Recipient { thing: thing.as_str(), job, number, seconds, artifacts: &row.artifacts };
        Some(handed_out(&row.document, &to, links))
    }

    /// "DescribeJobExecution" of the data plane; `None` for [`NEXT`] where nothing is pending. It changes nothing.
    ///
    /// # Errors
    /// [`Refused`] for what is not there, and for an execution that has ended.
    pub fn describe_for_device(
        &self,
        named: Named<'_>,
        number: Option<i64>,
        with_document: bool,
        context: &Context<'_>,
    ) -> Result<Option<JobExecution>, Refused> {
        let thing = known(named.thing, context)?;
        let Some(job) = self.resolved(&thing, named) else { return Ok(None) };
        let execution = self.found(&job, &thing, named.namespace, number)?;
        if !execution.is_open() {
            let why = "Job Execution has reached terminal state. It is neither IN_PROGRESS nor QUEUED";
            return Err(Refused::new(Refusal::TerminalStateReached, why));
        }
        let links = Some(context.links).filter(|_| with_document);
        Ok(Some(self.shown(&job, &thing, execution, links, context.now)))
    }

    /// The job that is named; `None` for [`NEXT`] where nothing is pending.
    fn resolved(&self, thing: &ThingName, named: Named<'_>) -> Option<SmolStr> {
        match named.job {
            NEXT => self.head(&line(thing, named.namespace)).map(|next| next.job.clone()),
            job => Some(SmolStr::new(job)),
        }
    }

    fn found(
        &self,
        job: &str,
        thing: &ThingName,
        namespace: Option<&str>,
        number: Option<i64>,
    ) -> Result<&Execution, Refused> {
        let of = self.in_namespace(job, namespace).ok();
        let found = of.and_then(|job| job.things.get(thing)).and_then(|assignment| assignment.execution(number));
        found.ok_or_else(|| {
            let why = format!("Job Execution of job {job} cannot be found on thing {thing}.");
            Refused::new(Refusal::ResourceNotFound, why)
        })
    }

    /// "StartNextPendingJobExecution": begins what is next. What is in progress already is answered as it is.
    ///
    /// # Errors
    /// [`Refused`] for a thing that is not there, and for details or a timer that are out of range.
    pub fn start_next(
        &mut self,
        thing: &str,
        namespace: Option<&str>,
        start: Start,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<Option<JobExecution>>>, Refused> {
        let thing = known(thing, context)?;
        check(start.details.as_ref(), start.step_timeout)?;
        let mut step = Step::new(context);
        let next = self.head(&line(&thing, namespace)).map(|next| (next.job.clone(), next.is_queued));
        let Some((job, is_queued)) = next else { return Ok(self.finish(step, None)) };
        if is_queued {
            let update = Begin { status: Status::InProgress, details: start.details, step_timeout: start.step_timeout };
            self.begin(&mut step, &job, &thing, update);
            self.set_tick(&job);
        }
        let (links, now) = (Some(context.links), context.now);
        let shown = self.open_on(&job, &thing).map(|execution| self.shown(&job, &thing, execution, links, now));
        Ok(self.finish(step, shown))
    }

    /// "UpdateJobExecution".
    ///
    /// # Errors
    /// [`Refused`] for what is not there, for a status that it cannot have, for one that has ended, for another version than
    /// the expected one, and for details or a timer that are out of range.
    pub fn update_execution(
        &mut self,
        named: Named<'_>,
        update: Update,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<UpdateJobExecutionResponse>>, Refused> {
        let thing = known(named.thing, context)?;
        let stage = stage_of(update.status)?;
        check(update.details.as_ref(), update.step_timeout)?;
        let nothing = || Refused::new(Refusal::ResourceNotFound, "No job execution is pending.");
        let job = self.resolved(&thing, named).ok_or_else(nothing)?;
        let execution = self.found(&job, &thing, named.namespace, update.number)?;
        if let Some(expected) = update.expected.filter(|expected| *expected != execution.version) {
            let why = format!("Expected version {expected} but found version {}", execution.version);
            return Err(Refused::new(Refusal::VersionMismatch, why).with(execution));
        }
        let is_closed = self.jobs.get(&job).is_some_and(|job| !job.is_open()) && execution.status == Status::Queued;
        if !execution.is_open() || is_closed {
            let (from, to) = (execution.status, update.status);
            let why = if is_closed {
                "The job is not within one of its maintenance windows.".to_owned()
            } else {
                format!("The status of a job execution that is {from} cannot be changed to {to}")
            };
            return Err(Refused::new(Refusal::InvalidStateTransition, why).with(execution));
        }
        let number = execution.number;
        let mut step = Step::new(context);
        match stage {
            None => {
                let begin = Begin { status: update.status, details: update.details, step_timeout: update.step_timeout };
                self.begin(&mut step, &job, &thing, begin);
            }
            Some(stage) => self.end(&mut step, &job, &thing, stage, update.details),
        }
        self.judge(&mut step, &job);
        let now = self.jobs.get(&job).and_then(|job| job.things.get(&thing)?.execution(Some(number)));
        let reply = UpdateJobExecutionResponse {
            execution_state: now.filter(|_| update.with_state).map(state),
            job_document: if update.with_document {
                self.document_for(&job, &thing, number, context.links)
            } else {
                None
            },
        };
        Ok(self.finish(step, reply))
    }

    /// An execution begins, or goes on.
    fn begin(&mut self, step: &mut Step<'_>, job: &SmolStr, thing: &ThingName, begin: Begin) {
        let now = step.now();
        let lasts = self.jobs.get(job).and_then(|job| job.row.config.in_progress_millis());
        self.alter(step, job, thing, |assignment| {
            let Some(open) = assignment.open_mut() else { return };
            if open.started.is_none() {
                open.started = Some(now);
                open.timeout = lasts.map(|lasts| now.plus_millis(lasts));
            }
            open.status = begin.status;
            open.version += 1;
            open.updated = now;
            if let Some(details) = begin.details {
                open.details = details;
            }
            match begin.step_timeout {
                Some(-1) => open.step_timeout = None,
                Some(minutes) => open.step_timeout = Some(now.plus_millis(minutes * MINUTE)),
                None => {}
            }
        });
    }
}

/// What an execution in progress becomes.
struct Begin {
    status: Status,
    details: Option<BTreeMap<String, String>>,
    step_timeout: Option<i64>,
}

/// The name of a thing that is there.
fn known(thing: &str, context: &Context<'_>) -> Result<ThingName, Refused> {
    let name = ThingName::new(thing).map_err(|error| Refused::new(Refusal::InvalidTopic, error.to_string()))?;
    match context.fleet.thing_id(thing) {
        Some(_) => Ok(name),
        None => Err(Refused::new(Refusal::ResourceNotFound, format!("Thing {thing} cannot be found."))),
    }
}

/// How an execution ends that a device gives a status; `None` where it goes on.
fn stage_of(status: Status) -> Result<Option<ExecutionStage>, Refused> {
    match status {
        Status::InProgress => Ok(None),
        Status::Succeeded => Ok(Some(ExecutionStage::Succeeded)),
        Status::Failed => Ok(Some(ExecutionStage::Failed)),
        Status::Rejected => Ok(Some(ExecutionStage::Rejected)),
        Status::Queued | Status::TimedOut | Status::Removed | Status::Canceled => {
            // AWS's own words.
            let why = format!("The status of job execution cannot be changed to be {status}");
            Err(Refused::new(Refusal::InvalidStateTransition, why))
        }
    }
}

fn check(details: Option<&BTreeMap<String, String>>, step_timeout: Option<i64>) -> Result<(), Refused> {
    let invalid = |why: String| Refused::new(Refusal::InvalidRequest, why);
    details.map_or(Ok(()), check_details).map_err(invalid)?;
    match step_timeout {
        Some(minutes) if minutes != -1 && !(1..=LONGEST).contains(&minutes) => {
            Err(invalid(format!("stepTimeoutInMinutes must be 1 to {LONGEST}, or -1, not {minutes}")))
        }
        _ => Ok(()),
    }
}
