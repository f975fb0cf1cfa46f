//! "StartCommandExecution", and the request that goes to the device.
//!
//! Source: API reference of "StartCommandExecution", and "Start a command execution" of the developer guide.

use crate::book::{Commands, conflict, invalid, write_execution};
use crate::command::{CommandRow, format_of};
use crate::context::Context;
use crate::execution::{ExecutionRow, Token};
use crate::lists::command_of;
use crate::parameter::{self, resolve};
use crate::target::Target;
use crate::template::{self, Template};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp};
use drydock_model::iot::{CommandExecutionStatus as Status, CommandParameterValue, OutputFormat};
use drydock_model::iot_jobs_data as data;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// How long an execution may take, in seconds: where nothing is said of it, and at most (12 hours).
const TIMEOUT: i64 = 10;
const LONGEST_TIMEOUT: i64 = 43_200;
/// The most executions that may run on a device at a time.
const MOST_RUNNING: usize = 100;

/// An execution that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub execution: SmolStr,
    /// What is to be published; `None` where the same request was made before.
    pub request: Option<Request>,
}

/// What goes to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The execution.
    pub execution: SmolStr,
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The payload's content type.
    pub content_type: String,
    /// When the execution's time is up, after which its device does not get it.
    pub expires: Timestamp,
}

impl Commands {
    /// "StartCommandExecution", under an id that is made for it. What was asked for under the same client token before is answered
    /// as it was.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for a command or a thing that is not there; `ConflictException` for a client token of another
    /// request; `ServiceQuotaExceededException` for a device on which 100 executions run; `ValidationException` for a command that
    /// is deprecated or pending deletion, and for a target, a timeout or parameters that cannot be.
    pub fn start_execution(
        &mut self,
        mut request: data::StartCommandExecutionRequest,
        id: SmolStr,
        context: &Context<'_>,
    ) -> Result<Done<Started>, ApiError> {
        let token = request.client_token.take();
        let asked = request.to_json();
        if let Some(before) = token.as_ref().and_then(|token| self.tokens.get(token)) {
            let known = self.executions.get(before).and_then(|row| row.token.as_ref());
            if known.is_none_or(|known| known.asked != asked) {
                return Err(conflict("clientToken was given for another request before"));
            }
            return Ok(Done::reply(Started { execution: before.clone(), request: None }));
        }
        let command_id = command_of(&self.scope, &request.command_arn)?;
        let target = Target::of_arn(&self.scope, &request.target_arn)?;
        let timeout = request.execution_timeout_seconds.unwrap_or(TIMEOUT);
        if !(1..=LONGEST_TIMEOUT).contains(&timeout) {
            return Err(invalid(format!("executionTimeoutSeconds must be 1 to {LONGEST_TIMEOUT}, not {timeout}")));
        }
        let command = self.command(&command_id)?;
        if let Some(thing) = target.thing().filter(|thing| !context.fleet.has_thing(thing)) {
            return Err(ApiError::not_found(format!("there is no thing `{thing}`")));
        }
        if command.deletes.is_some() {
            return Err(invalid(format!("the command `{command_id}` is pending deletion")));
        }
        if command.deprecated.is_some() {
            return Err(invalid(format!("the command `{command_id}` is deprecated: restore it before it is executed")));
        }
        let given: BTreeMap<_, _> =
            request.parameters.unwrap_or_default().into_iter().map(|(name, value)| (name, of_data(value))).collect();
        let resolved = resolve(command, given)?;
        let running = self.running.get(&target).copied().unwrap_or_default();
        if running >= MOST_RUNNING {
            let why = format!("{running} command executions run on `{target}`; the limit is {MOST_RUNNING}");
            return Err(ApiError::new(ErrorCode::ServiceQuotaExceededException, why));
        }
        let row = ExecutionRow {
            command: command_id.clone(),
            target,
            parameters: (!resolved.is_empty()).then_some(resolved),
            timeout,
            created: context.now,
            updated: context.now,
            completed: None,
            status: Status::Created,
            reason: None,
            result: None,
            sent: false,
            token: token.map(|token| Token { token, asked }),
        };
        let made = request_of(&id, &row, command)?;
        let done =
            Done::written(Started { execution: id.clone(), request: Some(made) }, vec![write_execution(&id, &row)]);
        let done = done.with(row.event(&self.scope, &id, context.now));
        self.put_execution(id, row);
        Ok(done)
    }

    /// The requests that are not known to have been published, of executions that still run: a kill may have come between.
    #[must_use]
    pub fn unsent(&self) -> Vec<Request> {
        let requests = self.unsent.iter().filter_map(|id| {
            let row = self.executions.get(id).filter(|row| row.is_running())?;
            request_of(id, row, self.commands.get(&row.command)?).ok()
        });
        requests.collect()
    }

    /// The request of an execution has been published.
    pub fn sent(&mut self, id: &SmolStr) -> Done<()> {
        let row = self.executions.get(id).filter(|row| !row.sent).cloned();
        let Some(mut row) = row else { return Done::reply(()) };
        row.sent = true;
        let write = write_execution(id, &row);
        self.put_execution(id.clone(), row);
        Done::written((), vec![write])
    }
}

/// A value of the one API as that of the other.
fn of_data(value: data::CommandParameterValue) -> CommandParameterValue {
    let data::CommandParameterValue { b, bin, d, i, l, s, ul } = value;
    CommandParameterValue { b, bin, d, i, l, s, ul }
}

/// The request of an execution.
fn request_of(id: &SmolStr, row: &ExecutionRow, command: &CommandRow) -> Result<Request, ApiError> {
    let (payload, content_type) = match (&command.payload, &command.template) {
        (Some(payload), _) => {
            let content = payload.content.clone().unwrap_or_default();
            (content.to_vec(), payload.content_type.clone().unwrap_or_default())
        }
        (None, template) => {
            let template = Template::read(template.as_deref().unwrap_or_default()).map_err(invalid)?;
            let shapes = row.parameters.iter().flatten();
            let values = shapes.filter_map(|(name, shape)| Some((name.clone(), parameter::to_cbor(shape)?)));
            let filled = template.filled(&values.collect(), row.timeout);
            match command.output() {
                OutputFormat::Json => (template::json(filled), "application/json".to_owned()),
                OutputFormat::Cbor => (template::cbor(&filled), "application/cbor".to_owned()),
            }
        }
    };
    let format = format_of(&content_type).map(|format| format!("/{format}")).unwrap_or_default();
    let topic = format!("{}/request{format}", row.target.topic(id));
    Ok(Request { execution: id.clone(), topic, payload, content_type, expires: row.ends() })
}
