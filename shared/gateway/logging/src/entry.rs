//! A log entry, written as AWS writes it: one JSON object, its common attributes first ("Common CloudWatch Logs attributes").

use crate::event::EventType;
use crate::levels::Level;
use drydock_core::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// How what an entry tells of went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It went well.
    Success,
    /// It did, but for what its attributes say.
    SucceededWithIssues,
    /// It did not.
    Failure {
        /// AWS's word for why, for example `AUTHORIZATION_FAILURE`.
        reason: String,
        /// What a person reads; empty where the reason says it.
        details: String,
    },
}

/// A log entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it tells of.
    pub event: EventType,
    /// When.
    pub at: Timestamp,
    /// Groups what belongs together; a UUID.
    pub trace_id: String,
    /// The account.
    pub account: String,
    /// How it went.
    pub status: Status,
    /// The attributes that the event type has besides, in order.
    attributes: Vec<(&'static str, Value)>,
}

impl Entry {
    /// An entry with the common attributes.
    #[must_use]
    pub fn new(event: EventType, at: Timestamp, trace_id: String, account: String, status: Status) -> Self {
        Self { event, at, trace_id, account, status, attributes: Vec::new() }
    }

    /// The same with an attribute more, in AWS's spelling.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// The same with an attribute more, where there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Its level: that of the event type, or [`Level::Error`] for a failure.
    #[must_use]
    pub fn level(&self) -> Level {
        level(self.event, self.status == Status::Success)
    }

    /// An attribute of the event type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// The level of an entry that there would be.
pub(crate) fn level(event: EventType, success: bool) -> Level {
    if success { event.level() } else { Level::Error }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &stamp(self.at))?;
        map.serialize_entry("logLevel", self.level().as_str())?;
        map.serialize_entry("traceId", &self.trace_id)?;
        map.serialize_entry("accountId", &self.account)?;
        let status = match self.status {
            Status::Success => "Success",
            Status::SucceededWithIssues => "SucceededWithIssues",
            Status::Failure { .. } => "Failure",
        };
        map.serialize_entry("status", status)?;
        map.serialize_entry("eventType", self.event.as_str())?;
        for (name, value) in &self.attributes {
            map.serialize_entry(name, value)?;
        }
        if let Status::Failure { reason, details } = &self.status {
            map.serialize_entry("reason", reason)?;
            if !details.is_empty() {
                map.serialize_entry("details", details)?;
            }
        }
        map.end()
    }
}

/// A time as entries have it: `2017-08-10 15:37:23.476`, in UTC.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    let text = at.to_string();
    text.trim_end_matches('Z').replacen('T', " ", 1)
}
