//! Tasks that apply actions: to findings, or to things in violation. A task is a list of executions, of one action on one finding or
//! violation each. Actions on one are applied in their order; where one fails, those behind it are skipped.

use super::Violation;
use crate::book::{Audit, MITIGATION_EXECUTIONS, MITIGATION_TASKS, json};
use drydock_core::{Done, Timestamp, Write};
use drydock_model::Wire;
use drydock_model::iot::{AuditFinding, MitigationAction};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;
use std::fmt;

/// What a task is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Audit,
    Detect,
}

/// Ids of tasks of either kind have nothing to do with each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskKey(pub(crate) Kind, pub(crate) SmolStr);

impl TaskKey {
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("audit", id) => Some(Self(Kind::Audit, id.into())),
            ("detect", id) => Some(Self(Kind::Detect, id.into())),
            _ => None,
        }
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.0 == Kind::Audit { "audit" } else { "detect" };
        write!(f, "{kind}/{}", self.1)
    }
}

/// A task, and the place of an execution in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExecutionKey(pub(crate) TaskKey, pub(crate) u32);

impl ExecutionKey {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (task, place) = text.rsplit_once('/')?;
        Some(Self(TaskKey::read(task)?, place.parse().ok()?))
    }
}

impl fmt::Display for ExecutionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:08}", self.0, self.1)
    }
}

/// Where a task or an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Pending,
    Running,
    Completed,
    Failed,
    Skipped,
    Canceled,
}

/// A task as it is stored. What was asked for is kept as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskRow {
    pub(crate) started: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
    pub(crate) state: State,
    pub(crate) token: SmolStr,
    pub(crate) asked: Value,
    #[serde(with = "drydock_model::row")]
    pub(crate) actions: Vec<MitigationAction>,
    /// The audit whose findings it is about, where it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audit: Option<SmolStr>,
}

/// An execution as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExecutionRow {
    /// The finding or the violation.
    pub(crate) of: SmolStr,
    /// The check, or the thing.
    pub(crate) about: SmolStr,
    pub(crate) action: SmolStr,
    pub(crate) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
}

impl ExecutionRow {
    pub(crate) fn new(of: &str, about: &str, action: &str) -> Self {
        let state = State::Pending;
        Self {
            of: of.into(),
            about: about.into(),
            action: action.into(),
            state,
            started: None,
            ended: None,
            error: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.state, State::Pending | State::Running)
    }
}

/// An action that is to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    pub(crate) key: ExecutionKey,
    /// The action.
    pub action: MitigationAction,
    /// What it is applied to.
    pub subject: Subject,
}

/// What an action is applied to.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A finding, with all that has to do with it.
    Finding(Box<AuditFinding>),
    /// A thing that violates a behavior.
    Thing(SmolStr),
    /// It is there no longer.
    Gone,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied.
    Completed,
    /// There was nothing to apply it to, and why.
    Skipped(String),
    /// It could not be applied: a code, and why.
    Failed(String, String),
}

impl Audit {
    /// Begins a task.
    pub(crate) fn begin_mitigation(
        &mut self,
        key: TaskKey,
        mut row: TaskRow,
        executions: Vec<ExecutionRow>,
    ) -> Vec<Write> {
        if executions.is_empty() {
            row.state = State::Completed;
            row.ended = Some(row.started);
        }
        let mut writes = vec![self.put_mitigation(key.clone(), row)];
        for (place, execution) in (0..).zip(executions) {
            writes.push(self.put_execution(ExecutionKey(key.clone(), place), execution));
        }
        writes
    }

    /// The next action that is to be applied, of the task that was started first.
    #[must_use]
    pub fn next_execution(&self) -> Option<Execution> {
        let task = self.open_mitigations.iter().next().map(|(_, key)| key)?;
        let (key, row) = self.executions_of(task).find(|(_, row)| !row.is_over())?;
        let action =
            self.mitigations.get(task)?.actions.iter().find(|action| action.name.as_deref() == Some(&row.action));
        let subject = match task.0 {
            Kind::Audit => match self.finding(&row.of) {
                Ok(found) => Subject::Finding(Box::new(found.finding().clone())),
                Err(_) => Subject::Gone,
            },
            Kind::Detect => Subject::Thing(row.about.clone()),
        };
        Some(Execution { key: key.clone(), action: action.cloned().unwrap_or_default(), subject })
    }

    /// Whether an action is still to be applied: not where its task was canceled.
    #[must_use]
    pub fn is_pending(&self, execution: &Execution) -> bool {
        self.executions.get(&execution.key).is_some_and(|row| !row.is_over())
    }

