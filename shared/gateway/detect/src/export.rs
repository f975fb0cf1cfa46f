//! Datapoints that are published.
//!
//! Source: "Detect metrics export" of the guide.

use crate::profile::ExportConfig;
use crate::series::{Reading, Scope};
use drydock_core::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most datapoints of a message, which stay far below the 128 KB that one may have but for long lists.
const BATCH: usize = 100;

/// A message with datapoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// Where to.
    pub topic: String,
    /// The role that may publish there.
    pub role: String,
    /// The payload.
    pub payload: String,
}

/// Datapoints on their way, by where they go.
#[derive(Debug, Default)]
pub(crate) struct Exports(BTreeMap<ExportConfig, Vec<Value>>);

impl Exports {
    pub(crate) fn add(
        &mut self,
        to: &BTreeSet<ExportConfig>,
        thing: &str,
        scope: &Scope,
        reading: &Reading,
        at: Timestamp,
    ) {
        for config in to {
            let mut metric = json!({
                "name": scope.metric,
                "thing": thing,
                "value": reading.value(),
                "version": 1,
                "timestamp": at.millis(),
            });
            if let (Some(dimension), Some(members)) = (&scope.dimension, metric.as_object_mut()) {
                let operator = dimension.operator.unwrap_or(behaviors::Operator::In);
                members
                    .insert("dimension".to_owned(), json!({ "name": dimension.dimension_name, "operator": operator }));
            }
            self.0.entry(config.clone()).or_default().push(metric);
        }
    }

    pub(crate) fn batches(self) -> Vec<Export> {
        let mut all = Vec::new();
        for (config, metrics) in self.0 {
            for batch in metrics.chunks(BATCH) {
                let payload = json!({ "version": "1.0", "metrics": batch }).to_string();
                all.push(Export { topic: config.mqtt_topic.clone(), role: config.role_arn.clone(), payload });
            }
        }
        all
    }
}
