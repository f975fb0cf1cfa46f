//! What is kept of groups, streams and events.

use super::fault::Fault;
use drydock_core::{Arn, Timestamp, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const GROUPS: &str = "log-group";
pub(super) const STREAMS: &str = "log-stream";
pub(super) const EVENTS: &str = "log-events";

/// A group; its key is its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupRow {
    pub(super) created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metric_filters: BTreeMap<String, MetricFilter>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) subscriptions: BTreeMap<String, Subscription>,
}

impl GroupRow {
    pub(super) fn new(created: Timestamp) -> Self {
        Self {
            created,
            retention_days: None,
            tags: BTreeMap::new(),
            metric_filters: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
        }
    }
}

/// A metric filter: what it looks for, and the value that it puts into a metric for each event that it finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricFilter {
    /// The filter pattern.
    pub pattern: String,
    /// The namespace of the metric.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// A number, or the field of an event that has it: `$.latency`, `$bytes`.
    pub value: String,
    /// What the metric gets where events come in that are not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    /// The metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The metric's dimensions, each with the field of an event that has its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
}

/// A subscription filter: what it looks for, and who gets what it finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The filter pattern.
    pub pattern: String,
    /// The ARN of a function.
    pub destination: Arn,
    /// When it was made.
    pub created: Timestamp,
}

/// A stream; its key is that of its group, a colon, and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StreamRow {
    pub(super) created: Timestamp,
}

/// Events that came together; the key is that of their stream, a colon, and the place of the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsRow {
    /// When they came.
    pub(super) ingested: i64,
    /// The time of each, and its message.
    pub(super) events: Vec<(i64, String)>,
}

pub(super) fn stream_key(group: &str, stream: &str) -> String {
    // No name has a colon in it.
    format!("{group}:{stream}")
}

pub(super) fn events_key(group: &str, stream: &str, place: u64) -> String {
    format!("{group}:{stream}:{place:020}")
}

/// The group and the rest of a key.
pub(super) fn parts(key: &str) -> Option<(&str, &str)> {
    key.split_once(':')
}

pub(super) fn put(table: &'static str, key: impl Into<String>, row: &impl Serialize) -> Result<Write, Fault> {
    let row = serde_json::to_string(row).map_err(|error| Fault::new("InternalServerError", error.to_string()))?;
    Ok(Write::put(table, key.into(), row))
}
