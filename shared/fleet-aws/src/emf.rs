//! Metrics in CloudWatch's embedded metric format: a log line from which CloudWatch Logs counts, at no call and no latency
//! ("Specification: Embedded metric format"). The name of a thing is never a dimension: each value of a dimension is a
//! metric of its own, and is billed as one.
//!
//! Written here rather than taken from a crate: it is one JSON object.

use fleet::batch::Failure;
use fleet::ports::ErrorKind;
use serde_json::{Map, Value, json};
use std::io::Write;

/// The namespace of the backend's metrics.
pub const NAMESPACE: &str = "Drydock";

/// The metrics of one invocation.
#[derive(Debug)]
pub struct Metrics {
    service: &'static str,
    stack: String,
    values: Map<String, Value>,
    units: Vec<Value>,
}

impl Metrics {
    /// No metrics yet, for the function of this name in the stack that `STACK` names: the only dimensions. Two stacks of one
    /// account do not add up.
    #[must_use]
    pub fn of(service: &'static str) -> Self {
        let stack = crate::env::optional("STACK").unwrap_or_else(|| "none".to_owned());
        Self { service, stack, values: Map::new(), units: Vec::new() }
    }

    /// Adds a count. A count of nothing is left out; counts of one name add up.
    pub fn count(&mut self, name: &str, count: usize) {
        if count == 0 {
            return;
        }
        let before = self.values.get(name).and_then(Value::as_u64);
        if before.is_none() {
            self.units.push(json!({"Name": name, "Unit": "Count"}));
        }
        let sum = before.unwrap_or(0).saturating_add(count as u64);
        self.values.insert(name.to_owned(), sum.into());
    }

    /// Counts and logs that a message was not handled, by what can help: `Throttled`, `SetAside`, `Failed`, or `Retried` where nothing has
    /// failed.
    pub fn failed(&mut self, error: &impl Failure) {
        let (name, again) = match error.kind() {
            ErrorKind::Throttled => ("Throttled", true),
            ErrorKind::Permanent => ("SetAside", false),
            ErrorKind::Passing if error.is_waiting() => ("Retried", true),
            ErrorKind::Passing => ("Failed", true),
        };
        self.count(name, 1);
        tracing::warn!(%error, again, "a message was not handled");
    }

    /// The line, at this time (milliseconds since 1970); `None` if there is nothing to count.
    #[must_use]
    pub fn line(self, now: i64) -> Option<String> {
        if self.units.is_empty() {
            return None;
        }
        let mut line = json!({
            "_aws": {
                "Timestamp": now,
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["service", "stack"]], "Metrics": self.units}],
            },
            "service": self.service,
            "stack": self.stack,
        });
        if let Value::Object(object) = &mut line {
            object.extend(self.values);
        }
        Some(line.to_string())
    }

    /// Writes the line to standard output.
    pub fn emit(self, now: i64) {
        if let Some(line) = self.line(now) {
            // A function whose standard output is gone has nowhere to say so.
            drop(writeln!(std::io::stdout().lock(), "{line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_each_metric_declared_once() {
        let mut metrics = Metrics::of("telemetry");
        assert_eq!(Metrics::of("telemetry").line(1), None);
        for (name, count) in [("Accepted", 2), ("Accepted", 3), ("Quarantined", 1), ("Late", 0)] {
            metrics.count(name, count);
        }
        let line: Value = serde_json::from_str(&metrics.line(1_764_000_000_000).unwrap()).unwrap();
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": 1_764_000_000_000_i64, "CloudWatchMetrics": [{
                    "Namespace": "Drydock", "Dimensions": [["service", "stack"]],
                    "Metrics": [{"Name": "Accepted", "Unit": "Count"}, {"Name": "Quarantined", "Unit": "Count"}],
                }]},
                "service": "telemetry", "stack": "none", "Accepted": 5, "Quarantined": 1,
            })
        );
    }
}
