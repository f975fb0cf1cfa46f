//! What a rule's error action carries.

use serde::{Deserialize, Serialize};

/// One message that one rule could not deliver everywhere, with every action that failed, after "Error handling (error
/// action)" of the AWS IoT guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleFailure {
    /// The rule.
    pub rule_name: String,
    /// The topic the message was published on.
    pub topic: String,
    /// The trace id in the AWS IoT logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudwatch_trace_id: Option<String>,
    /// Who published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The message as it was published: what a redrive publishes again.
    #[serde(rename = "base64OriginalPayload", with = "crate::lenient::base64_bytes")]
    pub original_payload: Vec<u8>,
    /// The actions that failed.
    pub failures: Vec<ActionFailure>,
}

/// One action that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionFailure {
    /// The kind of action, such as `LambdaAction`.
    pub failed_action: String,
    /// What it was to reach: a function, a table, a bucket.
    pub failed_resource: String,
    /// Why it failed.
    pub error_message: String,
}
