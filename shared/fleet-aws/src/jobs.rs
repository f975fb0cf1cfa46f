//! Jobs on groups of things.

use crate::failure::failed;
use aws_config::SdkConfig;
use aws_sdk_iot::Client;
use aws_sdk_iot::error::ProvideErrorMetadata;
use aws_sdk_iot::types::{
    AbortAction, AbortConfig, AbortCriteria, Configuration, EventType, JobExecutionFailureType, JobExecutionStatus,
    JobExecutionsRetryConfig, JobExecutionsRolloutConfig, JobProcessDetails, JobStatus as SdkStatus, RetryCriteria,
    RetryableFailureType, TargetSelection, TimeoutConfig,
};
use fleet::ports::{
    CancelJob, CreateJob, DescribeJob, FillGroup, ListFailures, ListGroup, PortError, PortResult, SwitchOnJobEvents,
};
use fleet::release::definition::hundredth;
use fleet::release::{Counts, Failure, JobRequest, JobStatus, JobView};
use std::ops::Range;

/// How many things a page of a group has that is filled into another: adding one is a call.
const PAGE: i32 = 25;
/// How many failures are told.
const FAILURES: usize = 10;

/// The jobs and groups of the account and region that the configuration names.
#[derive(Debug)]
pub struct Jobs {
    client: Client,
    arn: String,
}

impl Jobs {
    /// A client; ARNs of groups begin as `arn` does, which is `arn:PARTITION:iot:REGION:ACCOUNT`.
    #[must_use]
    pub fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn }
    }
}

fn invalid(operation: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new(operation, error).of_kind(fleet::ports::ErrorKind::Permanent)
}

impl CreateJob for Jobs {
    async fn create_job(&self, job: &JobRequest) -> PortResult<()> {
        const OPERATION: &str = "CreateJob";
        let targets = job.groups.iter().map(|group| format!("{}:thinggroup/{group}", self.arn)).collect();
        let selection = if job.continuous { TargetSelection::Continuous } else { TargetSelection::Snapshot };
        let mut request = self
            .client
            .create_job()
            .job_id(&job.job_id)
            .set_targets(Some(targets))
            .description(&job.description)
            .set_document(job.document.clone())
            .set_document_source(job.document_source.clone())
            .target_selection(selection);
        if let Some(package) = &job.package {
            let version = format!("{}:package/{}/version/{}", self.arn, package.name, package.version);
            request = request.destination_package_versions(version);
        }
        if let Some(rate) = job.maximum_per_minute {
            let rollout = JobExecutionsRolloutConfig::builder().maximum_per_minute(i32::from(rate)).build();
            request = request.job_executions_rollout_config(rollout);
        }
        if let Some(minutes) = job.in_progress_timeout_minutes {
            let timeout = TimeoutConfig::builder().in_progress_timeout_in_minutes(i64::from(minutes)).build();
            request = request.timeout_config(timeout);
        }
        if let Some(abort) = &job.abort {
            let criteria = AbortCriteria::builder()
                .action(AbortAction::Cancel)
                .failure_type(JobExecutionFailureType::All)
                .threshold_percentage(f64::from(abort.percent))
                .min_number_of_executed_things(i32::try_from(abort.minimum).unwrap_or(i32::MAX))
                .build()
                .map_err(|error| invalid(OPERATION, error))?;
            let abort = AbortConfig::builder().criteria_list(criteria).build();
            request = request.abort_config(abort.map_err(|error| invalid(OPERATION, error))?);
        }
        if job.retries > 0 {
            // Only a job that times out can be tried again for that.
            let timed = job.in_progress_timeout_minutes.is_some();
            let kind = if timed { RetryableFailureType::All } else { RetryableFailureType::Failed };
            let criteria =
                RetryCriteria::builder().failure_type(kind).number_of_retries(i32::from(job.retries)).build();
            let criteria = criteria.map_err(|error| invalid(OPERATION, error))?;
            let retries = JobExecutionsRetryConfig::builder().criteria_list(criteria).build();
            request = request.job_executions_retry_config(retries.map_err(|error| invalid(OPERATION, error))?);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_already_exists_exception()) => Ok(()),
            // A group that is not there will not come of itself.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Err(failed(OPERATION, &error).of_kind(fleet::ports::ErrorKind::Permanent))
            }
            Err(error) => Err(failed(OPERATION, &error)),
        }
    }
}

impl CancelJob for Jobs {
    async fn cancel_job(&self, job_id: &str, comment: &str) -> PortResult<()> {
        let request = self.client.cancel_job().job_id(job_id).reason_code("RELEASE").comment(comment);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.code() {
                // It is over, or gone. AWS does not say which error a job gives that is over: what it is then is asked.
                Some("ResourceNotFoundException" | "InvalidStateTransitionException") => Ok(()),
                Some("InvalidRequestException") => match self.describe_job(job_id).await? {
                    Some(view) if view.status == JobStatus::Going => Err(failed("CancelJob", &error)),
                    _ => Ok(()),
                },
                _ => Err(failed("CancelJob", &error)),
            },
        }
    }
}

