//! The operations on tasks that apply actions to findings of audits.

use super::tasks::{ExecutionRow, Kind, State, TaskKey, TaskRow, asked};
use crate::book::{Audit, check, cut, place};
use crate::finding::FindingRow;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp};
use drydock_model::iot::{
    AuditMitigationActionExecutionMetadata, AuditMitigationActionsExecutionStatus, AuditMitigationActionsTaskMetadata,
    AuditMitigationActionsTaskStatus, CancelAuditMitigationActionsTaskRequest,
    DescribeAuditMitigationActionsTaskRequest, DescribeAuditMitigationActionsTaskResponse,
    ListAuditMitigationActionsExecutionsRequest, ListAuditMitigationActionsExecutionsResponse,
    ListAuditMitigationActionsTasksRequest, ListAuditMitigationActionsTasksResponse, MitigationAction,
    StartAuditMitigationActionsTaskRequest, StartAuditMitigationActionsTaskResponse, TaskStatisticsForAuditCheck,
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// The most tasks that run at once.
const MOST: usize = 10;
const TASKS: &str = "ListAuditMitigationActionsTasks";
const EXECUTIONS: &str = "ListAuditMitigationActionsExecutions";

impl From<State> for AuditMitigationActionsExecutionStatus {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Running => Self::InProgress,
            State::Completed => Self::Completed,
            State::Failed => Self::Failed,
            State::Skipped => Self::Skipped,
            State::Canceled => Self::Canceled,
        }
    }
}

fn status(state: State) -> AuditMitigationActionsTaskStatus {
    match state {
        State::Pending | State::Running => AuditMitigationActionsTaskStatus::InProgress,
        State::Completed | State::Skipped => AuditMitigationActionsTaskStatus::Completed,
        State::Failed => AuditMitigationActionsTaskStatus::Failed,
        State::Canceled => AuditMitigationActionsTaskStatus::Canceled,
    }
}

impl Audit {
    /// "StartAuditMitigationActionsTask". Findings that are suppressed, and those of checks for which no action is given, are left alone.
    ///
    /// # Errors
    /// `TaskAlreadyExistsException` for an id or a token that a task has; `InvalidRequestException` where the target is neither an audit
    /// nor findings, or not there, where an action is not there or not one for its check; `LimitExceededException` where ten run.
    pub fn start_mitigation(
        &mut self,
        request: &StartAuditMitigationActionsTaskRequest,
        now: Timestamp,
    ) -> Result<Done<StartAuditMitigationActionsTaskResponse>, ApiError> {
        let key = TaskKey(Kind::Audit, request.task_id.as_str().into());
        self.check_new(&key, &request.client_request_token, MOST)?;
        let mut actions: BTreeMap<&String, MitigationAction> = BTreeMap::new();
        for (name, chosen) in &request.audit_check_to_actions_mapping {
            let check = check(name)?;
            for chosen in chosen {
                let action = self.chosen(chosen)?;
                if !check.takes(action.kind()) {
                    return Err(ApiError::invalid(format!(
                        "the mitigation action `{chosen}` is of type {}, which does not go with {name}",
                        action.kind()
                    )));
                }
                actions.insert(chosen, action.defined(chosen));
            }
        }
        let target = &request.target;
        let mut findings: Vec<(SmolStr, &FindingRow)> = Vec::new();
        match (&target.audit_task_id, &target.finding_ids) {
            (Some(task), None) => {
                self.task(task).map_err(|error| ApiError::invalid(error.message))?;
                let of = self.findings_by_task.get(task.as_str()).into_iter().flatten();
                findings.extend(of.filter_map(|(_, id)| Some((id.clone(), self.findings.get(id)?))));
                if let Some(filter) = &target.audit_check_to_reason_code_filter {
                    for name in filter.keys() {
                        check(name)?;
                    }
                    findings.retain(|(_, row)| {
                        let codes = filter.get(row.check());
                        codes.is_some_and(|codes| codes.iter().any(|code| row.has_code(code)))
                    });
                }
            }
            (None, Some(ids)) if target.audit_check_to_reason_code_filter.is_none() => {
                for id in ids {
                    let row = self.finding(id).map_err(|error| ApiError::invalid(error.message))?;
                    findings.push((id.as_str().into(), row));
                }
            }
            _ => {
                let why = "the target is either `auditTaskId`, with a filter or without, or `findingIds`";
                return Err(ApiError::invalid(why));
            }
        }
        let mapping = &request.audit_check_to_actions_mapping;
        let executions = findings.iter().filter(|(_, row)| !row.is_suppressed()).flat_map(|(id, row)| {
            let chosen = mapping.get(row.check()).into_iter().flatten();
            chosen.map(|action| ExecutionRow::new(id, row.check(), action))
        });
        let executions = executions.collect();
        let row = TaskRow {
            started: now,
            ended: None,
            state: State::Running,
            token: request.client_request_token.as_str().into(),
            asked: request.to_json(),
            actions: actions.into_values().collect(),
            audit: target.audit_task_id.as_deref().map(SmolStr::from),
        };
        let writes = self.begin_mitigation(key, row, executions);
        let reply = StartAuditMitigationActionsTaskResponse { task_id: Some(request.task_id.clone()) };
        Ok(Done::written(reply, writes))
    }

