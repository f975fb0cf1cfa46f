//! Bulk registration: tasks that provision a device for each line of a file.
//!
//! A task goes through its file in batches. What the lines of a batch make, how far the task is then, and what the batch adds to
//! the reports are saved as one: a kill loses no line and repeats none. The reports are files, which are written after that.
//!
//! Follows "Bulk registration" of the AWS IoT Core developer guide; one task runs at a time, and a task is kept for 30 days.

use super::{Provisioning, json};
use crate::language::{Dialect, Template};
use drydock_core::{ApiError, Done, Ids, Scope, Timestamp, Write, page};
use drydock_model::iot::{
    DescribeThingRegistrationTaskRequest, DescribeThingRegistrationTaskResponse, ListThingRegistrationTasksRequest,
    ListThingRegistrationTasksResponse, StartThingRegistrationTaskRequest, StartThingRegistrationTaskResponse, Status,
    StopThingRegistrationTaskRequest, StopThingRegistrationTaskResponse,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

pub(super) const TASKS: &str = "thing_registration_tasks";
pub(super) const BATCHES: &str = "thing_registration_batches";

/// How long a task is kept after its creation, in milliseconds: 30 days.
pub const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;
/// The longest message that AWS's shape of a task takes, in characters.
const MESSAGE: usize = 2048;
/// The size of a page where none is asked for.
const PAGE: i32 = 250;

/// A task as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// The provisioning template.
    pub template: String,
    /// The bucket of the input.
    pub bucket: String,
    /// The key of the input.
    pub key: String,
    /// The role that may read it.
    pub role_arn: String,
    /// When it was started.
    pub created: Timestamp,
    /// When it last went on.
    pub modified: Timestamp,
    /// How it is.
    #[serde(with = "spelled")]
    pub status: Status,
    /// Why it is so, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The input's length in bytes, once it is known.
    #[serde(default)]
    pub size: u64,
    /// How far it is.
    #[serde(default)]
    pub progress: Progress,
}

/// How far a task is. All that is counted here is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Lines that are done.
    pub lines: u64,
    /// Where the next line begins, in bytes.
    pub offset: u64,
    /// Devices that were provisioned.
    pub success: u64,
    /// Lines that failed.
    pub failure: u64,
    /// The length of the report of results, in bytes.
    pub results: u64,
    /// The length of the report of errors, in bytes.
    pub errors: u64,
}

/// What the last batch of a task added to its reports: it is here before it is in their files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Added {
    /// Lines of the report of results.
    pub results: String,
    /// Lines of the report of errors.
    pub errors: String,
}

/// The tasks of an account.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    rows: BTreeMap<String, TaskRow>,
    added: HashMap<String, Added>,
}

impl Tasks {
    pub(super) fn take_in(&mut self, id: &str, row: TaskRow) {
        self.rows.insert(id.to_owned(), row);
    }

    pub(super) fn take_in_added(&mut self, id: &str, added: Added) {
        self.added.insert(id.to_owned(), added);
    }
}

impl TaskRow {
    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::InProgress | Status::Cancelling)
    }

    fn percentage(&self) -> i32 {
        if self.status == Status::Completed {
            return 100;
        }
        let done = self.progress.offset.saturating_mul(100).checked_div(self.size).unwrap_or_default();
        i32::try_from(done).unwrap_or(100).min(100)
    }
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no thing registration task `{id}`: see ListThingRegistrationTasks"))
}

impl Provisioning {
    /// "StartThingRegistrationTask". The input is looked at by whoever runs the task.
    ///
    /// # Errors
    /// `InvalidRequestException` where the template is not valid, the role is none, or another task runs.
    pub fn start_thing_registration_task(
        &mut self,
        request: StartThingRegistrationTaskRequest,
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Done<StartThingRegistrationTaskResponse>, ApiError> {
        Template::parse(&request.template_body, Dialect::Registration)?;
        if !is_role(&request.role_arn) {
            let role = &request.role_arn;
            return Err(ApiError::invalid(format!(
                "`{role:.200}` is not the ARN of an IAM role: it is like `arn:aws:iam::123456789012:role/NAME`"
            )));
        }
        if let Some(other) = self.open_task() {
            return Err(ApiError::invalid(format!(
                "the thing registration task `{other}` is not done, and one runs at a time: wait for it, or stop it with StopThingRegistrationTask"
            )));
        }
        let id = ids.uuid().to_string();
        let row = TaskRow {
            template: request.template_body,
            bucket: request.input_file_bucket,
            key: request.input_file_key,
            role_arn: request.role_arn,
            created: now,
            modified: now,
            status: Status::InProgress,
            message: None,
            size: 0,
            progress: Progress::default(),
        };
        let write = Write::put(TASKS, id.as_str(), json(&row));
        self.tasks.rows.insert(id.clone(), row);
        Ok(Done::written(StartThingRegistrationTaskResponse { task_id: Some(id) }, vec![write]))
    }

    /// "DescribeThingRegistrationTask".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_thing_registration_task(
        &self,
        request: &DescribeThingRegistrationTaskRequest,
    ) -> Result<Done<DescribeThingRegistrationTaskResponse>, ApiError> {
        let row = self.task(&request.task_id)?;
        let count = |count: u64| i32::try_from(count).ok();
        Ok(Done::reply(DescribeThingRegistrationTaskResponse {
            creation_date: Some(row.created),
            failure_count: count(row.progress.failure),
            input_file_bucket: Some(row.bucket.clone()),
            input_file_key: Some(row.key.clone()),
            last_modified_date: Some(row.modified),
            message: row.message.clone(),
            percentage_progress: Some(row.percentage()),
            role_arn: Some(row.role_arn.clone()),
            status: Some(row.status),
            success_count: count(row.progress.success),
            task_id: Some(request.task_id.clone()),
            template_body: Some(row.template.clone()),
        }))
    }

