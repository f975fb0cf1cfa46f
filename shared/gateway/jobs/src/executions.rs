//! The operations on job executions, of the control plane.
//!
//! Source: the API reference of the operations, and "Job execution states" of the developer guide.

use crate::assignment::Execution;
use crate::book::Jobs;
use crate::context::{Context, Outcome};
use crate::step::Step;
use drydock_core::event::jobs::ExecutionStage;
use drydock_core::{ApiError, Done, ErrorCode, ThingName, Timestamp};
use drydock_model::iot::{
    CancelJobExecutionRequest, DeleteJobExecutionRequest, DescribeJobExecutionRequest, DescribeJobExecutionResponse,
    JobExecution, JobExecutionStatus as Status, JobExecutionStatusDetails,
};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The most details of an execution, and the longest value, in characters.
const MOST_DETAILS: usize = 10;
const LONGEST_VALUE: usize = 1024;

/// Checks the details of an execution beyond what the model says of them.
pub(crate) fn check_details(details: &BTreeMap<String, String>) -> Result<(), String> {
    if details.len() > MOST_DETAILS {
        return Err(format!("statusDetails has at most {MOST_DETAILS} entries, not {}", details.len()));
    }
    match details.iter().find(|(_, value)| value.chars().count() > LONGEST_VALUE) {
        Some((key, _)) => Err(format!("the value of `{key}` in statusDetails is longer than {LONGEST_VALUE}")),
        None => Ok(()),
    }
}

/// Seconds until an execution times out, where it may.
pub(crate) fn seconds_left(execution: &Execution, now: Timestamp) -> Option<i64> {
    execution.deadline().map(|deadline| deadline.since(now).max(0) / 1000)
}

pub(crate) fn no_execution(job: &str, thing: &str) -> ApiError {
    ApiError::not_found(format!("Job Execution of job {job} cannot be found on thing {thing}."))
}

impl Jobs {
    fn execution(&self, job: &str, thing: &str, number: Option<i64>) -> Result<&Execution, ApiError> {
        let found = self.job(job)?.things.get(thing).and_then(|assignment| assignment.execution(number));
        found.ok_or_else(|| no_execution(job, thing))
    }

    /// "DescribeJobExecution" of the control plane.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_execution(
        &self,
        request: &DescribeJobExecutionRequest,
        now: Timestamp,
    ) -> Result<DescribeJobExecutionResponse, ApiError> {
        let thing = ThingName::new(&request.thing_name)?;
        let execution = self.execution(&request.job_id, thing.as_str(), request.execution_number)?;
        let details_map = Some(execution.details.clone()).filter(|details| !details.is_empty());
        let details = JobExecutionStatusDetails { details_map };
        let shown = JobExecution {
            approximate_seconds_before_timed_out: seconds_left(execution, now),
            execution_number: Some(execution.number),
            force_canceled: (execution.status == Status::Canceled).then_some(execution.forced),
            job_id: Some(request.job_id.clone()),
            last_updated_at: Some(execution.updated),
            queued_at: Some(execution.queued),
            started_at: execution.started,
            status: Some(execution.status),
            status_details: Some(details),
            thing_arn: Some(self.scope.thing(&thing).into()),
            version_number: Some(execution.version),
        };
        Ok(DescribeJobExecutionResponse { execution: Some(shown) })
    }

    /// "CancelJobExecution": one that is queued, and by force one in progress.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidStateTransitionException`; `VersionConflictException` for another version than the
    /// expected one.
    pub fn cancel_execution(
        &mut self,
        request: CancelJobExecutionRequest,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<()>>, ApiError> {
        let thing = ThingName::new(&request.thing_name)?;
        let execution = self.execution(&request.job_id, thing.as_str(), None)?;
        if let Some(expected) = request.expected_version.filter(|expected| *expected != execution.version) {
            let why = format!("Expected version {expected} but found version {}", execution.version);
            return Err(ApiError::new(ErrorCode::VersionConflictException, why));
        }
        let may = match execution.status {
            Status::Queued => true,
            Status::InProgress => request.force == Some(true),
            _ => false,
        };
        if !may {
            return Err(not_from(execution.status, "canceled"));
        }
        if let Some(details) = &request.status_details {
            check_details(details).map_err(ApiError::invalid)?;
        }
        let id = SmolStr::new(&request.job_id);
        let mut step = Step::new(context);
        self.end(&mut step, &id, &thing, ExecutionStage::Canceled, request.status_details);
        self.judge(&mut step, &id);
        Ok(self.finish(step, ()))
    }

    /// "DeleteJobExecution": one that is queued or has ended, and by force one in progress.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidStateTransitionException`.
    pub fn delete_execution(
        &mut self,
        request: &DeleteJobExecutionRequest,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<()>>, ApiError> {
        let thing = ThingName::new(&request.thing_name)?;
        self.in_namespace(&request.job_id, request.namespace_id.as_deref())?;
        let number = request.execution_number;
        let execution = self.execution(&request.job_id, thing.as_str(), Some(number))?;
        if execution.status == Status::InProgress && request.force != Some(true) {
            return Err(not_from(execution.status, "deleted"));
        }
        let details = execution.details.clone();
        let id = SmolStr::new(&request.job_id);
        let mut step = Step::new(context);
        self.alter(&mut step, &id, &thing, |assignment| assignment.executions.retain(|one| one.number != number));
        self.tell(&mut step, &id, &thing, number, details, ExecutionStage::Deleted);
        self.judge(&mut step, &id);
        Ok(self.finish(step, ()))
    }
}

fn not_from(status: Status, to: &str) -> ApiError {
    let why = match status {
        Status::InProgress => format!("A job execution that is {status} can be {to} by force only."),
        _ => format!("A job execution that is {status} cannot be {to}."),
    };
    ApiError::new(ErrorCode::InvalidStateTransitionException, why)
}