    /// Looks whether a task may be started.
    pub(super) fn check_new(&self, key: &TaskKey, token: &str, most: usize) -> Result<(), ApiError> {
        let of_kind = |(known, row): (&TaskKey, &TaskRow)| known.0 == key.0 && (known == key || row.token == token);
        if self.mitigations.iter().any(of_kind) {
            let message = format!("there is a task `{:.128}`, or one with this clientRequestToken, already", key.1);
            return Err(ApiError::new(ErrorCode::TaskAlreadyExistsException, message));
        }
        if self.running_mitigations(key.0) >= most {
            let message = format!("{most} mitigation tasks run, the most that may at once");
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        Ok(())
    }

    /// "DescribeAuditMitigationActionsTask".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_mitigation(
        &self,
        request: &DescribeAuditMitigationActionsTaskRequest,
    ) -> Result<DescribeAuditMitigationActionsTaskResponse, ApiError> {
        let (key, row) = self.mitigation(Kind::Audit, &request.task_id)?;
        let asked: Option<StartAuditMitigationActionsTaskRequest> = asked(row);
        Ok(DescribeAuditMitigationActionsTaskResponse {
            actions_definition: Some(row.actions.clone()),
            audit_check_to_actions_mapping: asked.as_ref().map(|asked| asked.audit_check_to_actions_mapping.clone()),
            end_time: row.ended,
            start_time: Some(row.started),
            target: asked.map(|asked| asked.target),
            task_statistics: Some(self.statistics(&key)),
            task_status: Some(status(row.state)),
        })
    }

    /// How many findings of each check came to what.
    fn statistics(&self, key: &TaskKey) -> BTreeMap<String, TaskStatisticsForAuditCheck> {
        let mut findings: BTreeMap<(&SmolStr, &SmolStr), Vec<State>> = BTreeMap::new();
        for (_, row) in self.executions_of(key) {
            findings.entry((&row.about, &row.of)).or_default().push(row.state);
        }
        let mut all: BTreeMap<String, TaskStatisticsForAuditCheck> = BTreeMap::new();
        for ((check, _), states) in findings {
            let of = all.entry(check.to_string()).or_insert_with(|| TaskStatisticsForAuditCheck {
                canceled_findings_count: Some(0),
                failed_findings_count: Some(0),
                skipped_findings_count: Some(0),
                succeeded_findings_count: Some(0),
                total_findings_count: Some(0),
            });
            let count = if states.contains(&State::Failed) {
                Some(&mut of.failed_findings_count)
            } else if states.contains(&State::Canceled) {
                Some(&mut of.canceled_findings_count)
            } else if states.iter().all(|state| *state == State::Skipped) {
                Some(&mut of.skipped_findings_count)
            } else if states.iter().all(|state| matches!(state, State::Completed | State::Skipped)) {
                Some(&mut of.succeeded_findings_count)
            } else {
                None
            };
            if let Some(count) = count {
                *count = count.map(|count| count + 1);
            }
            of.total_findings_count = of.total_findings_count.map(|count| count + 1);
        }
        all
    }

    /// "CancelAuditMitigationActionsTask". What was applied is not taken back.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where it does not run.
    pub fn cancel_audit_mitigation(
        &mut self,
        request: &CancelAuditMitigationActionsTaskRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let key = self.running(Kind::Audit, &request.task_id)?;
        Ok(Done::written((), self.cancel_mitigation(&key, now)))
    }