    /// Keeps what became of an action.
    pub fn end_execution(
        &mut self,
        execution: &Execution,
        outcome: Outcome,
        began: Timestamp,
        now: Timestamp,
    ) -> Done<()> {
        let key = &execution.key;
        let Some(mut row) = self.executions.get(key).cloned().filter(|row| !row.is_over()) else {
            return Done::reply(());
        };
        row.started = Some(began);
        row.ended = Some(now);
        (row.state, row.error) = match outcome {
            Outcome::Completed => (State::Completed, None),
            Outcome::Skipped(why) => (State::Skipped, Some(("SKIPPED".to_owned(), why))),
            Outcome::Failed(code, why) => (State::Failed, Some((code, why))),
        };
        let has_failed = row.state == State::Failed;
        let of = row.of.clone();
        let mut writes = vec![self.put_execution(key.clone(), row)];
        if has_failed {
            let behind = self.executions_of(&key.0).filter(|(_, row)| row.of == of && !row.is_over());
            let behind: Vec<_> = behind.map(|(key, row)| (key.clone(), row.clone())).collect();
            for (key, mut row) in behind {
                row.state = State::Skipped;
                row.ended = Some(now);
                writes.push(self.put_execution(key, row));
            }
        }
        let (mut is_over, mut failed) = (true, false);
        for (_, row) in self.executions_of(&key.0) {
            is_over &= row.is_over();
            failed |= row.state == State::Failed;
        }
        if is_over && let Some(mut task) = self.mitigations.get(&key.0).cloned() {
            task.state = if failed { State::Failed } else { State::Completed };
            task.ended = Some(now);
            writes.push(self.put_mitigation(key.0.clone(), task));
        }
        Done::written((), writes)
    }

    /// Cancels a task; what was applied stays.
    pub(crate) fn cancel_mitigation(&mut self, key: &TaskKey, now: Timestamp) -> Vec<Write> {
        let Some(mut task) = self.mitigations.get(key).cloned() else { return Vec::new() };
        let open = self.executions_of(key).filter(|(_, row)| !row.is_over());
        let open: Vec<_> = open.map(|(key, row)| (key.clone(), row.clone())).collect();
        let mut writes = Vec::new();
        for (key, mut row) in open {
            row.state = State::Canceled;
            row.ended = Some(now);
            writes.push(self.put_execution(key, row));
        }
        task.state = State::Canceled;
        task.ended = Some(now);
        writes.push(self.put_mitigation(key.clone(), task));
        writes
    }

    pub(crate) fn executions_of(&self, task: &TaskKey) -> impl Iterator<Item = (&ExecutionKey, &ExecutionRow)> {
        self.executions.range(ExecutionKey(task.clone(), 0)..=ExecutionKey(task.clone(), u32::MAX))
    }

    /// Tasks that run, of one kind.
    pub(crate) fn running_mitigations(&self, kind: Kind) -> usize {
        self.open_mitigations.iter().filter(|(_, key)| key.0 == kind).count()
    }

    /// Forgets tasks that are too old.
    pub(crate) fn forget_mitigations(&mut self, old: Timestamp) -> Vec<Write> {
        let gone = self.mitigations.iter().filter(|(_, row)| row.ended.is_some() && row.started < old);
        let gone: Vec<TaskKey> = gone.map(|(key, _)| key.clone()).collect();
        let mut writes = Vec::new();
        for key in gone {
            self.mitigations.remove(&key);
            writes.push(Write::delete(MITIGATION_TASKS, key.to_string()));
            let executions: Vec<ExecutionKey> = self.executions_of(&key).map(|(key, _)| key.clone()).collect();
            for key in executions {
                self.executions.remove(&key);
                writes.push(Write::delete(MITIGATION_EXECUTIONS, key.to_string()));
            }
        }
        writes
    }

    pub(crate) fn take_in_mitigation(&mut self, key: TaskKey, row: TaskRow) {
        let place = (row.started, key.clone());
        if row.state == State::Running {
            self.open_mitigations.insert(place);
        } else {
            self.open_mitigations.remove(&place);
        }
        self.mitigations.insert(key, row);
    }

    fn put_mitigation(&mut self, key: TaskKey, row: TaskRow) -> Write {
        let write = Write::put(MITIGATION_TASKS, key.to_string(), json(&row));
        self.take_in_mitigation(key, row);
        write
    }

    fn put_execution(&mut self, key: ExecutionKey, row: ExecutionRow) -> Write {
        let write = Write::put(MITIGATION_EXECUTIONS, key.to_string(), json(&row));
        self.executions.insert(key, row);
        write
    }
}

/// What a task was asked for, as the shape that it was.
pub(crate) fn asked<T: Wire>(row: &TaskRow) -> Option<T> {
    T::read(&row.asked, &drydock_model::wire::At::ROOT).ok()
}

/// The executions of some violations: each action on each thing.
pub(crate) fn of_violations(violations: &[Violation], actions: &[String]) -> Vec<ExecutionRow> {
    let each = violations
        .iter()
        .flat_map(|violation| actions.iter().map(|action| ExecutionRow::new(&violation.id, &violation.thing, action)));
    each.collect()
}