    /// "ListThingRegistrationTasks".
    ///
    /// # Errors
    /// `InvalidRequestException` for a token that was not given.
    pub fn list_thing_registration_tasks(
        &self,
        request: &ListThingRegistrationTasksRequest,
    ) -> Result<Done<ListThingRegistrationTasksResponse>, ApiError> {
        const OPERATION: &str = "ListThingRegistrationTasks";
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let wanted = |row: &TaskRow| request.status.is_none_or(|status| status == row.status);
        let found = self.tasks.rows.range((from, std::ops::Bound::Unbounded)).filter(|(_, row)| wanted(row));
        let limit = usize::try_from(request.max_results.unwrap_or(PAGE)).unwrap_or(1);
        let (ids, next) = page::cut(found.map(|(id, _)| id.clone()), limit, Clone::clone);
        let next_token = next.map(|place| page::token(OPERATION, &place));
        Ok(Done::reply(ListThingRegistrationTasksResponse { next_token, task_ids: Some(ids) }))
    }

    /// "StopThingRegistrationTask". Lines that are under way are finished first.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the task is over.
    pub fn stop_thing_registration_task(
        &mut self,
        request: &StopThingRegistrationTaskRequest,
        now: Timestamp,
    ) -> Result<Done<StopThingRegistrationTaskResponse>, ApiError> {
        let id = &request.task_id;
        let row = self.tasks.rows.get_mut(id).ok_or_else(|| missing(id))?;
        match row.status {
            Status::InProgress => {
                row.status = Status::Cancelling;
                row.modified = now;
                Ok(Done::written(StopThingRegistrationTaskResponse {}, vec![Write::put(TASKS, id.as_str(), json(row))]))
            }
            Status::Cancelling => Ok(Done::reply(StopThingRegistrationTaskResponse {})),
            over => {
                Err(ApiError::invalid(format!("the thing registration task `{id}` is {over}: it cannot be stopped")))
            }
        }
    }

    /// The task that is not over.
    #[must_use]
    pub fn open_task(&self) -> Option<String> {
        self.tasks.rows.iter().find(|(_, row)| row.is_open()).map(|(id, _)| id.clone())
    }

    /// A task.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn task(&self, id: &str) -> Result<&TaskRow, ApiError> {
        self.tasks.rows.get(id).ok_or_else(|| missing(id))
    }

    /// What the last batch of a task added to its reports. The task's progress counts it already.
    #[must_use]
    pub fn added(&self, id: &str) -> Added {
        self.tasks.added.get(id).cloned().unwrap_or_default()
    }

    /// Says how long the input of a task is.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where the task is gone, as after a reset; so with those below.
    pub fn measured(&mut self, id: &str, size: u64) -> Result<Done<()>, ApiError> {
        self.change(id, |row| row.size = size)
    }

    /// Ends a batch of a task, in the change that carries it out: the task is so far then. What the batch before it added to the
    /// reports has to be in their files.
    ///
    /// # Errors
    /// See [`measured`](Self::measured).
    pub fn end_batch(
        &mut self,
        id: &str,
        progress: Progress,
        added: Added,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let mut done = self.change(id, |row| {
            row.progress = progress;
            row.modified = now;
        })?;
        done.writes.push(Write::put(BATCHES, id, json(&added)));
        self.tasks.added.insert(id.to_owned(), added);
        Ok(done)
    }

    /// Ends a task. All of its reports has to be in their files.
    ///
    /// # Errors
    /// See [`measured`](Self::measured).
    pub fn end_task(
        &mut self,
        id: &str,
        status: Status,
        message: Option<String>,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let mut done = self.change(id, |row| {
            row.status = status;
            row.message = message.map(|text| text.chars().take(MESSAGE).collect());
            row.modified = now;
        })?;
        if self.tasks.added.remove(id).is_some() {
            done.writes.push(Write::delete(BATCHES, id));
        }
        Ok(done)
    }

    /// The tasks that are kept no longer.
    #[must_use]
    pub fn old_tasks(&self, now: Timestamp) -> Vec<String> {
        let old = |row: &TaskRow| !row.is_open() && row.created.plus_millis(KEPT) <= now;
        self.tasks.rows.iter().filter(|(_, row)| old(row)).map(|(id, _)| id.clone()).collect()
    }

    /// When the next of the tasks that are over is kept no longer.
    #[must_use]
    pub fn next_old_task(&self) -> Option<Timestamp> {
        let over = self.tasks.rows.values().filter(|row| !row.is_open());
        over.map(|row| row.created.plus_millis(KEPT)).min()
    }

    /// Forgets a task that is over.
    pub fn forget_task(&mut self, id: &str) -> Done<()> {
        let known = self.tasks.rows.remove(id);
        Done::written((), known.iter().map(|_| Write::delete(TASKS, id)).collect())
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut TaskRow)) -> Result<Done<()>, ApiError> {
        let row = self.tasks.rows.get_mut(id).ok_or_else(|| missing(id))?;
        change(row);
        Ok(Done::written((), vec![Write::put(TASKS, id, json(row))]))
    }
}

/// Whether a text is the ARN of an IAM role.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, role] = parts.as_slice() else { return false };
    partition.starts_with("aws")
        && Scope::is_account(account)
        && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}

/// A status by AWS's spelling.
mod spelled {
    use super::Status;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(status: &Status, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(status)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Status, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
