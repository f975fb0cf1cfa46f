//! The other operations on jobs, but for their lists.
//!
//! Source: the API reference of the operations, and "Jobs job states" of the developer guide.

use crate::book::{JOBS, Jobs, no_job};
use crate::config::changed_retry;
use crate::context::{Context, Outcome};
use crate::job::arn;
use crate::step::{Cancellation, Step};
use drydock_core::event::jobs::JobStage;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write};
use drydock_model::iot::{
    CancelJobRequest, CancelJobResponse, DeleteJobRequest, DescribeJobRequest, DescribeJobResponse,
    GetJobDocumentRequest, GetJobDocumentResponse, Job as Described, JobStatus, UpdateJobRequest,
};
use smol_str::SmolStr;

impl Jobs {
    /// "DescribeJob".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_job(&self, request: &DescribeJobRequest, now: Timestamp) -> Result<DescribeJobResponse, ApiError> {
        let job = self.job(&request.job_id)?;
        let row = job.row.clone();
        let described = Described {
            abort_config: row.config.abort,
            comment: row.comment,
            completed_at: row.completed,
            created_at: Some(row.created),
            description: row.config.description,
            destination_package_versions: row.destinations,
            document_parameters: row.parameters,
            force_canceled: (row.status == JobStatus::Canceled).then_some(row.forced),
            is_concurrent: Some(job.is_rolling_out()),
            job_arn: Some(arn(&self.scope, &request.job_id)),
            job_executions_retry_config: row.config.retry,
            job_executions_rollout_config: Some(row.config.rollout.unwrap_or_default()),
            job_id: Some(request.job_id.clone()),
            job_process_details: Some(job.details()),
            job_template_arn: row.template,
            last_updated_at: Some(row.updated),
            namespace_id: row.namespace.map(String::from),
            // These are there, empty, where they were not given: as the AWS CLI's page and measurements have it.
            presigned_url_config: Some(row.config.presigned.unwrap_or_default()),
            reason_code: row.reason,
            scheduled_job_rollouts: job.schedule.shown(now).filter(|_| job.is_active()),
            scheduling_config: Some(row.scheduling.unwrap_or_default()),
            status: Some(row.status),
            target_selection: Some(row.selection),
            targets: Some(row.targets),
            timeout_config: Some(row.config.timeout.unwrap_or_default()),
        };
        Ok(DescribeJobResponse { document_source: row.source, job: Some(described) })
    }

    /// "GetJobDocument": with the values of its parameters, or as it was before; links are made for devices only.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_job_document(&self, request: &GetJobDocumentRequest) -> Result<GetJobDocumentResponse, ApiError> {
        let row = &self.job(&request.job_id)?.row;
        let original = row.original.clone().filter(|_| request.before_substitution == Some(true));
        Ok(GetJobDocumentResponse { document: Some(original.unwrap_or_else(|| row.document.clone())) })
    }

    /// "UpdateJob": what is given takes the place of what was. Executions that have begun keep their timeout.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for a job that has ended, and as for "CreateJob".
    pub fn update_job(
        &mut self,
        request: UpdateJobRequest,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<()>>, ApiError> {
        let id = SmolStr::new(&request.job_id);
        let job = self.in_namespace(&id, request.namespace_id.as_deref())?;
        if !job.is_active() {
            return Err(ApiError::invalid(format!("a job that is {} cannot be updated", job.row.status)));
        }
        let before = &job.row.config;
        if let Some(retry) = &request.job_executions_retry_config {
            changed_retry(before.retry.as_ref(), retry)?;
        }
        let asked = crate::job::Config {
            description: request.description,
            presigned: request.presigned_url_config,
            rollout: request.job_executions_rollout_config,
            abort: request.abort_config,
            timeout: request.timeout_config,
            retry: request.job_executions_retry_config,
        };
        let config = asked.or(before);
        config.check(&job.row.document)?;
        let mut step = Step::new(context);
        let Some(job) = self.jobs.get_mut(&id) else { return Err(no_job(&id)) };
        job.row.config = config;
        job.row.updated = context.now;
        step.touch(&id);
        self.judge(&mut step, &id);
        Ok(self.finish(step, ()))
    }

    /// "CancelJob": what is queued, and by force what is in progress.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for a job that has ended.
    pub fn cancel_job(
        &mut self,
        request: CancelJobRequest,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<CancelJobResponse>>, ApiError> {
        let id = SmolStr::new(&request.job_id);
        let row = &self.job(&id)?.row;
        if !matches!(row.status, JobStatus::InProgress | JobStatus::Scheduled) {
            return Err(ApiError::invalid(format!("Job {id} is {} and cannot be canceled.", row.status)));
        }
        let description = row.config.description.clone();
        let mut step = Step::new(context);
        let forced = request.force == Some(true);
        let why = Cancellation { reason: request.reason_code, comment: request.comment, forced };
        self.cancel(&mut step, &id, why);
        self.judge(&mut step, &id);
        let reply =
            CancelJobResponse { description, job_arn: Some(arn(&self.scope, &id)), job_id: Some(id.to_string()) };
        Ok(self.finish(step, reply))
    }

    /// "DeleteJob": the job with all its executions, at once.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidStateTransitionException` for a job that goes on, without force.
    pub fn delete_job(
        &mut self,
        request: &DeleteJobRequest,
        context: &Context<'_>,
    ) -> Result<Done<Outcome<()>>, ApiError> {
        let id = SmolStr::new(&request.job_id);
        let job = self.in_namespace(&id, request.namespace_id.as_deref())?;
        let ended = matches!(job.row.status, JobStatus::Completed | JobStatus::Canceled);
        if !ended && request.force != Some(true) {
            let why = format!("Job {id} is {}: it can be deleted by force only.", job.row.status);
            return Err(ApiError::new(ErrorCode::InvalidStateTransitionException, why));
        }
        let things: Vec<_> = job.things.keys().cloned().collect();
        let mut step = Step::new(context);
        self.tell_job(&mut step, &id, JobStage::DeletionInProgress);
        self.tell_job(&mut step, &id, JobStage::Deleted);
        for thing in things {
            self.forget(&mut step, &id, &thing);
        }
        if let Some(at) = self.jobs.remove(&id).and_then(|job| job.tick) {
            self.ticks.remove(&(at, id.clone()));
        }
        step.write(Write::delete(JOBS, id.as_str()));
        Ok(self.finish(step, ()))
    }

    /// A job, which is in a namespace where one is named.
    pub(crate) fn in_namespace(&self, id: &str, namespace: Option<&str>) -> Result<&crate::job::Job, ApiError> {
        let job = self.job(id)?;
        let fits = namespace.is_none() || job.row.namespace.as_deref() == namespace;
        if fits { Ok(job) } else { Err(no_job(id)) }
    }
}
