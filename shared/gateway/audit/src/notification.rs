//! What a topic is told of an audit that is over: the message of the schema `auditnotification/1.0`.

use crate::book::Audit;
use drydock_core::{Done, Write};
use drydock_model::iot::AuditCheckRunStatus;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

/// A message about an audit that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The audit.
    pub task: SmolStr,
    /// The topic that it goes to; nowhere where the account names none.
    pub topic: Option<String>,
    /// The message.
    pub message: String,
}

impl Audit {
    /// The next audit that is over and was not told of.
    #[must_use]
    pub fn next_notification(&self) -> Option<Notification> {
        let task =
            self.open_tasks.iter().map(|(_, id)| id).find(|id| self.tasks.get(*id).is_some_and(|row| row.to_tell))?;
        Some(Notification { task: task.clone(), topic: self.target(), message: self.message(task)?.to_string() })
    }

    /// An audit was told of.
    pub fn notified(&mut self, task: &SmolStr) -> Done<()> {
        let Some(mut row) = self.tasks.get(task).cloned().filter(|row| row.to_tell) else { return Done::reply(()) };
        row.to_tell = false;
        let write: Write = self.put_task(task.clone(), row);
        Done::written((), vec![write])
    }

    fn message(&self, id: &SmolStr) -> Option<Value> {
        let row = self.tasks.get(id)?;
        let details = row.checks.iter().map(|(name, check)| {
            let mut details = Map::new();
            details.insert("checkName".into(), json!(name));
            details.insert("checkRunStatus".into(), json!(check.status.as_str()));
            details.insert("nonCompliantResourcesCount".into(), json!(check.found));
            details.insert("totalResourcesCount".into(), json!(check.total));
            details.insert("suppressedNonCompliantResourcesCount".into(), json!(check.suppressed));
            if let Some((code, message)) = &check.error {
                details.insert("message".into(), json!(message));
                details.insert("errorCode".into(), json!(code));
            }
            Value::Object(details)
        });
        let count = |status| row.count(status);
        let mut message = json!({
            "accountId": self.scope.account,
            "taskId": id,
            "taskStatus": row.status.as_str(),
            "taskType": row.kind().as_str(),
            "failedChecksCount": count(AuditCheckRunStatus::Failed),
            "canceledChecksCount": count(AuditCheckRunStatus::Canceled),
            "nonCompliantChecksCount": count(AuditCheckRunStatus::CompletedNonCompliant),
            "compliantChecksCount": count(AuditCheckRunStatus::CompletedCompliant),
            "totalChecksCount": row.checks.len(),
            "taskStartTime": row.started.millis(),
            "auditDetails": details.collect::<Vec<_>>(),
        });
        if let (Some(name), Some(message)) = (&row.scheduled, message.as_object_mut()) {
            message.insert("scheduledAuditName".into(), json!(name));
        }
        Some(message)
    }
}
