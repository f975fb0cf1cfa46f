//! An event on its way through the commands.
//!
//! Which fields are discovered: "Supported logs and discovered fields". Of a function's logs those of Lambda's own lines.

use super::Record;
use super::value::Value;
use serde_json::Value as Json;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The fields that every event has.
pub(super) const TIMESTAMP: &str = "@timestamp";
pub(super) const MESSAGE: &str = "@message";
pub(super) const POINTER: &str = "@ptr";

/// A row: an event, or what `stats` made of several.
#[derive(Debug)]
pub(super) struct Row<'a> {
    record: Option<Record<'a>>,
    /// What commands have named.
    named: BTreeMap<String, Value>,
    json: OnceCell<Option<Json>>,
}

impl<'a> Row<'a> {
    pub(super) fn of(record: Record<'a>) -> Self {
        Self { record: Some(record), named: BTreeMap::new(), json: OnceCell::new() }
    }

    /// A row that no single event is behind.
    pub(super) fn made(named: BTreeMap<String, Value>) -> Self {
        Self { record: None, named, json: OnceCell::new() }
    }

    pub(super) fn name(&mut self, name: &str, value: Value) {
        self.named.insert(name.to_owned(), value);
    }

    pub(super) fn timestamp(&self) -> i64 {
        self.record.map_or(0, |record| record.timestamp)
    }

    pub(super) fn get(&self, name: &str) -> Value {
        if let Some(value) = self.named.get(name) {
            return value.clone();
        }
        let Some(record) = self.record else { return Value::Missing };
        let text = |text: &str| Value::Text(text.to_owned());
        match name {
            TIMESTAMP => Value::Time(record.timestamp),
            "@ingestionTime" => Value::Time(record.ingestion),
            MESSAGE => text(record.message),
            "@logStream" => text(record.stream),
            "@log" => text(record.log),
            POINTER => text(record.pointer),
            name if name.starts_with('@') => lambda(name, record.message).unwrap_or(Value::Missing),
            name => self.json(name, record.message),
        }
    }

    /// A property of an event of JSON, `a.b.0`; one whose own name has a point is found, too.
    fn json(&self, name: &str, message: &str) -> Value {
        let parsed = self.json.get_or_init(|| {
            let message = message.trim_start();
            message.starts_with('{').then(|| serde_json::from_str(message).ok()).flatten()
        });
        parsed.as_ref().and_then(|root| find(root, name)).map_or(Value::Missing, |json| match json {
            Json::Null => Value::Missing,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number.as_f64().map_or(Value::Missing, Value::Number),
            Json::String(text) => Value::Text(text.clone()),
            other => Value::Text(other.to_string()),
        })
    }
}

fn find<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    let step = |json: &'j Json, name: &str| match json {
        Json::Object(members) => members.get(name),
        Json::Array(elements) => elements.get(name.parse::<usize>().ok()?),
        _ => None,
    };
    step(json, name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(step(json, first)?, rest)
    })
}

/// A field of a line that Lambda writes.
fn lambda(name: &str, message: &str) -> Option<Value> {
    let kind = message.split(' ').next().filter(|kind| matches!(*kind, "START" | "END" | "REPORT"))?;
    let after = |what: &str| {
        let rest = message.split_once(what)?.1.trim_start();
        Some(rest.split([' ', '\t', '\n']).next().unwrap_or_default().to_owned())
    };
    let number = |what: &str| after(what)?.parse().ok();
    let megabytes = |what: &str| number(what).map(|mb: f64| Value::Number(mb * 1_000_000.0));
    match name {
        "@type" => Some(Value::Text(kind.to_owned())),
        "@requestId" => after("RequestId:").map(Value::Text),
        "@duration" => number("\tDuration:").map(Value::Number),
        "@billedDuration" => number("Billed Duration:").map(Value::Number),
        "@initDuration" => number("Init Duration:").map(Value::Number),
        "@memorySize" => megabytes("Memory Size:"),
        "@maxMemoryUsed" => megabytes("Max Memory Used:"),
        _ => None,
    }
}
