//! The rulebook's state and how it is filled again.

use crate::checks;
use crate::configuration::ConfigurationRow;
use crate::connections::{Conflict, Connection};
use crate::finding::FindingRow;
use crate::mitigation::{self, ActionRow, ExecutionKey, ExecutionRow, TaskKey};
use crate::schedule::ScheduleRow;
use crate::suppression::SuppressionRow;
use crate::task::TaskRow;
use drydock_core::{ApiError, CorruptRow, Rulebook, Scope, Timestamp, Write, page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const CONFIGURATION: &str = "audit_configuration";
pub(crate) const SCHEDULES: &str = "audit_schedules";
pub(crate) const TASKS: &str = "audit_tasks";
pub(crate) const FINDINGS: &str = "audit_findings";
pub(crate) const SUPPRESSIONS: &str = "audit_suppressions";
pub(crate) const SHARING: &str = "audit_shared_certificates";
pub(crate) const CONFLICTS: &str = "audit_conflicting_clients";
pub(crate) const SERVICES: &str = "audit_used_services";
pub(crate) const MITIGATION_ACTIONS: &str = "mitigation_actions";
pub(crate) const MITIGATION_TASKS: &str = "mitigation_tasks";
pub(crate) const MITIGATION_EXECUTIONS: &str = "mitigation_executions";
/// The key of the one row of the configuration.
pub(crate) const ONLY: &str = "configuration";

/// Entries of a page, where the caller does not say.
const PAGE: usize = 25;

/// How long audits and their findings are kept, in milliseconds: 90 days.
pub(crate) const KEPT: i64 = 90 * 86_400_000;

/// A time and an id: by which what is listed is in the order of time.
pub(crate) type Place = (Timestamp, SmolStr);

/// Device Defender's audits of an account in a region.
#[derive(Debug)]
pub struct Audit {
    pub(crate) scope: Scope,
    pub(crate) configuration: Option<ConfigurationRow>,
    pub(crate) schedules: BTreeMap<SmolStr, ScheduleRow>,
    pub(crate) tasks: BTreeMap<SmolStr, TaskRow>,
    pub(crate) tasks_by_age: BTreeSet<Place>,
    /// Those that run, or that a topic is still to be told of.
    pub(crate) open_tasks: BTreeSet<Place>,
    pub(crate) findings: BTreeMap<SmolStr, FindingRow>,
    pub(crate) findings_by_age: BTreeSet<Place>,
    /// The findings of a task, in the order of time.
    pub(crate) findings_by_task: BTreeMap<SmolStr, BTreeSet<Place>>,
    pub(crate) suppressions: BTreeMap<SmolStr, SuppressionRow>,
    /// Connections that were there at once with one certificate, the latest first.
    pub(crate) sharing: BTreeMap<SmolStr, Vec<Connection>>,
    /// Connections that were thrown off, by client id, the latest first.
    pub(crate) conflicts: BTreeMap<SmolStr, Vec<Conflict>>,
    /// When services were last used with the credentials of a role, by its ARN.
    pub(crate) services: BTreeMap<SmolStr, BTreeMap<SmolStr, Timestamp>>,
    pub(crate) actions: BTreeMap<SmolStr, ActionRow>,
    pub(crate) mitigations: BTreeMap<TaskKey, mitigation::TaskRow>,
    /// Those that run.
    pub(crate) open_mitigations: BTreeSet<(Timestamp, TaskKey)>,
    pub(crate) executions: BTreeMap<ExecutionKey, ExecutionRow>,
}

impl Audit {
    /// An account in which nothing is audited.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            configuration: None,
            schedules: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tasks_by_age: BTreeSet::new(),
            open_tasks: BTreeSet::new(),
            findings: BTreeMap::new(),
            findings_by_age: BTreeSet::new(),
            findings_by_task: BTreeMap::new(),
            suppressions: BTreeMap::new(),
            sharing: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            services: BTreeMap::new(),
            actions: BTreeMap::new(),
            mitigations: BTreeMap::new(),
            open_mitigations: BTreeSet::new(),
            executions: BTreeMap::new(),
        }
    }

    /// Whether there is a scheduled audit of this name.
    #[must_use]
    pub fn has_schedule(&self, name: &str) -> bool {
        self.schedules.contains_key(name)
    }

    pub(crate) fn take_in_task(&mut self, id: SmolStr, row: TaskRow) {
        let place = (row.started, id.clone());
        if row.is_open() {
            self.open_tasks.insert(place.clone());
        } else {
            self.open_tasks.remove(&place);
        }
        self.tasks_by_age.insert(place);
        self.tasks.insert(id, row);
    }

    pub(crate) fn put_task(&mut self, id: SmolStr, row: TaskRow) -> Write {
        let write = Write::put(TASKS, id.as_str(), json(&row));
        self.take_in_task(id, row);
        write
    }

    pub(crate) fn take_in_finding(&mut self, id: SmolStr, row: FindingRow) {
        let place = (row.time(), id.clone());
        self.findings_by_task.entry(row.task()).or_default().insert(place.clone());
        self.findings_by_age.insert(place);
        self.findings.insert(id, row);
    }

    pub(crate) fn remove_finding(&mut self, id: &SmolStr) -> Option<Write> {
        let row = self.findings.remove(id)?;
        let place = (row.time(), id.clone());
        self.findings_by_age.remove(&place);
        if let Some(of) = self.findings_by_task.get_mut(&row.task()) {
            of.remove(&place);
            if of.is_empty() {
                self.findings_by_task.remove(&row.task());
            }
        }
        Some(Write::delete(FINDINGS, id.as_str()))
    }
}