impl DescribeJob for Jobs {
    async fn describe_job(&self, job_id: &str) -> PortResult<Option<JobView>> {
        match self.client.describe_job().job_id(job_id).send().await {
            Ok(answer) => Ok(answer.job.map(|job| {
                let status = match job.status {
                    Some(SdkStatus::Completed) => JobStatus::Completed,
                    Some(SdkStatus::Canceled | SdkStatus::DeletionInProgress) => JobStatus::Stopped,
                    _ => JobStatus::Going,
                };
                let counts = job.job_process_details.as_ref().map(counts).unwrap_or_default();
                let words = [job.reason_code, job.comment].into_iter().flatten().collect::<Vec<_>>().join(", ");
                JobView { status, comment: (!words.is_empty()).then_some(words), counts }
            })),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed("DescribeJob", &error)),
        }
    }
}

fn counts(details: &JobProcessDetails) -> Counts {
    let number = |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    Counts {
        queued: number(details.number_of_queued_things),
        in_progress: number(details.number_of_in_progress_things),
        succeeded: number(details.number_of_succeeded_things),
        failed: number(details.number_of_failed_things),
        rejected: number(details.number_of_rejected_things),
        timed_out: number(details.number_of_timed_out_things),
        canceled: number(details.number_of_canceled_things),
        removed: number(details.number_of_removed_things),
    }
}

impl ListFailures for Jobs {
    async fn list_failures(&self, job_id: &str) -> PortResult<Vec<Failure>> {
        let mut failures = Vec::new();
        for status in [JobExecutionStatus::Failed, JobExecutionStatus::Rejected, JobExecutionStatus::TimedOut] {
            let request = self.client.list_job_executions_for_job().job_id(job_id).status(status.clone());
            let answer = request.max_results(10).send().await;
            let listed = answer.map_err(|error| failed("ListJobExecutionsForJob", &error))?.execution_summaries;
            for arn in listed.unwrap_or_default().into_iter().filter_map(|summary| summary.thing_arn) {
                let Some((_, name)) = arn.split_once(":thing/") else { continue };
                if failures.len() < FAILURES {
                    failures.push(self.failure(job_id, name, status.as_str()).await?);
                }
            }
        }
        Ok(failures)
    }
}

impl Jobs {
    async fn failure(&self, job_id: &str, thing_name: &str, status: &str) -> PortResult<Failure> {
        let request = self.client.describe_job_execution().job_id(job_id).thing_name(thing_name);
        let details = match request.send().await {
            Ok(answer) => {
                answer.execution.and_then(|execution| execution.status_details).and_then(|said| said.details_map)
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => None,
            Err(error) => return Err(failed("DescribeJobExecution", &error)),
        };
        let details = details.unwrap_or_default().into_iter().collect();
        Ok(Failure { thing_name: thing_name.to_owned(), status: status.to_owned(), details })
    }

    async fn page(
        &self,
        group: &str,
        size: i32,
        page: Option<&str>,
    ) -> PortResult<Option<(Vec<String>, Option<String>)>> {
        let request = self
            .client
            .list_things_in_thing_group()
            .thing_group_name(group)
            .recursive(true)
            .max_results(size)
            .set_next_token(page.map(str::to_owned));
        match request.send().await {
            Ok(answer) => Ok(Some((answer.things.unwrap_or_default(), answer.next_token))),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(failed("ListThingsInThingGroup", &error)),
        }
    }
}

impl ListGroup for Jobs {
    async fn list_group(&self, group: &str, most: usize) -> PortResult<Option<Vec<String>>> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        loop {
            let Some((things, next)) = self.page(group, 250, token.as_deref()).await? else { return Ok(None) };
            all.extend(things);
            if next.is_none() || all.len() >= most {
                all.truncate(most);
                return Ok(Some(all));
            }
            token = next;
        }
    }
}

impl FillGroup for Jobs {
    async fn fill_group(
        &self,
        group: &str,
        of: &str,
        hundredths: Range<u8>,
        page: Option<&str>,
    ) -> PortResult<Option<String>> {
        if page.is_none() {
            let made = self.client.create_thing_group().thing_group_name(group).send().await;
            made.map(drop).or_else(|error| match error.as_service_error() {
                Some(exists) if exists.is_resource_already_exists_exception() => Ok(()),
                _ => Err(failed("CreateThingGroup", &error)),
            })?;
        }
        let Some((things, next)) = self.page(of, PAGE, page).await? else {
            let error = PortError::new("ListThingsInThingGroup", format!("there is no thing group `{of}`"));
            return Err(error.of_kind(fleet::ports::ErrorKind::Permanent));
        };
        for name in things.into_iter().filter(|name| hundredths.contains(&hundredth(name))) {
            let request = self.client.add_thing_to_thing_group().thing_name(name).thing_group_name(group);
            match request.send().await {
                Ok(_) => {}
                // The thing was deleted meanwhile.
                Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
                Err(error) => return Err(failed("AddThingToThingGroup", &error)),
            }
        }
        Ok(next)
    }
}

impl SwitchOnJobEvents for Jobs {
    async fn switch_on_job_events(&self) -> PortResult<()> {
        let on = || Configuration::builder().enabled(true).build();
        let request = self
            .client
            .update_event_configurations()
            .event_configurations(EventType::Job, on())
            .event_configurations(EventType::JobExecution, on());
        request.send().await.map(drop).map_err(|error| failed("UpdateEventConfigurations", &error))
    }
}
