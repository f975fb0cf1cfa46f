//! "GetCommand", "UpdateCommand" and "DeleteCommand".
//!
//! Source: the API reference of the operations; "Command states", "Deprecate or restore a command resource" and "Delete a command
//! resource" of the developer guide.

use crate::book::{COMMANDS, Commands, conflict, json};
use crate::command::arn;
use drydock_core::{ApiError, Done, Timestamp, Write};
use drydock_model::iot::{
    CommandNamespace, DeleteCommandRequest, DeleteCommandResponse, GetCommandRequest, GetCommandResponse,
    UpdateCommandRequest, UpdateCommandResponse,
};
use smol_str::SmolStr;

/// The longest that an execution may take, in milliseconds: 12 hours. A command that is not deprecated for longer is deleted then.
const LONGEST: i64 = 12 * 3_600_000;
const DELETED: i32 = 204;
const PENDING: i32 = 202;

impl Commands {
    /// "GetCommand".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_command(&self, request: &GetCommandRequest) -> Result<GetCommandResponse, ApiError> {
        let row = self.command(&request.command_id)?.clone();
        Ok(GetCommandResponse {
            command_arn: Some(arn(&self.scope, &request.command_id)),
            command_id: Some(request.command_id.clone()),
            created_at: Some(row.created),
            deprecated: Some(row.deprecated.is_some()),
            description: row.description,
            display_name: row.display_name,
            last_updated_at: Some(row.updated),
            mandatory_parameters: row.parameters,
            namespace: Some(CommandNamespace::AwsIoT),
            payload: row.payload,
            payload_template: row.template,
            pending_deletion: Some(row.deletes.is_some()),
            preprocessor: row.preprocessor,
            role_arn: None,
        })
    }

    /// "UpdateCommand".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `ConflictException` for a command that is pending deletion, and for one that is and stays
    /// deprecated.
    pub fn update_command(
        &mut self,
        request: UpdateCommandRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateCommandResponse>, ApiError> {
        let id = SmolStr::new(&request.command_id);
        let mut row = self.command(&id)?.clone();
        if row.deletes.is_some() {
            return Err(conflict(format!("the command `{id}` is pending deletion")));
        }
        let edits = request.display_name.is_some() || request.description.is_some();
        if edits && row.deprecated.is_some() && request.deprecated != Some(false) {
            return Err(conflict(format!("the command `{id}` is deprecated: restore it before it is edited")));
        }
        row.display_name = request.display_name.or(row.display_name);
        row.description = request.description.or(row.description);
        row.deprecated = match request.deprecated {
            None => row.deprecated,
            Some(false) => None,
            Some(true) => row.deprecated.or(Some(now)),
        };
        row.updated = now;
        let reply = UpdateCommandResponse {
            command_id: Some(request.command_id),
            deprecated: Some(row.deprecated.is_some()),
            description: row.description.clone(),
            display_name: row.display_name.clone(),
            last_updated_at: Some(now),
        };
        let write = Write::put(COMMANDS, id.as_str(), json(&row));
        self.put_command(id, row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DeleteCommand": at once where it has been deprecated for longer than an execution may take, else when that time has
    /// passed. A command that is not there is deleted: AWS has no error for it.
    pub fn delete_command(&mut self, request: &DeleteCommandRequest, now: Timestamp) -> Done<DeleteCommandResponse> {
        let id = SmolStr::new(&request.command_id);
        let reply = |code| DeleteCommandResponse { status_code: Some(code) };
        let Some(row) = self.commands.get(&id) else { return Done::reply(reply(DELETED)) };
        if row.deprecated.is_some_and(|since| now.since(since) > LONGEST) {
            self.take_command(&id);
            return Done::written(reply(DELETED), vec![Write::delete(COMMANDS, id.as_str())]);
        }
        if row.deletes.is_some() {
            return Done::reply(reply(PENDING));
        }
        let mut row = row.clone();
        row.deletes = Some(now.plus_millis(LONGEST));
        row.updated = now;
        let write = Write::put(COMMANDS, id.as_str(), json(&row));
        self.put_command(id, row);
        Done::written(reply(PENDING), vec![write])
    }
}
