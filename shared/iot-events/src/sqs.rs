//! Batches from an SQS event source mapping, and partial batch responses.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What Lambda hands to a function whose event source is an SQS queue ("Using Lambda with Amazon SQS").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqsBatch {
    /// The messages, at most as many as the mapping's batch size.
    #[serde(rename = "Records")]
    pub records: Vec<SqsMessage>,
}

/// One message of a batch. Its body is parsed by the function, message by message, so that a bad one fails alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// Names the message in a partial batch response.
    pub message_id: String,
    /// The handle of this receipt; Lambda deletes the message, the function does not need it.
    #[serde(default)]
    pub receipt_handle: String,
    /// The message's text.
    pub body: String,
    /// System attributes, such as `ApproximateReceiveCount` and `SentTimestamp`, all as text.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The queue.
    #[serde(rename = "eventSourceARN", default)]
    pub event_source_arn: String,
    /// Always `aws:sqs`.
    #[serde(default)]
    pub event_source: String,
    /// The queue's region.
    #[serde(default)]
    pub aws_region: String,
}

/// Which messages of a batch to deliver again (`ReportBatchItemFailures`). Empty: all are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The messages that failed.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One message to deliver again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The message's `messageId`.
    pub item_identifier: String,
}

impl BatchResponse {
    /// Marks a message to be delivered again.
    pub fn retry(&mut self, message: &SqsMessage) {
        self.batch_item_failures.push(BatchItemFailure { item_identifier: message.message_id.clone() });
    }
}
