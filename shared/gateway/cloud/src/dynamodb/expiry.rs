//! Items whose time to live is over, by the gateway's clock.

use super::operations::{self, Failure};
use drydock_core::Timestamp;
use drydock_timers::Timers;
use dynoxide::Database;
use dynoxide::storage_backend::Clock;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The gateway's clock as the engine reads it.
pub(super) struct EngineClock(Timers);

impl EngineClock {
    pub(super) fn of(timers: &Timers) -> Arc<dyn Clock> {
        Arc::new(Self(timers.clone()))
    }
}

impl Clock for EngineClock {
    fn now_unix_secs(&self) -> u64 {
        self.0.now().seconds().max(0).unsigned_abs()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().seconds_f64()
    }
}

/// What a sweep has found.
pub(super) struct Swept {
    /// Whether any table has a time to live.
    pub(super) some: bool,
    /// When the next item expires.
    pub(super) next: Option<Timestamp>,
}

/// Deletes what has expired. The engine does it, with the records that streams have of it; a database on disk, however, asks the
/// machine's clock, so that what has expired by the gateway's alone is deleted here (and a stream has no word of who did it).
/// `engine_is_ahead` says that what has expired by the engine's clock may not have by the gateway's: then it is not asked.
pub(super) fn sweep(database: &Database, now: Timestamp, engine_is_ahead: bool) -> Result<Swept, String> {
    if !engine_is_ahead {
        database.sweep_ttl().map_err(|error| error.to_string())?;
    }
    let mut swept = Swept { some: false, next: None };
    let mut after = None;
    loop {
        let input = after.map_or_else(|| json!({}), |name: Value| json!({ "ExclusiveStartTableName": name }));
        let listed = run(database, "ListTables", &input)?;
        for name in listed.get("TableNames").and_then(Value::as_array).into_iter().flatten() {
            let described = run(database, "DescribeTimeToLive", &json!({ "TableName": name }))?;
            let description = described.get("TimeToLiveDescription");
            let enabled = description.and_then(|d| d.get("TimeToLiveStatus")).is_some_and(|status| status == "ENABLED");
            let attribute = description.and_then(|d| d.get("AttributeName")?.as_str());
            if let Some(attribute) = attribute.filter(|_| enabled) {
                swept.some = true;
                let next = table(database, name, attribute, now)?;
                swept.next = swept.next.into_iter().chain(next).min();
            }
        }
        after = listed.get("LastEvaluatedTableName").filter(|name| !name.is_null()).cloned();
        if after.is_none() {
            return Ok(swept);
        }
    }
}

/// Deletes what has expired in a table; when the next item does.
fn table(database: &Database, name: &Value, attribute: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let described = run(database, "DescribeTable", &json!({ "TableName": name }))?;
    let keys = described.pointer("/Table/KeySchema").and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<&str> = keys.filter_map(|key| key.get("AttributeName")?.as_str()).collect();
    let wanted: BTreeSet<&str> = keys.iter().copied().chain([attribute]).collect();
    let names: Map<String, Value> =
        wanted.iter().enumerate().map(|(n, name)| (format!("#a{n}"), Value::from(*name))).collect();
    let projection: Vec<&str> = names.keys().map(String::as_str).collect();
    let mut scan = json!({
        "TableName": name, "ProjectionExpression": projection.join(", "), "ExpressionAttributeNames": names,
    });
    let mut next: Option<i64> = None;
    loop {
        let page = run(database, "Scan", &scan)?;
        for item in page.get("Items").and_then(Value::as_array).into_iter().flatten() {
            // Seconds; anything but a whole number never expires.
            let Some(text) = item.get(attribute).and_then(|value| value.get("N")?.as_str()) else { continue };
            let Some(until) = text.parse::<i64>().ok().filter(|until| *until >= 0) else { continue };
            if until >= now.seconds() {
                next = Some(next.map_or(until, |next| next.min(until)));
                continue;
            }
            let key: Map<String, Value> =
                keys.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone()))).collect();
            let delete = json!({
                "TableName": name, "Key": key, "ConditionExpression": "#t = :t",
                "ExpressionAttributeNames": { "#t": attribute },
                "ExpressionAttributeValues": { ":t": { "N": text } },
            });
            match run(database, "DeleteItem", &delete) {
                // Its time to live was changed in between.
                Err(why) if why.contains("ConditionalCheckFailed") => {}
                deleted => drop(deleted?),
            }
        }
        match page.get("LastEvaluatedKey").filter(|key| !key.is_null()) {
            Some(key) => scan.as_object_mut().map(|scan| scan.insert("ExclusiveStartKey".to_owned(), key.clone())),
            None => break,
        };
    }
    // It has expired when its second is over.
    Ok(next.map(|until| Timestamp(until.saturating_add(1).saturating_mul(1000))))
}

fn run(database: &Database, operation: &str, input: &Value) -> Result<Value, String> {
    let output = operations::run(database, operation, &input.to_string()).map_err(|failure| match failure {
        Failure::Engine(error) => format!("{operation}: {}", error.to_json()),
        Failure::Unknown => format!("the engine does not know {operation}"),
    })?;
    serde_json::from_str(&output).map_err(|error| format!("{operation}: {error}"))
}
