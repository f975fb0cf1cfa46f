//! What is kept of queues and messages.

use super::attributes::Attributes;
use super::error::{Code, SqsError};
use drydock_core::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const QUEUES: &str = "sqs_queue";
pub(crate) const MESSAGES: &str = "sqs_message";

/// The form of a queue in the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct QueueRecord {
    pub(crate) attributes: Attributes,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

/// A row of the journal.
pub(crate) fn row(value: &impl Serialize) -> Result<String, SqsError> {
    serde_json::to_string(value).map_err(|e| SqsError::new(Code::InternalError, e.to_string()))
}
