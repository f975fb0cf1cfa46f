//! An execution as it is kept.
//!
//! Source: "Command execution status" of the developer guide.

use crate::target::Target;
use crate::wire;
use drydock_core::event::commands::ExecutionState;
use drydock_core::{Event, Scope, Timestamp};
use drydock_model::iot::{
    CommandExecutionResult, CommandExecutionStatus as Status, CommandParameterValue, StatusReason,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// How long executions are kept: 180 days.
const KEPT: i64 = 180 * 24 * 3_600_000;

/// An execution of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExecutionRow {
    pub(crate) command: SmolStr,
    pub(crate) target: Target,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) parameters: Option<BTreeMap<String, CommandParameterValue>>,
    /// In seconds.
    pub(crate) timeout: i64,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// When the device said that it had ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) completed: Option<Timestamp>,
    #[serde(with = "wire")]
    pub(crate) status: Status,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<StatusReason>,
    #[serde(default, with = "wire", skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<BTreeMap<String, CommandExecutionResult>>,
    /// Whether the request has been published.
    pub(crate) sent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Token>,
}

/// What makes a repeated request known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) token: String,
    /// What was asked for under it.
    pub(crate) asked: Value,
}

impl ExecutionRow {
    /// Whether it takes no more reports: the device has said how it ended. That the device did not answer in time is not an end.
    pub(crate) fn is_terminal(&self) -> bool {
        self.completed.is_some()
    }

    /// Whether its device may still answer in time.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status, Status::Created | Status::InProgress)
    }

    /// When it times out, while it runs.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.is_running().then(|| self.ends())
    }

    /// When its time is up, whether it runs or not.
    pub(crate) fn ends(&self) -> Timestamp {
        self.created.plus_millis(self.timeout.saturating_mul(1000))
    }

    /// Until when it is kept.
    pub(crate) fn kept_until(&self) -> Timestamp {
        self.created.plus_millis(KEPT)
    }

    /// What is told of it as it is now.
    pub(crate) fn event(&self, scope: &Scope, id: &SmolStr, at: Timestamp) -> Event {
        let reason = self.reason.as_ref();
        let execution = ExecutionState {
            id: id.clone(),
            command: self.command.clone(),
            target: self.target.arn(scope),
            status: self.status.as_str(),
            reason: reason.map(|reason| (reason.reason_code.clone(), reason.reason_description.clone())),
        };
        Event::CommandExecutionChanged { execution: Box::new(execution), at }
    }
}
