//! "ListJobs", "ListJobExecutionsForJob" and "ListJobExecutionsForThing".
//!
//! Source: the API reference of the operations. AWS documents no order: jobs come the newest first, executions of a job by the
//! names of their things, and those of a thing the newest first.

use crate::assignment::Execution;
use crate::book::Jobs;
use crate::context::Fleet;
use crate::job::{Job, arn};
use drydock_core::{ApiError, ThingName, page};
use drydock_model::iot::{
    JobExecutionSummary, JobExecutionSummaryForJob, JobExecutionSummaryForThing, JobSummary,
    ListJobExecutionsForJobRequest, ListJobExecutionsForJobResponse, ListJobExecutionsForThingRequest,
    ListJobExecutionsForThingResponse, ListJobsRequest, ListJobsResponse,
};
use smol_str::SmolStr;
use std::cmp::Reverse;

/// Entries of a page, where the caller does not say.
const PAGE: usize = 25;

/// How many entries a page has.
pub(crate) fn size(asked: Option<i32>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE)
}

/// The place of an entry in a list that has the newest first.
fn place(millis: i64, rest: &str) -> String {
    format!("{:020}/{rest}", i64::MAX - millis)
}

impl Jobs {
    /// "ListJobs".
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation, or both a group's name and id are given.
    pub fn list_jobs(&self, request: &ListJobsRequest) -> Result<ListJobsResponse, ApiError> {
        let operation = "ListJobs";
        if request.thing_group_name.is_some() && request.thing_group_id.is_some() {
            return Err(ApiError::invalid("either thingGroupName or thingGroupId may be given"));
        }
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let fits = |(_, job): &(&SmolStr, &Job)| {
            let row = &job.row;
            request.status.is_none_or(|status| row.status == status)
                && request.target_selection.is_none_or(|selection| row.selection == selection)
                && request.namespace_id.as_ref().is_none_or(|namespace| row.namespace.as_deref() == Some(namespace))
                && request.thing_group_name.as_ref().is_none_or(|name| row.groups.contains_key(name.as_str()))
                && request.thing_group_id.as_ref().is_none_or(|id| row.groups.values().any(|of| of == id))
        };
        let mut all: Vec<_> = self.jobs.iter().filter(fits).collect();
        all.sort_by_key(|(id, job)| (Reverse(job.row.created), (*id).clone()));
        let at = |(id, job): &(&SmolStr, &Job)| place(job.row.created.millis(), id);
        let left = all.into_iter().filter(|entry| after.as_ref().is_none_or(|after| at(entry) > *after));
        let (page, next) = page::cut(left, size(request.max_results), at);
        let summary = |(id, job): (&SmolStr, &Job)| JobSummary {
            completed_at: job.row.completed,
            created_at: Some(job.row.created),
            is_concurrent: Some(job.is_rolling_out()),
            job_arn: Some(arn(&self.scope, id)),
            job_id: Some(id.to_string()),
            last_updated_at: Some(job.row.updated),
            status: Some(job.row.status),
            target_selection: Some(job.row.selection),
            thing_group_id: job.row.groups.values().next().cloned(),
        };
        Ok(ListJobsResponse {
            jobs: Some(page.into_iter().map(summary).collect()),
            next_token: next.map(|place| page::token(operation, &place)),
        })
    }

    /// "ListJobExecutionsForJob": all attempts.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_executions_for_job(
        &self,
        request: &ListJobExecutionsForJobRequest,
    ) -> Result<ListJobExecutionsForJobResponse, ApiError> {
        let operation = "ListJobExecutionsForJob";
        let job = self.job(&request.job_id)?;
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let at = |(thing, execution): &(&ThingName, &Execution)| format!("{thing}/{:020}", execution.number);
        // `/` is no character of names, so that the order of the places is that of the names only among those of one thing.
        let begun = after.as_deref().and_then(|after| Some((after.split_once('/')?.0, after)));
        let executions = job.things.iter().flat_map(|(thing, of)| of.executions.iter().map(move |one| (thing, one)));
        let left = executions
            .filter(|(_, execution)| request.status.is_none_or(|status| execution.status == status))
            .filter(|entry| {
                begun.is_none_or(|(thing, place)| match entry.0.as_str().cmp(thing) {
                    std::cmp::Ordering::Equal => at(entry).as_str() > place,
                    order => order.is_gt(),
                })
            });
        let (page, next) = page::cut(left, size(request.max_results), at);
        let summary = |(thing, execution): (&ThingName, &Execution)| JobExecutionSummaryForJob {
            job_execution_summary: Some(summary(execution)),
            thing_arn: Some(self.scope.thing(thing).into()),
        };
        Ok(ListJobExecutionsForJobResponse {
            execution_summaries: Some(page.into_iter().map(summary).collect()),
            next_token: next.map(|place| page::token(operation, &place)),
        })
    }

    /// "ListJobExecutionsForThing": all attempts of all jobs.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for a thing that is not there; `InvalidRequestException` where the token is not one of this
    /// operation.
    pub fn list_executions_for_thing(
        &self,
        request: &ListJobExecutionsForThingRequest,
        fleet: &dyn Fleet,
    ) -> Result<ListJobExecutionsForThingResponse, ApiError> {
        let operation = "ListJobExecutionsForThing";
        let thing = ThingName::new(&request.thing_name)?;
        if fleet.thing_id(thing.as_str()).is_none() {
            return Err(ApiError::not_found(format!("there is no thing `{thing}`")));
        }
        let after = request.next_token.as_deref().map(|token| page::place(operation, token)).transpose()?;
        let mut all: Vec<(&SmolStr, &Execution)> = Vec::new();
        for id in self.jobs_of(&thing) {
            let Some(job) = self.jobs.get(id) else { continue };
            let in_namespace =
                request.namespace_id.as_deref().is_none_or(|of| job.row.namespace.as_deref() == Some(of));
            if !in_namespace || request.job_id.as_ref().is_some_and(|wanted| wanted != id.as_str()) {
                continue;
            }
            let executions = job.things.get(&thing).into_iter().flat_map(|assignment| &assignment.executions);
            let fitting = executions.filter(|one| request.status.is_none_or(|status| one.status == status));
            all.extend(fitting.map(|execution| (id, execution)));
        }
        let at = |(id, execution): &(&SmolStr, &Execution)| {
            place(execution.queued.millis(), &format!("{id}/{:020}", i64::MAX - execution.number))
        };
        all.sort_by_key(at);
        let left = all.into_iter().filter(|entry| after.as_ref().is_none_or(|after| at(entry) > *after));
        let (page, next) = page::cut(left, size(request.max_results), at);
        let summary = |(id, execution): (&SmolStr, &Execution)| JobExecutionSummaryForThing {
            job_execution_summary: Some(summary(execution)),
            job_id: Some(id.to_string()),
        };
        Ok(ListJobExecutionsForThingResponse {
            execution_summaries: Some(page.into_iter().map(summary).collect()),
            next_token: next.map(|place| page::token(operation, &place)),
        })
    }
}

fn summary(execution: &Execution) -> JobExecutionSummary {
    JobExecutionSummary {
        execution_number: Some(execution.number),
        last_updated_at: Some(execution.updated),
        queued_at: Some(execution.queued),
        retry_attempt: Some(execution.attempt),
        started_at: execution.started,
        status: Some(execution.status),
    }
}
