//! Audits as they run: the operations on them, and what whoever carries them out asks and tells. An audit is a list of checks, of which
//! each is done as a whole: findings that a check has made before it was interrupted go when it begins anew.

use crate::book::{Audit, KEPT, Place, cut, in_time, json, place_in_time};
use crate::checks::{Check, Found, find};
use crate::finding::FindingRow;
use drydock_core::{ApiError, Done, ErrorCode, Ids, Timestamp, Write};
use drydock_model::iot::{
    AuditCheckDetails, AuditCheckRunStatus, AuditTaskMetadata, AuditTaskStatus, AuditTaskType, CancelAuditTaskRequest,
    DescribeAuditTaskRequest, DescribeAuditTaskResponse, ListAuditTasksRequest, ListAuditTasksResponse,
    StartOnDemandAuditTaskRequest, StartOnDemandAuditTaskResponse, TaskStatistics,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _};
use std::collections::BTreeMap;
use std::ops::Bound;

/// The most audits on demand that run at once (quota "Simultaneous in-progress on-demand audits").
const MOST: usize = 10;
const LIST: &str = "ListAuditTasks";
/// A check was disabled while its audit ran ("AuditCheckDetails").
const CHECK_DISABLED: &str = "AUDIT_CHECK_DISABLED";

/// An audit as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskRow {
    pub(crate) started: Timestamp,
    #[serde(with = "drydock_model::row")]
    pub(crate) status: AuditTaskStatus,
    /// The scheduled audit that it is of; none where it was started on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scheduled: Option<SmolStr>,
    /// Since when checks look at connections; as far as they are kept where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    pub(crate) checks: BTreeMap<SmolStr, CheckRow>,
    /// Whether a topic is still to be told that it is over.
    #[serde(default)]
    pub(crate) to_tell: bool,
}

/// A check of an audit as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckRow {
    #[serde(with = "drydock_model::row")]
    pub(crate) status: AuditCheckRunStatus,
    /// How many resources were looked at.
    #[serde(default)]
    pub(crate) total: i64,
    /// How many of them do not comply, suppressed ones aside.
    #[serde(default)]
    pub(crate) found: i64,
    #[serde(default)]
    pub(crate) suppressed: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<(String, String)>,
}

impl CheckRow {
    fn new() -> Self {
        Self { status: AuditCheckRunStatus::InProgress, total: 0, found: 0, suppressed: 0, error: None }
    }

    fn is_over(&self) -> bool {
        self.status != AuditCheckRunStatus::InProgress
    }
}

impl TaskRow {
    /// Whether it runs, or is still to be told of.
    pub(crate) fn is_open(&self) -> bool {
        self.status == AuditTaskStatus::InProgress || self.to_tell
    }

    pub(crate) fn kind(&self) -> AuditTaskType {
        if self.scheduled.is_some() { AuditTaskType::ScheduledAuditTask } else { AuditTaskType::OnDemandAuditTask }
    }

    /// How many of its checks are in a state.
    pub(crate) fn count(&self, status: AuditCheckRunStatus) -> usize {
        self.checks.values().filter(|check| check.status == status).count()
    }

    /// Ends it where all of its checks are over. It has failed where none of them came to a result.
    fn settle(&mut self) {
        if self.status != AuditTaskStatus::InProgress || !self.checks.values().all(CheckRow::is_over) {
            return;
        }
        let has_failed = self.count(AuditCheckRunStatus::Failed) == self.checks.len();
        self.status = if has_failed { AuditTaskStatus::Failed } else { AuditTaskStatus::Completed };
        self.to_tell = true;
    }
}

/// A check that is to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The audit.
    pub task: SmolStr,
    /// The check.
    pub check: &'static Check,
    /// When the audit was started.
    pub started: Timestamp,
    /// Since when a scheduled audit looks at connections: it last came then.
    pub since: Option<Timestamp>,
}

/// What a check has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The scheduled audit that it was of; none where it was started on demand.
    pub scheduled: Option<SmolStr>,
    /// How many resources it has looked at.
    pub total: i64,
    /// How many of them do not comply, and are not suppressed.
    pub non_compliant: i64,
}

