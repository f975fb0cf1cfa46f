//! What devices ask of jobs over HTTPS: `iot-jobs-data`, with a certificate on the port of devices, or with a signature.
//!
//! Follows "Jobs device HTTP API" of the developer guide.

use super::runner::Runner;
use crate::call::{Call, logged, may};
use drydock_core::ApiError;
use drydock_jobs::device::{Named, Refused, Start, Update};
use drydock_logging::EventType;
use drydock_model::Router;
use drydock_model::iot_jobs_data::{DescribeJobExecutionResponse, StartNextPendingJobExecutionResponse, ops};
use drydock_policy::Action;
use std::sync::Arc;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::GetPendingJobExecutions>(|call: Call, input| async move {
        may(&call, Action::GetPendingJobExecutions, "thing", &input.thing_name)?;
        let found = jobs(&call).ask(|book, context| book.pending_of(&input.thing_name, None, context));
        answered(&call, EventType::GetPendingJobExecution, None, found)
    });
    router.on::<ops::DescribeJobExecution>(|call: Call, input| async move {
        may(&call, Action::DescribeJobExecution, "thing", &input.thing_name)?;
        let named = Named { thing: &input.thing_name, job: &input.job_id, namespace: None };
        let with_document = input.include_job_document.unwrap_or(true);
        let found = jobs(&call)
            .ask(|book, context| book.describe_for_device(named, input.execution_number, with_document, context));
        let found = found.map(|execution| DescribeJobExecutionResponse { execution });
        answered(&call, EventType::DescribeJobExecution, Some(&input.job_id), found)
    });
    router.on::<ops::StartNextPendingJobExecution>(|call: Call, input| async move {
        may(&call, Action::StartNextPendingJobExecution, "thing", &input.thing_name)?;
        let start = Start { details: input.status_details, step_timeout: input.step_timeout_in_minutes };
        let runner = jobs(&call);
        let done = runner.change(|book, context| book.start_next(&input.thing_name, None, start, context)).await;
        let done = done.map(|(execution, changed)| {
            runner.tell(&changed);
            StartNextPendingJobExecutionResponse { execution }
        });
        answered(&call, EventType::StartNextPendingJobExecution, None, done)
    });
    router.on::<ops::UpdateJobExecution>(|call: Call, input| async move {
        may(&call, Action::UpdateJobExecution, "thing", &input.thing_name)?;
        let named = Named { thing: &input.thing_name, job: &input.job_id, namespace: None };
        let status = input.status.as_str().parse().unwrap_or_default();
        let update = Update {
            status,
            details: input.status_details,
            expected: input.expected_version,
            number: input.execution_number,
            with_state: input.include_job_execution_state.unwrap_or_default(),
            with_document: input.include_job_document.unwrap_or_default(),
            step_timeout: input.step_timeout_in_minutes,
        };
        let runner = jobs(&call);
        let done = runner.change(|book, context| book.update_execution(named, update, context)).await;
        let done = done.map(|(answer, changed)| {
            runner.tell(&changed);
            answer
        });
        answered(&call, EventType::UpdateJobExecution, Some(&input.job_id), done)
    });
}

fn jobs(call: &Call) -> &Arc<Runner> {
    &call.services.jobs.runner
}

/// The answer, once it is in the logs.
fn answered<T>(call: &Call, event: EventType, job: Option<&str>, result: Result<T, Refused>) -> Result<T, ApiError> {
    let result = result.map_err(ApiError::from);
    logged(call, event, "", &result, |entry| entry.with_some("jobId", job));
    result
}
