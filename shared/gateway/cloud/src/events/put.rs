//! Events that are put on the bus, and patterns that are tried.

use super::Events;
use super::answer::{Answer, invalid};
use super::pattern::Pattern;
use super::rows::{BUS, Rule};
use crate::context::lock;
use crate::scheduler::whole_seconds;
use drydock_core::Timestamp;
use serde_json::{Map, Value, json};

/// How many entries a request has at most, and how many bytes in all ("PutEvents").
const MOST: usize = 10;
const MOST_BYTES: usize = 1024 * 1024;

impl Events {
    pub(super) async fn put_events(&self, body: &Map<String, Value>) -> Answer {
        let entries = body.get("Entries").and_then(Value::as_array).ok_or_else(|| invalid("`Entries` is missing"))?;
        if entries.is_empty() || entries.len() > MOST {
            return Err(invalid(format!("`Entries` must have 1 to {MOST} entries")));
        }
        if entries.iter().map(|entry| entry.to_string().len()).sum::<usize>() > MOST_BYTES {
            return Err(invalid(format!(
                "Total size of the entries in the request is over the limit of {MOST_BYTES} bytes."
            )));
        }
        if body.contains_key("EndpointId") {
            return Err(invalid("global endpoints (`EndpointId`) are not implemented by this gateway"));
        }
        let now = self.context.now();
        let (mut deliveries, mut answers, mut failed) = (Vec::new(), Vec::new(), 0);
        for entry in entries {
            match self.event(entry, now) {
                Ok(event) => {
                    answers.push(json!({ "EventId": event.get("id") }));
                    let held = lock(&self.held);
                    let takes = |rule: &&Rule| {
                        rule.runs() && rule.pattern.as_ref().is_some_and(|pattern| pattern.matches(&event))
                    };
                    deliveries.extend(held.values().filter(takes).flat_map(|rule| self.deliveries(rule, &event, now)));
                }
                Err((code, message)) => {
                    failed += 1;
                    answers.push(json!({ "ErrorCode": code, "ErrorMessage": message }));
                }
            }
        }
        let rows = deliveries.iter().map(|delivery| self.courier.row(delivery)).collect();
        self.context.journal.commit(rows).await.map_err(|error| ("InternalException", error.to_string()))?;
        if !deliveries.is_empty() {
            self.courier.take(deliveries);
            self.reminder.by(now);
        }
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    }

    /// The event of an entry, or its error's code and text.
    fn event(&self, entry: &Value, now: Timestamp) -> Result<Value, (&'static str, String)> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let required = |name: &str| {
            let why = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            text(name).ok_or(("InvalidArgument", why))
        };
        let (source, kind, detail) = (required("Source")?, required("DetailType")?, required("Detail")?);
        if source.starts_with("aws.") {
            return Err(("NotAuthorizedForSourceException", format!("Not authorized for the source {source:.256}.")));
        }
        if !is_the_bus(text("EventBusName"), self) {
            return Err(("InvalidArgument", "there is no other event bus than the default one here".to_owned()));
        }
        let detail: Map<String, Value> =
            serde_json::from_str(detail).map_err(|_| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
        let time = match entry.get("Time") {
            None | Some(Value::Null) => now,
            Some(time) => {
                let seconds = time.as_f64().filter(|seconds| (0.0..1e11).contains(seconds));
                let seconds = seconds.ok_or(("InvalidArgument", "Parameter Time is not valid.".to_owned()))?;
                #[expect(clippy::cast_possible_truncation, reason = "it was just looked at")]
                let millis = (seconds * 1000.0) as i64;
                Timestamp(millis)
            }
        };
        let scope = &self.context.config.scope;
        Ok(json!({
            "version": "0",
            "id": self.context.uuid(),
            "detail-type": kind,
            "source": source,
            "account": scope.account.as_str(),
            "time": whole_seconds(time),
            "region": scope.region.as_str(),
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        }))
    }
}

/// Whether a name or ARN, or none, means the one bus.
pub(super) fn is_the_bus(given: Option<&str>, events: &Events) -> bool {
    let arn = events.context.config.scope.arn("events", &format!("event-bus/{BUS}"));
    given.is_none_or(|given| given == BUS || given == arn.as_str())
}

pub(super) fn test_pattern(body: &Map<String, Value>) -> Answer {
    let text =
        |name: &str| body.get(name).and_then(Value::as_str).ok_or_else(|| invalid(format!("`{name}` is missing")));
    let pattern = Pattern::parse(text("EventPattern")?).map_err(|why| ("InvalidEventPatternException", why))?;
    let event: Value = serde_json::from_str(text("Event")?)
        .map_err(|error| invalid(format!("Parameter Event is not valid. Reason: {error}")))?;
    for name in ["id", "account", "source", "time", "region", "resources", "detail-type"] {
        if event.get(name).is_none() {
            return Err(invalid(format!("Parameter Event is not valid. Reason: Missing field `{name}`")));
        }
    }
    Ok(json!({ "Result": pattern.matches(&event) }))
}
