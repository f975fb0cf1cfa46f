//! The rulebook's state and how it is filled again.

use crate::command::CommandRow;
use crate::execution::ExecutionRow;
use crate::target::Target;
use drydock_core::{ApiError, CorruptRow, ErrorCode, Event, Rulebook, Scope, Timestamp, Write};
use serde::Serialize;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const COMMANDS: &str = "commands";
pub(crate) const EXECUTIONS: &str = "command_executions";

/// What is due at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The device of an execution has not answered.
    Timeout(SmolStr),
    /// An execution is no longer kept.
    Forget(SmolStr),
    /// A command that is pending deletion goes.
    Delete(SmolStr),
}

/// The commands of an account in a region, and their executions.
#[derive(Debug)]
pub struct Commands {
    pub(crate) scope: Scope,
    pub(crate) commands: BTreeMap<SmolStr, CommandRow>,
    pub(crate) executions: BTreeMap<SmolStr, ExecutionRow>,
    /// The executions of a command and on a device.
    pub(crate) by_command: BTreeSet<(SmolStr, SmolStr)>,
    pub(crate) by_target: BTreeSet<(Target, SmolStr)>,
    /// How many executions of a device run.
    pub(crate) running: BTreeMap<Target, usize>,
    /// The executions of those requests that had a token.
    pub(crate) tokens: BTreeMap<String, SmolStr>,
    pub(crate) due: BTreeSet<(Timestamp, Due)>,
    /// The executions whose request is not known to have been published.
    pub(crate) unsent: BTreeSet<SmolStr>,
}

impl Commands {
    /// A book without commands.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            commands: BTreeMap::new(),
            executions: BTreeMap::new(),
            by_command: BTreeSet::new(),
            by_target: BTreeSet::new(),
            running: BTreeMap::new(),
            tokens: BTreeMap::new(),
            due: BTreeSet::new(),
            unsent: BTreeSet::new(),
        }
    }

    /// Whether there is a command of this id.
    #[must_use]
    pub fn has_command(&self, id: &str) -> bool {
        self.commands.contains_key(id)
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn command(&self, id: &str) -> Result<&CommandRow, ApiError> {
        self.commands.get(id).ok_or_else(|| ApiError::not_found(format!("there is no command `{id:.100}`")))
    }

    /// Puts a command in the place of what it was.
    pub(crate) fn put_command(&mut self, id: SmolStr, row: CommandRow) {
        self.take_command(&id);
        if let Some(at) = row.deletes {
            self.due.insert((at, Due::Delete(id.clone())));
        }
        self.commands.insert(id, row);
    }

    pub(crate) fn take_command(&mut self, id: &SmolStr) -> Option<CommandRow> {
        let row = self.commands.remove(id)?;
        if let Some(at) = row.deletes {
            self.due.remove(&(at, Due::Delete(id.clone())));
        }
        Some(row)
    }

    /// Puts an execution in the place of what it was, and into all that follows from it.
    pub(crate) fn put_execution(&mut self, id: SmolStr, row: ExecutionRow) {
        self.take_execution(&id);
        self.by_command.insert((row.command.clone(), id.clone()));
        self.by_target.insert((row.target.clone(), id.clone()));
        if let Some(token) = &row.token {
            self.tokens.insert(token.token.clone(), id.clone());
        }
        if row.is_running() {
            *self.running.entry(row.target.clone()).or_default() += 1;
        }
        if let Some(at) = row.deadline() {
            self.due.insert((at, Due::Timeout(id.clone())));
        }
        self.due.insert((row.kept_until(), Due::Forget(id.clone())));
        if !row.sent {
            self.unsent.insert(id.clone());
        }
        self.executions.insert(id, row);
    }

    /// Takes an execution out, and out of all that follows from it.
    pub(crate) fn take_execution(&mut self, id: &SmolStr) -> Option<ExecutionRow> {
        let row = self.executions.remove(id)?;
        self.by_command.remove(&(row.command.clone(), id.clone()));
        self.by_target.remove(&(row.target.clone(), id.clone()));
        if let Some(token) = &row.token {
            self.tokens.remove(&token.token);
        }
        if row.is_running()
            && let Some(count) = self.running.get_mut(&row.target)
        {
            *count -= 1;
            if *count == 0 {
                self.running.remove(&row.target);
            }
        }
        if let Some(at) = row.deadline() {
            self.due.remove(&(at, Due::Timeout(id.clone())));
        }
        self.due.remove(&(row.kept_until(), Due::Forget(id.clone())));
        self.unsent.remove(id);
        Some(row)
    }
}

pub(crate) fn invalid(why: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::ValidationException, why)
}

pub(crate) fn conflict(why: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::ConflictException, why)
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

/// The write of an execution as it is.
pub(crate) fn write_execution(id: &str, row: &ExecutionRow) -> Write {
    Write::put(EXECUTIONS, id, json(row))
}

impl Rulebook for Commands {
    const TABLES: &'static [&'static str] = &[COMMANDS, EXECUTIONS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        let text = |error: serde_json::Error| corrupt(error.to_string());
        match table {
            COMMANDS => {
                let row = serde_json::from_str(value).map_err(text)?;
                self.put_command(key.into(), row);
            }
            EXECUTIONS => {
                let row = serde_json::from_str(value).map_err(text)?;
                self.put_execution(key.into(), row);
            }
            _ => return Err(corrupt("the table is not one of commands".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }

    fn promises(&self, event: &Event) -> bool {
        // The account is told of all of them: there is no setting for these.
        matches!(event, Event::CommandExecutionChanged { .. })
    }
}
