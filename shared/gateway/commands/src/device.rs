//! What devices report of executions, and how they are refused.
//!
//! Source: "Command execution status" and "Update the result of a command execution" of the developer guide. The codes are those
//! of the guide and of the AWS IoT Device SDKs' clients.

use crate::book::{Commands, write_execution};
use crate::target::Target;
use drydock_core::{ApiError, Done, Timestamp};
use drydock_model::iot::{CommandExecutionResult, CommandExecutionStatus as Status, StatusReason};
use serde_json::{Map, Value};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Why a report is refused, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are AWS's own, described in the guide's pages on commands")]
pub enum Refusal {
    InvalidTopic,
    InvalidJson,
    InvalidRequest,
    InvalidStateTransition,
    TerminalStateReached,
    ResourceNotFound,
    RequestThrottled,
    InternalError,
}

impl Refusal {
    /// The code as AWS spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTopic => "InvalidTopic",
            Self::InvalidJson => "InvalidJson",
            Self::InvalidRequest => "InvalidRequest",
            Self::InvalidStateTransition => "InvalidStateTransition",
            Self::TerminalStateReached => "TerminalStateReached",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::RequestThrottled => "RequestThrottled",
            Self::InternalError => "InternalError",
        }
    }
}

/// A report that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The same in words.
    pub message: String,
}

impl Refused {
    /// A refusal with a message.
    #[must_use]
    pub fn new(refusal: Refusal, message: impl Into<String>) -> Self {
        Self { refusal, message: message.into() }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::new(Refusal::InternalError, error.message)
    }
}

/// "UpdateCommandExecution".
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What the execution has come to.
    pub status: Status,
    /// Why.
    pub reason: Option<StatusReason>,
    /// What came out of it.
    pub result: Option<BTreeMap<String, CommandExecutionResult>>,
}

impl Commands {
    /// "UpdateCommandExecution": a device reports on one of its executions.
    ///
    /// # Errors
    /// [`Refused`] for an execution that is not there, for one that has ended, and for a status that it cannot have.
    pub fn update_execution(
        &mut self,
        target: &Target,
        id: &str,
        report: Report,
        now: Timestamp,
    ) -> Result<Done<()>, Refused> {
        let found = self.executions.get(id).filter(|row| row.target == *target);
        let mut row = found.cloned().ok_or_else(|| {
            Refused::new(Refusal::ResourceNotFound, format!("there is no command execution `{id:.64}` on `{target}`"))
        })?;
        let (before, status) = (row.status, report.status);
        if row.is_terminal() {
            let why = format!("the command execution is {before} and takes no more updates");
            return Err(Refused::new(Refusal::TerminalStateReached, why));
        }
        let begins_again = before == Status::TimedOut && status == Status::InProgress;
        if status == Status::Created || begins_again {
            let why = format!("a command execution that is {before} cannot become {status}");
            return Err(Refused::new(Refusal::InvalidStateTransition, why));
        }
        row.status = status;
        row.reason = report.reason;
        row.result = report.result.or(row.result);
        row.updated = now;
        row.completed = (status != Status::InProgress).then_some(now);
        let id = SmolStr::new(id);
        let mut done = Done::written((), vec![write_execution(&id, &row)]);
        if status != before || row.is_terminal() {
            done.events.push(row.event(&self.scope, &id, now));
        }
        self.put_execution(id, row);
        Ok(done)
    }
}

/// A report was taken.
#[must_use]
pub fn accepted(execution: &str, token: Option<&str>) -> Value {
    body(execution, token).into()
}

/// A report was refused.
#[must_use]
pub fn rejected(refused: &Refused, execution: &str, token: Option<&str>) -> Value {
    let mut body = body(execution, token);
    body.insert("error".to_owned(), refused.refusal.as_str().into());
    body.insert("errorMessage".to_owned(), refused.message.as_str().into());
    body.into()
}

fn body(execution: &str, token: Option<&str>) -> Map<String, Value> {
    let token = token.map(|token| ("clientToken".to_owned(), token.into()));
    [("executionId".to_owned(), execution.into())].into_iter().chain(token).collect()
}
