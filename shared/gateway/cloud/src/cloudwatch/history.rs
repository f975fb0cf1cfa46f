//! What has happened to alarms ("DescribeAlarmHistory").

use super::change::Change;
use super::evaluate::State;
use crate::error::CloudError;
use crate::journal::Rows;
use drydock_core::{Timestamp, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

const HISTORY: &str = "cloudwatch-history";
/// For how long it is kept ("DescribeAlarmHistory": 30 days), in milliseconds; and how much of it at most.
const KEPT: i64 = 30 * 24 * 3600 * 1000;
const MOST: usize = 10_000;

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) alarm: String,
    pub(super) at: Timestamp,
    /// `ConfigurationUpdate`, `StateUpdate` or `Action`.
    pub(super) kind: String,
    pub(super) summary: String,
    pub(super) data: String,
}

impl Item {
    /// Its configuration was changed.
    pub(super) fn configuration(alarm: &str, what: &str, at: Timestamp) -> Self {
        Self {
            alarm: alarm.to_owned(),
            at,
            kind: "ConfigurationUpdate".to_owned(),
            summary: format!("Alarm \"{alarm}\" {}", what.to_lowercase()),
            data: json!({ "version": "1.0", "type": what }).to_string(),
        }
    }

    /// Its state was changed.
    pub(super) fn state(change: &Change) -> Self {
        let Change { name, alarm, before, at, .. } = change;
        let state = |state: State, reason: &str, data: Option<&String>| {
            let mut of = json!({ "stateValue": state.as_str(), "stateReason": reason });
            let data = data.and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok());
            if let (Some(data), Some(object)) = (data, of.as_object_mut()) {
                object.insert("stateReasonData".to_owned(), data);
            }
            of
        };
        let data = json!({
            "version": "1.0",
            "oldState": state(before.state, &before.reason, before.reason_data.as_ref()),
            "newState": state(alarm.state, &alarm.reason, alarm.reason_data.as_ref()),
        });
        Self {
            alarm: name.clone(),
            at: *at,
            kind: "StateUpdate".to_owned(),
            summary: format!("Alarm updated from {} to {}", before.state.as_str(), alarm.state.as_str()),
            data: data.to_string(),
        }
    }

    /// Somebody was told of its state, or was to be.
    pub(super) fn action(change: &Change, to: &str, sent: &Result<(), String>) -> Self {
        let state = match sent {
            Ok(()) => "Succeeded",
            Err(_) => "Failed",
        };
        let data = json!({
            "actionState": state,
            "stateUpdateTimestamp": change.at.millis(),
            "notificationResource": to,
            "publishedMessage": null,
            "error": sent.as_ref().err(),
        });
        Self {
            alarm: change.name.clone(),
            at: change.at,
            kind: "Action".to_owned(),
            summary: match sent {
                Ok(()) => format!("Successfully executed action {to}"),
                Err(why) => format!("Failed to execute action {to}. Received error: \"{why}\""),
            },
            data: data.to_string(),
        }
    }
}

/// All of it, in its order.
#[derive(Debug, Default)]
pub(super) struct History {
    items: BTreeMap<u64, Item>,
    next: u64,
    unwritten: Vec<Write>,
}

impl History {
    pub(super) fn read(rows: &Rows) -> Result<Self, CloudError> {
        let items: BTreeMap<u64, Item> = rows
            .table::<Item>(HISTORY)?
            .into_iter()
            .filter_map(|(key, item)| Some((key.parse().ok()?, item)))
            .collect();
        let next = items.last_key_value().map_or(0, |(last, _)| last + 1);
        Ok(Self { items, next, unwritten: Vec::new() })
    }

    pub(super) fn add(&mut self, item: Item) {
        let oldest = item.at.plus_millis(-KEPT);
        while let Some(first) = self.items.first_entry()
            && (first.get().at < oldest || self.items.len() >= MOST)
        {
            if let Some((key, _)) = self.items.pop_first() {
                self.unwritten.push(Write::delete(HISTORY, place(key)));
            }
        }
        let row = serde_json::to_string(&item).unwrap_or_default();
        self.unwritten.push(Write::put(HISTORY, place(self.next), row));
        self.items.insert(self.next, item);
        self.next += 1;
    }

    /// The rows of what has changed since it was asked last.
    pub(super) fn writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.unwritten)
    }

    pub(super) fn clear(&mut self) -> Vec<Write> {
        let items = std::mem::take(&mut self.items);
        self.unwritten.clear();
        items.into_keys().map(|key| Write::delete(HISTORY, place(key))).collect()
    }

    /// Everything with its place, the oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = (u64, &Item)> {
        self.items.iter().map(|(place, item)| (*place, item))
    }
}

fn place(key: u64) -> String {
    format!("{key:020}")
}
