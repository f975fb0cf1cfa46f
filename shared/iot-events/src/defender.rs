//! What AWS IoT Device Defender publishes on SNS: the end of an audit ("Audit notifications"), and an alarm of Detect that begins
//! or ends ("Detect alerts").
//!
//! Both come at least once, and in any order. The message of an audit says how it went; what was found is asked of AWS IoT.

use crate::lenient;
use serde::{Deserialize, Serialize};

/// An audit has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEnded {
    /// The account.
    pub account_id: String,
    /// The audit.
    pub task_id: String,
    /// How it ended: `COMPLETED`, `FAILED` or `CANCELED`.
    pub task_status: String,
    /// `ON_DEMAND_AUDIT_TASK` or `SCHEDULED_AUDIT_TASK`.
    pub task_type: String,
    /// The scheduled audit that it is a run of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_audit_name: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub task_start_time: i64,
    /// Its checks.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub audit_details: Vec<CheckEnded>,
}

/// A check of an audit that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckEnded {
    /// The check.
    pub check_name: String,
    /// How it ended: `COMPLETED_COMPLIANT`, `COMPLETED_NON_COMPLIANT`, `FAILED` or `CANCELED`.
    pub check_run_status: String,
    /// How many resources do not comply.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub non_compliant_resources_count: i64,
    /// How many were looked at.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub total_resources_count: i64,
    /// How many do not comply and are suppressed.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub suppressed_non_compliant_resources_count: i64,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// An alarm of Detect has begun or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViolationEvent {
    /// When, in milliseconds since 1970.
    pub violation_event_time: i64,
    /// The thing; the client id of a device that is not in the registry.
    pub thing_name: String,
    /// What is normal, and was not kept to.
    pub behavior: ViolatedBehavior,
    /// What became of the alarm: `in-alarm`, `alarm-cleared` or `alarm-invalidated`.
    pub violation_event_type: String,
    /// The value that was measured.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub metric_value: serde_json::Value,
    /// The violation: the same when it begins and when it ends.
    pub violation_id: String,
    /// The security profile that the behavior is of.
    pub security_profile_name: String,
}

/// The behavior that a device did not keep to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViolatedBehavior {
    /// Its name.
    pub name: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What is normal.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub criteria: serde_json::Value,
}
