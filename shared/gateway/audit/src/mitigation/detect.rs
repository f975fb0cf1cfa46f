//! The operations on tasks that apply actions to things which violate behaviors. Which ones do, Detect says ([`Violations`]).

use super::tasks::{Kind, State, TaskKey, TaskRow, asked, of_violations};
use crate::book::{Audit, cut, place};
use drydock_core::{ApiError, Done, Timestamp};
use drydock_model::iot::{
    CancelDetectMitigationActionsTaskRequest, DescribeDetectMitigationActionsTaskRequest,
    DescribeDetectMitigationActionsTaskResponse, DetectMitigationActionExecution,
    DetectMitigationActionExecutionStatus, DetectMitigationActionsTaskStatistics, DetectMitigationActionsTaskStatus,
    DetectMitigationActionsTaskSummary, ListDetectMitigationActionsExecutionsRequest,
    ListDetectMitigationActionsExecutionsResponse, ListDetectMitigationActionsTasksRequest,
    ListDetectMitigationActionsTasksResponse, MitigationActionType, StartDetectMitigationActionsTaskRequest,
    StartDetectMitigationActionsTaskResponse,
};
use smol_str::SmolStr;

/// The most tasks that run at once (quota "Detect mitigation tasks").
const MOST: usize = 5;
const TASKS: &str = "ListDetectMitigationActionsTasks";
const EXECUTIONS: &str = "ListDetectMitigationActionsExecutions";

/// A violation of a behavior.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its id.
    pub id: SmolStr,
    /// The thing, or the client id of one that is not registered.
    pub thing: SmolStr,
}

/// Which violations a task is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// These; empty where a profile is named.
    pub ids: Vec<String>,
    /// Those of this security profile.
    pub profile: Option<String>,
    /// Those of this behavior of it.
    pub behavior: Option<String>,
    /// Those of which something happened in this time.
    pub between: Option<(Timestamp, Timestamp)>,
    /// Those that are in alarm alone.
    pub only_active: bool,
    /// Those whose alerts are suppressed, too.
    pub with_suppressed: bool,
}

/// Who knows violations.
pub trait Violations: Send + Sync {
    /// The violations that are wanted, in any order.
    fn find(&self, wanted: &Wanted) -> Vec<Violation>;
}

impl Wanted {
    /// What a request asks for.
    ///
    /// # Errors
    /// `InvalidRequestException` where it names neither violations nor a profile, or both.
    pub fn of(request: &StartDetectMitigationActionsTaskRequest) -> Result<Self, ApiError> {
        let target = &request.target;
        match (&target.violation_ids, &target.security_profile_name, &target.behavior_name) {
            (Some(_), None, None) | (None, Some(_), _) => {}
            _ => {
                return Err(ApiError::invalid(
                    "the target is either `violationIds`, or `securityProfileName` with a behavior or without",
                ));
            }
        }
        let range = request.violation_event_occurrence_range.as_ref();
        Ok(Self {
            ids: target.violation_ids.clone().unwrap_or_default(),
            profile: target.security_profile_name.clone(),
            behavior: target.behavior_name.clone(),
            between: range.map(|range| (range.start_time, range.end_time)),
            only_active: request.include_only_active_violations == Some(true),
            with_suppressed: request.include_suppressed_alerts == Some(true),
        })
    }
}

fn status(state: State) -> DetectMitigationActionsTaskStatus {
    match state {
        State::Pending | State::Running => DetectMitigationActionsTaskStatus::InProgress,
        State::Completed | State::Skipped => DetectMitigationActionsTaskStatus::Successful,
        State::Failed => DetectMitigationActionsTaskStatus::Failed,
        State::Canceled => DetectMitigationActionsTaskStatus::Canceled,
    }
}

fn execution_status(state: State) -> DetectMitigationActionExecutionStatus {
    match state {
        State::Pending | State::Running => DetectMitigationActionExecutionStatus::InProgress,
        State::Completed => DetectMitigationActionExecutionStatus::Successful,
        State::Failed => DetectMitigationActionExecutionStatus::Failed,
        State::Skipped | State::Canceled => DetectMitigationActionExecutionStatus::Skipped,
    }
}

impl Audit {
    /// "StartDetectMitigationActionsTask", on the violations that were found.
    ///
    /// # Errors
    /// `TaskAlreadyExistsException` for an id or a token that a task has; `InvalidRequestException` where an action is not there or not
    /// one that adds things to groups, and where a violation that is named is not there; `LimitExceededException` where five run.
    pub fn start_detect_mitigation(
        &mut self,
        request: &StartDetectMitigationActionsTaskRequest,
        violations: &[Violation],
        now: Timestamp,
    ) -> Result<Done<StartDetectMitigationActionsTaskResponse>, ApiError> {
        let key = TaskKey(Kind::Detect, request.task_id.as_str().into());
        self.check_new(&key, &request.client_request_token, MOST)?;
        let mut actions = Vec::new();
        for name in &request.actions {
            let action = self.chosen(name)?;
            if action.kind() != MitigationActionType::AddThingsToThingGroup {
                let why = format!(
                    "the mitigation action `{name}` is of type {}, and of Detect there is only {}",
                    action.kind(),
                    MitigationActionType::AddThingsToThingGroup
                );
                return Err(ApiError::invalid(why));
            }
            actions.push(action.defined(name));
        }
        let named = request.target.violation_ids.iter().flatten();
        let mut missing = named.filter(|id| !violations.iter().any(|violation| violation.id == **id));
        if let Some(missing) = missing.next() {
            return Err(ApiError::invalid(format!("there is no such violation as `{missing:.128}`")));
        }
        let row = TaskRow {
            started: now,
            ended: None,
            state: State::Running,
            token: request.client_request_token.as_str().into(),
            asked: request.to_json(),
            actions,
            audit: None,
        };
        let executions = of_violations(violations, &request.actions);
        let writes = self.begin_mitigation(key, row, executions);
        let reply = StartDetectMitigationActionsTaskResponse { task_id: Some(request.task_id.clone()) };
        Ok(Done::written(reply, writes))
    }

