//! What follows from new events: the values of metric filters, and what subscription filters hand to functions.

use super::rows::{GroupRow, MetricFilter};
use super::state::Event;
use crate::cloudwatch::{Metric, Unit};
use crate::delivery::Outlets;
use crate::stand_in::Parcel;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::{Arn, Scope, Timestamp};
use drydock_log_search::pattern::Pattern;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

/// A value of a metric filter, at the time of its event.
pub(super) struct MetricValue {
    pub(super) metric: Metric,
    pub(super) unit: Unit,
    pub(super) value: f64,
    pub(super) at: Timestamp,
}

/// New events of a stream.
pub(super) struct New {
    pub(super) group: String,
    pub(super) row: GroupRow,
    pub(super) stream: String,
    pub(super) events: Vec<Event>,
}

impl New {
    /// The values that metric filters put.
    pub(super) fn values(&self) -> Vec<MetricValue> {
        let mut values = Vec::new();
        for filter in self.row.metric_filters.values() {
            // It was read when it was put.
            let Ok(pattern) = Pattern::parse(&filter.pattern) else { continue };
            values.extend(self.events.iter().filter_map(|event| value(filter, &pattern, event)));
        }
        values
    }

    /// What each subscription gets: a function's ARN and the event.
    pub(super) fn parcels(&self, scope: &Scope) -> Vec<(Arn, Parcel)> {
        let mut parcels = Vec::new();
        for (name, subscription) in &self.row.subscriptions {
            let Ok(pattern) = Pattern::parse(&subscription.pattern) else { continue };
            let events: Vec<Value> = self
                .events
                .iter()
                .filter(|event| pattern.matches(&event.message))
                .map(|event| json!({ "id": id(event), "timestamp": event.at, "message": &*event.message }))
                .collect();
            if events.is_empty() {
                continue;
            }
            let data = json!({
                "messageType": "DATA_MESSAGE",
                "owner": scope.account.as_str(),
                "logGroup": self.group,
                "logStream": self.stream,
                "subscriptionFilters": [name],
                "logEvents": events,
            });
            let Ok(data) = packed(&data) else { continue };
            let from = scope.arn("logs", &format!("log-group:{}:*", self.group));
            let parcel = Parcel {
                body: json!({ "awslogs": { "data": data } }).to_string(),
                sender: Some(("logs.amazonaws.com", from)),
                ..Parcel::default()
            };
            parcels.push((subscription.destination.clone(), parcel));
        }
        parcels
    }
}

/// The id of an event: 56 digits, in the order of events.
pub(super) fn id(event: &Event) -> String {
    format!("{:015}{:020}{:021}", event.at.max(0), event.place, 0)
}

/// The value of a metric filter for an event that it finds; its default for another.
fn value(filter: &MetricFilter, pattern: &Pattern, event: &Event) -> Option<MetricValue> {
    let made = |value: f64, dimensions| MetricValue {
        metric: Metric { namespace: filter.namespace.clone(), name: filter.metric.clone(), dimensions },
        // It was looked up when the filter was put.
        unit: filter.unit.as_deref().and_then(Unit::named).unwrap_or(Unit::NONE),
        value,
        at: Timestamp(event.at),
    };
    if !pattern.matches(&event.message) {
        return filter.default.map(|value| made(value, BTreeMap::new()));
    }
    let field = |selector: &str| pattern.value(selector, &event.message).ok().flatten();
    let number = if filter.value.starts_with('$') { field(&filter.value)? } else { filter.value.clone() };
    let number: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    // An event that does not have all of them has no value.
    let dimensions: Option<BTreeMap<_, _>> =
        filter.dimensions.iter().map(|(name, selector)| Some((name.clone(), field(selector)?))).collect();
    Some(made(number, dimensions?))
}

/// JSON as subscriptions get it: gzip in base64.
fn packed(data: &Value) -> std::io::Result<String> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(data.to_string().as_bytes())?;
    Ok(STANDARD.encode(packed.finish()?))
}

/// Hands parcels to functions.
pub(super) async fn deliver(outlets: Arc<Outlets>, parcels: Vec<(Arn, Parcel)>) {
    for (to, parcel) in parcels {
        if let Err(why) = outlets.send(&to, parcel).await {
            tracing::warn!(function = %to, why, "log events were not taken by the function that is subscribed to them");
        }
    }
}
