//! A job on one of its things, as it is kept: all its executions there.

use crate::wire;
use drydock_core::Timestamp;
use drydock_model::iot::JobExecutionStatus as Status;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A job on one of its things.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assignment {
    /// Which thing of that name it is.
    pub(crate) thing_id: Uuid,
    /// Whether the thing is still among the targets.
    pub(crate) targeted: bool,
    /// That an execution is to be made when its time comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<Waiting>,
    /// The number that was given last.
    pub(crate) last: i64,
    /// How often it was tried again after it failed, and after it timed out.
    #[serde(default)]
    pub(crate) retried: Retried,
    /// Whether what it has installed is still to be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) untold: bool,
    /// In the order of their numbers. Of them the last alone may be one that has not ended.
    #[serde(default)]
    pub(crate) executions: Vec<Execution>,
}

/// An execution that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Waiting {
    /// The number of retries before it, with it.
    pub(crate) attempt: i32,
    /// Whether the rate of the rollout does not hold for it: a retry, or a thing that came late.
    pub(crate) late: bool,
}

/// How often a job was tried again on a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retried {
    pub(crate) failed: i32,
    pub(crate) timed_out: i32,
}

/// A job execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Execution {
    /// Starts at 1 for each job on a thing.
    pub(crate) number: i64,
    #[serde(with = "wire")]
    pub(crate) status: Status,
    pub(crate) queued: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<Timestamp>,
    pub(crate) updated: Timestamp,
    /// Starts at 1 and goes up with each update.
    pub(crate) version: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) details: BTreeMap<String, String>,
    /// Whether it was canceled in progress, by force.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) forced: bool,
    /// 0, or which retry it is.
    #[serde(default)]
    pub(crate) attempt: i32,
    /// When it times out, as the job has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Timestamp>,
    /// When it times out, as its device has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step_timeout: Option<Timestamp>,
}

impl Execution {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status, Status::Queued | Status::InProgress)
    }

    /// When it times out, whichever timer is first.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let both = [self.timeout, self.step_timeout];
        both.into_iter().flatten().min().filter(|_| self.status == Status::InProgress)
    }
}

impl Assignment {
    /// The execution that has not ended, if there is one.
    pub(crate) fn open(&self) -> Option<&Execution> {
        self.executions.last().filter(|execution| execution.is_open())
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut Execution> {
        self.executions.last_mut().filter(|execution| execution.is_open())
    }

    /// An execution by its number, or the last one.
    pub(crate) fn execution(&self, number: Option<i64>) -> Option<&Execution> {
        match number {
            Some(number) => self.executions.iter().find(|execution| execution.number == number),
            None => self.executions.last(),
        }
    }

    /// Makes the execution that is waited for.
    pub(crate) fn queue(&mut self, now: Timestamp) {
        let Some(Waiting { attempt, .. }) = self.waiting.take() else { return };
        self.last += 1;
        self.executions.push(Execution {
            number: self.last,
            status: Status::Queued,
            queued: now,
            started: None,
            updated: now,
            version: 1,
            details: BTreeMap::new(),
            forced: false,
            attempt,
            timeout: None,
            step_timeout: None,
        });
    }
}
