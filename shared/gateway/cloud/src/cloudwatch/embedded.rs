//! The embedded metric format ("Specification: Embedded metric format"): values of metrics in a line of a log, which is a JSON object
//! with the member `_aws`.

use super::datum::Datum;
use super::metric::{Metric, Unit};
use drydock_core::Timestamp;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The most metrics of a directive, values of a metric, and dimensions of a set.
const METRICS: usize = 100;
const VALUES: usize = 100;
const DIMENSIONS: usize = 30;
/// The most sets of dimensions that are read of a line: the specification names no number.
const SETS: usize = 100;

/// A value of a metric, or several.
pub(super) struct Value {
    pub(super) metric: Metric,
    pub(super) unit: Unit,
    /// The length of its stretch in seconds, 1 or 60.
    pub(super) resolution: i64,
    pub(super) datum: Datum,
    pub(super) at: Timestamp,
}

/// Whether a line is worth being read.
pub(super) fn may_be(line: &str) -> bool {
    line.trim_start().starts_with('{') && line.contains("\"_aws\"") && line.contains("\"CloudWatchMetrics\"")
}

/// The values in a line; none where it is not in the format. What breaks a rule of it is left out, and the rest taken.
pub(super) fn read(line: &str) -> Vec<Value> {
    let Ok(Json::Object(root)) = serde_json::from_str::<Json>(line) else { return Vec::new() };
    let Some(metadata) = root.get("_aws").and_then(Json::as_object) else { return Vec::new() };
    let Some(at) = metadata.get("Timestamp").and_then(Json::as_i64).map(Timestamp) else { return Vec::new() };
    let directives = metadata.get("CloudWatchMetrics").and_then(Json::as_array).into_iter().flatten();
    directives.filter_map(Json::as_object).take(SETS).flat_map(|directive| of_directive(&root, directive, at)).collect()
}

fn of_directive(root: &Map<String, Json>, directive: &Map<String, Json>, at: Timestamp) -> Vec<Value> {
    let Some(namespace) = directive.get("Namespace").and_then(Json::as_str).filter(|name| !name.is_empty()) else {
        return Vec::new();
    };
    let list = |name: &str| directive.get(name).and_then(Json::as_array).into_iter().flatten();
    let sets: Vec<BTreeMap<String, String>> =
        list("Dimensions").take(SETS).filter_map(|set| dimensions(root, set)).collect();
    let mut values = Vec::new();
    for definition in list("Metrics").filter_map(Json::as_object).take(METRICS) {
        let Some(name) = definition.get("Name").and_then(Json::as_str) else { continue };
        let Some(datum) = root.get(name).and_then(datum) else { continue };
        let unit = definition.get("Unit").and_then(Json::as_str).and_then(Unit::named).unwrap_or(Unit::NONE);
        let resolution = if definition.get("StorageResolution").and_then(Json::as_i64) == Some(1) { 1 } else { 60 };
        for dimensions in &sets {
            let metric =
                Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions: dimensions.clone() };
            values.push(Value { metric, unit, resolution, datum: datum.clone(), at });
        }
    }
    values
}

/// The dimensions of a set, whose values are members of the root.
fn dimensions(root: &Map<String, Json>, set: &Json) -> Option<BTreeMap<String, String>> {
    let names = set.as_array().filter(|names| names.len() <= DIMENSIONS)?;
    let value = |name: &Json| {
        let name = name.as_str()?;
        let text = root.get(name)?.as_str().filter(|text| !text.is_empty() && text.len() <= 1024)?;
        Some((name.to_owned(), text.to_owned()))
    };
    names.iter().map(value).collect()
}

fn datum(value: &Json) -> Option<Datum> {
    match value {
        Json::Number(number) => number.as_f64().map(|number| Datum::of(number, 1.0)),
        Json::Array(numbers) => {
            let mut numbers = numbers.iter().take(VALUES).filter_map(Json::as_f64);
            let first = Datum::of(numbers.next()?, 1.0);
            Some(numbers.fold(first, |mut all, number| {
                all.add(&Datum::of(number, 1.0));
                all
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_for_each_set_of_dimensions() {
        let line = json!({
            "_aws": {"Timestamp": 1_764_000_000_000_i64, "CloudWatchMetrics": [{
                "Namespace": "Drydock", "Dimensions": [["service"], ["service", "stack"], [], ["absent"]],
                "Metrics": [{"Name": "Stored", "Unit": "Count"}, {"Name": "Took", "Unit": "Milliseconds", "StorageResolution": 1}, {"Name": "NotThere"}],
            }]},
            "service": "telemetry", "stack": "s", "Stored": 3, "Took": [1.5, 2.5],
        });
        let text = line.to_string();
        assert!(may_be(&text));
        let values = read(&text);
        let shown: Vec<_> = values
            .iter()
            .map(|value| {
                (
                    value.metric.name.as_str(),
                    value.metric.dimensions.len(),
                    value.datum.sum,
                    value.unit.as_str(),
                    value.resolution,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("Stored", 1, 3.0, "Count", 60),
                ("Stored", 2, 3.0, "Count", 60),
                ("Stored", 0, 3.0, "Count", 60),
                ("Took", 1, 4.0, "Milliseconds", 1),
                ("Took", 2, 4.0, "Milliseconds", 1),
                ("Took", 0, 4.0, "Milliseconds", 1),
            ]
        );
        for broken in [
            "{\"_aws\": 1}",
            "{\"_aws\": {\"CloudWatchMetrics\": 3}}",
            "{",
            "[]",
            "{\"_aws\":{\"Timestamp\":1,\"CloudWatchMetrics\":[{}]}}",
        ] {
            assert!(read(broken).is_empty(), "{broken}");
        }
    }
}