    fn summary(&self, key: &TaskKey, row: &TaskRow) -> DetectMitigationActionsTaskSummary {
        let asked: Option<StartDetectMitigationActionsTaskRequest> = asked(row);
        let count = |wanted: State| {
            let of = self.executions_of(key).filter(|(_, row)| row.state == wanted).count();
            i64::try_from(of).ok()
        };
        DetectMitigationActionsTaskSummary {
            actions_definition: Some(row.actions.clone()),
            only_active_violations_included: asked
                .as_ref()
                .map(|asked| asked.include_only_active_violations == Some(true)),
            suppressed_alerts_included: asked.as_ref().map(|asked| asked.include_suppressed_alerts == Some(true)),
            task_end_time: row.ended,
            task_id: Some(key.1.to_string()),
            task_start_time: Some(row.started),
            task_statistics: Some(DetectMitigationActionsTaskStatistics {
                actions_executed: count(State::Completed),
                actions_failed: count(State::Failed),
                actions_skipped: count(State::Skipped),
            }),
            task_status: Some(status(row.state)),
            violation_event_occurrence_range: asked
                .as_ref()
                .and_then(|asked| asked.violation_event_occurrence_range.clone()),
            target: asked.map(|asked| asked.target),
        }
    }

    /// "DescribeDetectMitigationActionsTask".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_detect_mitigation(
        &self,
        request: &DescribeDetectMitigationActionsTaskRequest,
    ) -> Result<DescribeDetectMitigationActionsTaskResponse, ApiError> {
        let (key, row) = self.mitigation(Kind::Detect, &request.task_id)?;
        Ok(DescribeDetectMitigationActionsTaskResponse { task_summary: Some(self.summary(&key, row)) })
    }

    /// "CancelDetectMitigationActionsTask". What was applied is not taken back.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where it does not run.
    pub fn cancel_detect_mitigation(
        &mut self,
        request: &CancelDetectMitigationActionsTaskRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let key = self.running(Kind::Detect, &request.task_id)?;
        Ok(Done::written((), self.cancel_mitigation(&key, now)))
    }

    /// "ListDetectMitigationActionsTasks": those that were started in a time, the latest first.
    ///
    /// # Errors
    /// `InvalidRequestException` where the times are the wrong way round, and for a token that no list has given.
    pub fn list_detect_mitigations(
        &self,
        request: &ListDetectMitigationActionsTasksRequest,
    ) -> Result<ListDetectMitigationActionsTasksResponse, ApiError> {
        let tasks = self.mitigations_in(Kind::Detect, request.start_time, request.end_time)?;
        let after = place(TASKS, request.next_token.as_deref())?;
        let left = tasks.into_iter().filter(|(.., place)| after.as_ref().is_none_or(|after| place < after));
        let told = left.map(|(key, row, place)| (place, self.summary(key, row)));
        let (tasks, next_token) = cut(TASKS, told, request.max_results);
        Ok(ListDetectMitigationActionsTasksResponse { next_token, tasks: Some(tasks) })
    }

    /// "ListDetectMitigationActionsExecutions": of a task, of a violation, or of a thing in a time.
    ///
    /// # Errors
    /// `InvalidRequestException` where nothing of them is named, and for a token that no list has given.
    pub fn list_detect_executions(
        &self,
        request: &ListDetectMitigationActionsExecutionsRequest,
    ) -> Result<ListDetectMitigationActionsExecutionsResponse, ApiError> {
        let is_timed = request.start_time.is_some() && request.end_time.is_some();
        if request.task_id.is_none() && request.violation_id.is_none() && !(request.thing_name.is_some() && is_timed) {
            let why = "give `taskId`, `violationId`, or `thingName` with `startTime` and `endTime`";
            return Err(ApiError::invalid(why));
        }
        let after = place(EXECUTIONS, request.next_token.as_deref())?;
        let executions = self.executions.iter().filter(|(key, row)| {
            key.0.0 == Kind::Detect
                && request.task_id.as_deref().is_none_or(|task| task == key.0.1)
                && request.violation_id.as_deref().is_none_or(|violation| violation == row.of)
                && request.thing_name.as_deref().is_none_or(|thing| thing == row.about)
                && request.start_time.is_none_or(|from| row.started.is_some_and(|started| started >= from))
                && request.end_time.is_none_or(|until| row.started.is_some_and(|started| started <= until))
        });
        let left = executions.map(|(key, row)| (key.to_string(), key, row));
        let left = left.filter(|(place, ..)| after.as_ref().is_none_or(|after| place > after));
        let told = left.map(|(place, key, row)| {
            let told = DetectMitigationActionExecution {
                action_name: Some(row.action.to_string()),
                error_code: row.error.as_ref().map(|(code, _)| code.clone()),
                execution_end_date: row.ended,
                execution_start_date: row.started,
                message: row.error.as_ref().map(|(_, message)| message.clone()),
                status: Some(execution_status(row.state)),
                task_id: Some(key.0.1.to_string()),
                thing_name: Some(row.about.to_string()),
                violation_id: Some(row.of.to_string()),
            };
            (place, told)
        });
        let (executions, next_token) = cut(EXECUTIONS, told, request.max_results);
        Ok(ListDetectMitigationActionsExecutionsResponse { actions_executions: Some(executions), next_token })
    }
}