pub(crate) fn json(row: &impl Serialize) -> String {
    // Rows are structs of texts and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

/// The check of a name that a request has.
pub(crate) fn check(name: &str) -> Result<&'static checks::Check, ApiError> {
    checks::find(name).ok_or_else(|| ApiError::invalid(format!("`{name:.128}` is not an audit check")))
}

/// The place that a page begins after.
pub(crate) fn place(operation: &str, token: Option<&str>) -> Result<Option<String>, ApiError> {
    token.map(|token| page::place(operation, token)).transpose()
}

/// The same where places are times and ids.
pub(crate) fn place_in_time(operation: &str, token: Option<&str>) -> Result<Option<Place>, ApiError> {
    let Some(place) = place(operation, token)? else { return Ok(None) };
    let read = || {
        let (time, id) = place.split_once('/')?;
        Some((Timestamp(time.parse().ok()?), id.into()))
    };
    read().map(Some).ok_or_else(|| ApiError::invalid("the token is damaged: leave it out to begin anew"))
}

/// A page of entries with their places, and the token of the next one.
pub(crate) fn cut<T>(
    operation: &str,
    entries: impl Iterator<Item = (String, T)>,
    size: Option<i32>,
) -> (Vec<T>, Option<String>) {
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE);
    let (page, next) = page::cut(entries, size, |(place, _)| place.clone());
    let next = next.map(|place| page::token(operation, &place));
    (page.into_iter().map(|(_, entry)| entry).collect(), next)
}

/// A place in time as a token has it.
pub(crate) fn in_time((time, id): &Place) -> String {
    format!("{}/{id}", time.millis())
}

impl Rulebook for Audit {
    const TABLES: &'static [&'static str] = &[
        CONFIGURATION,
        SCHEDULES,
        TASKS,
        FINDINGS,
        SUPPRESSIONS,
        SHARING,
        CONFLICTS,
        SERVICES,
        MITIGATION_ACTIONS,
        MITIGATION_TASKS,
        MITIGATION_EXECUTIONS,
    ];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        fn row<T: DeserializeOwned>(value: &str) -> Result<T, String> {
            serde_json::from_str(value).map_err(|error| error.to_string())
        }
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        match table {
            CONFIGURATION => self.configuration = Some(row(value).map_err(corrupt)?),
            SCHEDULES => drop(self.schedules.insert(key.into(), row(value).map_err(corrupt)?)),
            TASKS => self.take_in_task(key.into(), row(value).map_err(corrupt)?),
            FINDINGS => self.take_in_finding(key.into(), row(value).map_err(corrupt)?),
            SUPPRESSIONS => drop(self.suppressions.insert(key.into(), row(value).map_err(corrupt)?)),
            SHARING => drop(self.sharing.insert(key.into(), row(value).map_err(corrupt)?)),
            SERVICES => drop(self.services.insert(key.into(), row(value).map_err(corrupt)?)),
            CONFLICTS => drop(self.conflicts.insert(key.into(), row(value).map_err(corrupt)?)),
            MITIGATION_ACTIONS => drop(self.actions.insert(key.into(), row(value).map_err(corrupt)?)),
            MITIGATION_TASKS => {
                let of =
                    mitigation::TaskKey::read(key).ok_or_else(|| corrupt("the key does not name a task".into()))?;
                self.take_in_mitigation(of, row(value).map_err(corrupt)?);
            }
            MITIGATION_EXECUTIONS => {
                let of = ExecutionKey::read(key).ok_or_else(|| corrupt("the key does not name an execution".into()))?;
                self.executions.insert(of, row(value).map_err(corrupt)?);
            }
            _ => return Err(corrupt("the table is not one of audits".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }
}
