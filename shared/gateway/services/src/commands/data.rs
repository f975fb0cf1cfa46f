//! "StartCommandExecution" of `iot-jobs-data`: by signed requests alone, as no policy of AWS IoT Core allows it.

use crate::call::{Call, logged};
use drydock_core::{ApiError, ErrorCode};
use drydock_logging::EventType;
use drydock_model::Router;
use drydock_model::iot_jobs_data::ops;
use std::sync::Arc;

pub(super) fn register(router: &mut Router<Call>) {
    router.on::<ops::StartCommandExecution>(|call: Call, input| async move {
        if call.device.is_some() {
            return Err(ApiError::new(
                ErrorCode::ForbiddenException,
                "a device cannot start command executions: sign the request with a key of the account",
            ));
        }
        let started = Arc::clone(&call.services.commands.runner).start(input).await;
        let execution = started.as_ref().ok().and_then(|started| started.execution_id.clone());
        logged(&call, EventType::StartCommandExecution, "", &started, |entry| {
            entry.with_some("executionId", execution.as_deref())
        });
        started
    });
}