impl Audit {
    /// "StartOnDemandAuditTask".
    ///
    /// # Errors
    /// `InvalidRequestException` where a check is not one, or not enabled; `LimitExceededException` where ten run.
    pub fn start_task(
        &mut self,
        request: &StartOnDemandAuditTaskRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<StartOnDemandAuditTaskResponse>, ApiError> {
        let checks = self.enabled(&request.target_check_names)?;
        let running = self.open_tasks.iter().filter_map(|(_, id)| self.tasks.get(id));
        let on_demand = running.filter(|row| row.status == AuditTaskStatus::InProgress && row.scheduled.is_none());
        if on_demand.count() >= MOST {
            let message = format!("{MOST} audits on demand run, the most that may at once");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let (id, write) = self.begin(checks, None, None, now, ids);
        Ok(Done::written(StartOnDemandAuditTaskResponse { task_id: Some(id.to_string()) }, vec![write]))
    }

    fn begin(
        &mut self,
        checks: Vec<SmolStr>,
        scheduled: Option<SmolStr>,
        since: Option<Timestamp>,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> (SmolStr, Write) {
        let id = ids.uuid().simple().to_smolstr();
        let checks = checks.into_iter().map(|name| (name, CheckRow::new())).collect();
        let status = AuditTaskStatus::InProgress;
        let row = TaskRow { started: now, status, scheduled, since, checks, to_tell: false };
        let write = self.put_task(id.clone(), row);
        (id, write)
    }

    /// "DescribeAuditTask".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_task(&self, request: &DescribeAuditTaskRequest) -> Result<DescribeAuditTaskResponse, ApiError> {
        let row = self.task(&request.task_id)?;
        let count = |status| i32::try_from(row.count(status)).ok();
        let details = row.checks.iter().map(|(name, check)| {
            let told = check.is_over() && check.error.is_none();
            let completed = matches!(
                check.status,
                AuditCheckRunStatus::CompletedCompliant | AuditCheckRunStatus::CompletedNonCompliant
            );
            let details = AuditCheckDetails {
                check_run_status: Some(check.status),
                check_compliant: completed.then_some(check.status == AuditCheckRunStatus::CompletedCompliant),
                total_resources_count: told.then_some(check.total),
                non_compliant_resources_count: told.then_some(check.found),
                suppressed_non_compliant_resources_count: told.then_some(check.suppressed),
                error_code: check.error.as_ref().map(|(code, _)| code.clone()),
                message: check.error.as_ref().map(|(_, message)| message.clone()),
            };
            (name.to_string(), details)
        });
        Ok(DescribeAuditTaskResponse {
            audit_details: Some(details.collect()),
            scheduled_audit_name: row.scheduled.as_ref().map(ToString::to_string),
            task_start_time: Some(row.started),
            task_statistics: Some(TaskStatistics {
                canceled_checks: count(AuditCheckRunStatus::Canceled),
                compliant_checks: count(AuditCheckRunStatus::CompletedCompliant),
                failed_checks: count(AuditCheckRunStatus::Failed),
                in_progress_checks: count(AuditCheckRunStatus::InProgress),
                non_compliant_checks: count(AuditCheckRunStatus::CompletedNonCompliant),
                total_checks: i32::try_from(row.checks.len()).ok(),
                waiting_for_data_collection_checks: count(AuditCheckRunStatus::WaitingForDataCollection),
            }),
            task_status: Some(row.status),
            task_type: Some(row.kind()),
        })
    }

    /// "ListAuditTasks", the latest first.
    ///
    /// # Errors
    /// `InvalidRequestException` where the times are the wrong way round, or begin before what is kept, and for a token that no list has
    /// given.
    pub fn list_tasks(
        &self,
        request: &ListAuditTasksRequest,
        now: Timestamp,
    ) -> Result<ListAuditTasksResponse, ApiError> {
        if request.end_time < request.start_time {
            return Err(ApiError::invalid("`endTime` is before `startTime`"));
        }
        if request.start_time < now.plus_millis(-KEPT) {
            return Err(ApiError::invalid("`startTime` is more than 90 days ago, and audits are not kept for longer"));
        }
        let after = place_in_time(LIST, request.next_token.as_deref())?;
        let until = after.map_or(Bound::Included((request.end_time, last_id())), Bound::Excluded);
        let from: Bound<Place> = Bound::Included((request.start_time, SmolStr::default()));
        let empty = matches!(&until, Bound::Excluded(place) if place.0 < request.start_time);
        let places = (!empty).then(|| self.tasks_by_age.range((from, until)).rev()).into_iter().flatten();
        let told = places.filter_map(|place| {
            let row = self.tasks.get(&place.1)?;
            let fits = request.task_status.is_none_or(|status| status == row.status)
                && request.task_type.is_none_or(|kind| kind == row.kind());
            let told = AuditTaskMetadata {
                task_id: Some(place.1.to_string()),
                task_status: Some(row.status),
                task_type: Some(row.kind()),
            };
            fits.then(|| (in_time(place), told))
        });
        let (tasks, next_token) = cut(LIST, told, request.max_results);
        Ok(ListAuditTasksResponse { next_token, tasks: Some(tasks) })
    }

    /// "CancelAuditTask": checks that are over stay as they are.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where it does not run.
    pub fn cancel_task(&mut self, request: &CancelAuditTaskRequest) -> Result<Done<()>, ApiError> {
        let id = SmolStr::from(request.task_id.as_str());
        let mut row = self.task(&id)?.clone();
        if row.status != AuditTaskStatus::InProgress {
            return Err(ApiError::invalid(format!("the audit task `{id}` is {} and cannot be canceled", row.status)));
        }
        let mut writes = Vec::new();
        for (name, check) in row.checks.iter_mut().filter(|(_, check)| !check.is_over()) {
            check.status = AuditCheckRunStatus::Canceled;
            writes.extend(self.forget_findings(&id, name));
        }
        row.status = AuditTaskStatus::Canceled;
        row.to_tell = true;
        writes.push(self.put_task(id, row));
        Ok(Done::written((), writes))
    }

    /// The next check that is to be carried out.
    #[must_use]
    pub fn next_step(&self) -> Option<Step> {
        self.open_tasks.iter().find_map(|(started, id)| {
            let row = self.tasks.get(id).filter(|row| row.status == AuditTaskStatus::InProgress)?;
            let (name, _) = row.checks.iter().find(|(_, check)| !check.is_over())?;
            Some(Step { task: id.clone(), check: find(name)?, started: *started, since: row.since })
        })
    }

    /// Begins a check: what it has found before is forgotten. It answers whether it is to be carried out: not where its audit was
    /// canceled, and where it was disabled meanwhile.
    pub fn begin_check(&mut self, step: &Step) -> Done<bool> {
        if !self.is_in_progress(step) {
            return Done::reply(false);
        }
        let mut writes = self.forget_findings(&step.task, step.check.name);
        let is_enabled = self.is_enabled(step.check.name);
        if !is_enabled {
            let message = format!("{} was disabled while the audit ran", step.check.name);
            writes.extend(self.end_check(step, |check| {
                check.status = AuditCheckRunStatus::Failed;
                check.error = Some((CHECK_DISABLED.to_owned(), message));
            }));
        }
        Done::written(is_enabled, writes)
    }

    /// Keeps some of what a check has found. It answers whether the check is to go on.
    pub fn add_findings(&mut self, step: &Step, found: Vec<Found>, now: Timestamp, ids: &dyn Ids) -> Done<bool> {
        if !self.is_in_progress(step) {
            return Done::reply(false);
        }
        let mut writes = Vec::new();
        for found in found {
            let is_suppressed = self.suppresses(step.check.name, &found.resource, now);
            let id = ids.uuid().to_smolstr();
            let row = FindingRow::new(&id, step, found, is_suppressed, now);
            writes.push(Write::put(crate::book::FINDINGS, id.as_str(), json(&row)));
            self.take_in_finding(id, row);
        }
        Done::written(true, writes)
    }

    /// Ends a check that has looked at so many resources.
    pub fn end_of_check(&mut self, step: &Step, total: usize) -> Done<()> {
        let findings = self.findings_by_task.get(&step.task).into_iter().flatten();
        let its = findings.filter_map(|(_, id)| self.findings.get(id)).filter(|row| row.check() == step.check.name);
        let (mut resources, mut suppressed) = (Vec::new(), Vec::new());
        for row in its {
            if row.is_suppressed() { suppressed.push(row.resource()) } else { resources.push(row.resource()) }
        }
        // A resource that does not comply for several reasons is one.
        for list in [&mut resources, &mut suppressed] {
            list.sort();
            list.dedup();
        }
        let count = |list: Vec<String>| i64::try_from(list.len()).unwrap_or(i64::MAX);
        let (found, suppressed) = (count(resources), count(suppressed));
        let writes = self.end_check(step, |check| {
            check.total = i64::try_from(total).unwrap_or(i64::MAX);
            (check.found, check.suppressed) = (found, suppressed);
            check.status = if found == 0 {
                AuditCheckRunStatus::CompletedCompliant
            } else {
                AuditCheckRunStatus::CompletedNonCompliant
            };
        });
        Done::written((), writes)
    }

    fn end_check(&mut self, step: &Step, end: impl FnOnce(&mut CheckRow)) -> Vec<Write> {
        let Some(mut row) = self.tasks.get(&step.task).cloned() else { return Vec::new() };
        let Some(check) = row.checks.get_mut(step.check.name).filter(|check| !check.is_over()) else {
            return Vec::new();
        };
        end(check);
        row.settle();
        vec![self.put_task(step.task.clone(), row)]
    }

    /// What a check has come to; nothing where it goes on, was canceled or has failed.
    #[must_use]
    pub fn outcome(&self, step: &Step) -> Option<Outcome> {
        let row = self.tasks.get(&step.task)?;
        let check = row.checks.get(step.check.name)?;
        let is_completed = matches!(
            check.status,
            AuditCheckRunStatus::CompletedCompliant | AuditCheckRunStatus::CompletedNonCompliant
        );
        is_completed.then(|| Outcome {
            scheduled: row.scheduled.clone(),
            total: check.total,
            non_compliant: check.found,
        })
    }

    /// Whether a check is still to be carried out: not where its audit was canceled.
    #[must_use]
    pub fn is_in_progress(&self, step: &Step) -> bool {
        let check = self.tasks.get(&step.task).and_then(|row| row.checks.get(step.check.name));
        check.is_some_and(|check| !check.is_over())
    }

    pub(crate) fn task(&self, id: &str) -> Result<&TaskRow, ApiError> {
        self.tasks.get(id).ok_or_else(|| ApiError::not_found(format!("there is no audit task `{id:.64}`")))
    }

    /// Begins a scheduled audit that is due, if there is one, and forgets what is old. It answers whether more may be due.
    pub fn due(&mut self, now: Timestamp, ids: &dyn Ids) -> Done<bool> {
        let Some((name, checks, since, write)) = self.take_schedule(now) else {
            return Done::written(false, self.forget(now));
        };
        let (_, task) = self.begin(checks, Some(name), Some(since), now, ids);
        Done::written(true, vec![write, task])
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let old = |(time, _): &Place| time.plus_millis(KEPT + 1);
        let over = self.tasks_by_age.first().map(old);
        let found = self.findings_by_age.first().map(old);
        [self.next_schedule(), over, found, self.next_expiry()].into_iter().flatten().min()
    }

    /// Forgets audits and findings that are too old, and suppressions that have expired.
    fn forget(&mut self, now: Timestamp) -> Vec<Write> {
        let old = now.plus_millis(-KEPT);
        let mut writes = self.forget_connections(now);
        writes.extend(self.forget_suppressions(now));
        writes.extend(self.forget_mitigations(old));
        while let Some((_, id)) = self.findings_by_age.first().filter(|(time, _)| *time < old).cloned() {
            writes.extend(self.remove_finding(&id));
        }
        while let Some(place) = self.tasks_by_age.first().filter(|(time, _)| *time < old).cloned() {
            self.tasks_by_age.remove(&place);
            self.open_tasks.remove(&place);
            self.tasks.remove(&place.1);
            writes.push(Write::delete(crate::book::TASKS, place.1.as_str()));
        }
        writes
    }
}

/// An id behind all others of its time.
pub(crate) fn last_id() -> SmolStr {
    SmolStr::new_static("\u{10ffff}")
}