    /// "ListAuditMitigationActionsTasks": those that were started in a time, the latest first.
    ///
    /// # Errors
    /// `InvalidRequestException` where the times are the wrong way round, and for a token that no list has given.
    pub fn list_audit_mitigations(
        &self,
        request: &ListAuditMitigationActionsTasksRequest,
    ) -> Result<ListAuditMitigationActionsTasksResponse, ApiError> {
        let tasks = self.mitigations_in(Kind::Audit, request.start_time, request.end_time)?;
        let after = place(TASKS, request.next_token.as_deref())?;
        let fits = |key: &TaskKey, row: &TaskRow| {
            request.task_status.is_none_or(|wanted| wanted == status(row.state))
                && request.audit_task_id.as_deref().is_none_or(|audit| row.audit.as_deref() == Some(audit))
                && request
                    .finding_id
                    .as_deref()
                    .is_none_or(|finding| self.executions_of(key).any(|(_, row)| row.of == finding))
        };
        let left = tasks.into_iter().filter(|(key, row, _)| fits(key, row));
        let left = left.filter(|(.., place)| after.as_ref().is_none_or(|after| place < after));
        let told = left.map(|(key, row, place)| {
            let told = AuditMitigationActionsTaskMetadata {
                start_time: Some(row.started),
                task_id: Some(key.1.to_string()),
                task_status: Some(status(row.state)),
            };
            (place, told)
        });
        let (tasks, next_token) = cut(TASKS, told, request.max_results);
        Ok(ListAuditMitigationActionsTasksResponse { next_token, tasks: Some(tasks) })
    }

    /// "ListAuditMitigationActionsExecutions": those on one finding, in their order.
    ///
    /// # Errors
    /// `InvalidRequestException` where the task is not there, and for a token that no list has given.
    pub fn list_audit_executions(
        &self,
        request: &ListAuditMitigationActionsExecutionsRequest,
    ) -> Result<ListAuditMitigationActionsExecutionsResponse, ApiError> {
        let (key, task) =
            self.mitigation(Kind::Audit, &request.task_id).map_err(|error| ApiError::invalid(error.message))?;
        let after = place(EXECUTIONS, request.next_token.as_deref())?;
        let executions = self.executions_of(&key).map(|(key, row)| (key.to_string(), row));
        let left = executions.filter(|(place, row)| {
            row.of == request.finding_id
                && after.as_ref().is_none_or(|after| place > after)
                && request.action_status.is_none_or(|wanted| wanted == row.state.into())
        });
        let told = left.map(|(place, row)| {
            let action = task.actions.iter().find(|action| action.name.as_deref() == Some(&row.action));
            let told = AuditMitigationActionExecutionMetadata {
                action_id: action.and_then(|action| action.id.clone()),
                action_name: Some(row.action.to_string()),
                end_time: row.ended,
                error_code: row.error.as_ref().map(|(code, _)| code.clone()),
                finding_id: Some(row.of.to_string()),
                message: row.error.as_ref().map(|(_, message)| message.clone()),
                start_time: row.started.or(Some(task.started)),
                status: Some(row.state.into()),
                task_id: Some(request.task_id.clone()),
            };
            (place, told)
        });
        let (executions, next_token) = cut(EXECUTIONS, told, request.max_results);
        Ok(ListAuditMitigationActionsExecutionsResponse { actions_executions: Some(executions), next_token })
    }

    pub(super) fn mitigation(&self, kind: Kind, id: &str) -> Result<(TaskKey, &TaskRow), ApiError> {
        let key = TaskKey(kind, id.into());
        let row = self.mitigations.get(&key);
        let row = row.ok_or_else(|| ApiError::not_found(format!("there is no mitigation task `{id:.128}`")))?;
        Ok((key, row))
    }

    pub(super) fn running(&self, kind: Kind, id: &str) -> Result<TaskKey, ApiError> {
        let (key, row) = self.mitigation(kind, id)?;
        if row.state == State::Running {
            Ok(key)
        } else {
            Err(ApiError::invalid(format!(
                "the mitigation task `{id:.128}` does not run, so that it cannot be canceled"
            )))
        }
    }

    /// The tasks of a kind that were started in a time, the latest first, with their places in lists.
    pub(super) fn mitigations_in(
        &self,
        kind: Kind,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(&TaskKey, &TaskRow, String)>, ApiError> {
        if until < from {
            return Err(ApiError::invalid("`endTime` is before `startTime`"));
        }
        let of =
            self.mitigations.iter().filter(|(key, row)| key.0 == kind && row.started >= from && row.started <= until);
        let sorted: BTreeSet<(Timestamp, &TaskKey)> = of.map(|(key, row)| (row.started, key)).collect();
        let each = sorted.into_iter().rev().filter_map(|(started, key)| {
            Some((key, self.mitigations.get(key)?, format!("{:020}/{}", started.millis(), key.1)))
        });
        Ok(each.collect())
    }
}
