//! "GetCommandExecution" and "DeleteCommandExecution".
//!
//! Source: the API reference of the operations, and "Retrieve a command execution" of the developer guide.

use crate::book::{Commands, EXECUTIONS, conflict};
use crate::command::arn;
use crate::execution::ExecutionRow;
use crate::target::Target;
use drydock_core::{ApiError, Done, Write};
use drydock_model::iot::{
    DeleteCommandExecutionRequest, DeleteCommandExecutionResponse, GetCommandExecutionRequest,
    GetCommandExecutionResponse,
};

impl Commands {
    /// An execution on a device.
    fn execution_on(&self, id: &str, target: &str) -> Result<Option<&ExecutionRow>, ApiError> {
        let target = Target::of_arn(&self.scope, target)?;
        Ok(self.executions.get(id).filter(|row| row.target == target))
    }

    /// "GetCommandExecution": with the result where it is asked for.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `ValidationException` for a target that cannot be.
    pub fn get_execution(&self, request: &GetCommandExecutionRequest) -> Result<GetCommandExecutionResponse, ApiError> {
        let GetCommandExecutionRequest { execution_id: id, include_result, target_arn } = request;
        let row = self.execution_on(id, target_arn)?.ok_or_else(|| {
            ApiError::not_found(format!("there is no command execution `{id}` on `{target_arn:.300}`"))
        })?;
        Ok(GetCommandExecutionResponse {
            command_arn: Some(arn(&self.scope, &row.command)),
            completed_at: row.completed,
            created_at: Some(row.created),
            execution_id: Some(id.clone()),
            execution_timeout_seconds: Some(row.timeout),
            last_updated_at: Some(row.updated),
            parameters: row.parameters.clone(),
            result: row.result.clone().filter(|_| *include_result == Some(true)),
            started_at: Some(row.created),
            status: Some(row.status),
            status_reason: row.reason.clone(),
            target_arn: Some(target_arn.clone()),
            time_to_live: Some(row.kept_until()),
        })
    }

    /// "DeleteCommandExecution". One that is not there is deleted: AWS has no error for it.
    ///
    /// # Errors
    /// `ConflictException` for one that has not ended; `ValidationException` for a target that cannot be.
    pub fn delete_execution(
        &mut self,
        request: &DeleteCommandExecutionRequest,
    ) -> Result<Done<DeleteCommandExecutionResponse>, ApiError> {
        let id = request.execution_id.as_str();
        let reply = DeleteCommandExecutionResponse {};
        let Some(row) = self.execution_on(id, &request.target_arn)? else { return Ok(Done::reply(reply)) };
        if !row.is_terminal() {
            let status = row.status;
            return Err(conflict(format!(
                "the command execution `{id}` is {status}: it can be deleted once its device has ended it"
            )));
        }
        self.take_execution(&id.into());
        Ok(Done::written(reply, vec![Write::delete(EXECUTIONS, id)]))
    }
}
