//! What arrived in the tables of the template. The tables are found by the variables that hand them to the functions.

use super::error::{DemoError, POLL};
use crate::cli::print;
use crate::client::{Api, CallError};
use crate::mqtt::PATIENCE;
use drydock_template::{Plan, Resource};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tokio::time::{Instant, sleep};

/// The model that the demo's device is of.
pub const MODEL: &str = "charger";

/// The variables that name tables, and what the tables are called here.
const TABLES: [(&str, &str); 5] = [
    ("REGISTRATIONS_TABLE", "registrations"),
    ("DEVICES_TABLE", "devices"),
    ("LATEST_TABLE", "latest reading"),
    ("HISTORY_TABLE", "history"),
    ("CONNECTIVITY_TABLE", "connectivity"),
];

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What the table is for.
    pub table: &'static str,
    /// The row, its types taken off.
    pub item: Map<String, Value>,
}

/// The tables.
pub struct Rows {
    tables: BTreeMap<&'static str, String>,
}

impl Rows {
    /// The tables that a plan's functions are given.
    #[must_use]
    pub fn of(plan: Option<&Plan>) -> Self {
        let mut tables = BTreeMap::new();
        for planned in plan.into_iter().flat_map(|plan| &plan.resources) {
            let Resource::Function(function) = &planned.resource else { continue };
            for (variable, table) in TABLES {
                if let Some(name) = function.environment.get(variable) {
                    tables.insert(table, name.clone());
                }
            }
        }
        Self { tables }
    }

    /// All rows about a device.
    ///
    /// # Errors
    /// Where a table cannot be read.
    pub async fn of_device(&self, api: &Api, device: &str) -> Result<Vec<Row>, CallError> {
        let mut rows = Vec::new();
        for (_, table) in TABLES {
            rows.extend(self.in_table(api, table, device).await?);
        }
        Ok(rows)
    }

    /// Waits until the rows about a device in a table are as they are to be.
    pub(super) async fn wait(
        &self,
        api: &Api,
        table: &'static str,
        device: &str,
        enough: impl Fn(&[Row]) -> bool,
    ) -> Result<Vec<Row>, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = self.in_table(api, table, device).await?;
            if enough(&rows) {
                return Ok(rows);
            }
            if Instant::now() >= deadline {
                return Err(DemoError::NotSeen(format!("the arrival of what {device} did in the table of {table}")));
            }
            sleep(POLL).await;
        }
    }

    async fn in_table(&self, api: &Api, table: &'static str, device: &str) -> Result<Vec<Row>, CallError> {
        let Some(name) = self.tables.get(table) else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({ "TableName": name, "ConsistentRead": true });
            if let (false, Some(object)) = (start.is_null(), request.as_object_mut()) {
                object.insert("ExclusiveStartKey".to_owned(), start);
            }
            let answer = api.json("dynamodb", "DynamoDB_20120810.Scan", &request).await?;
            for item in answer.get("Items").and_then(Value::as_array).into_iter().flatten() {
                let item: Map<String, Value> =
                    item.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), plain(v))).collect();
                let about =
                    ["thingName", "clientId"].iter().any(|key| item.get(*key).and_then(Value::as_str) == Some(device));
                if about {
                    rows.push(Row { table, item });
                }
            }
            start = answer.get("LastEvaluatedKey").cloned().unwrap_or_default();
            if start.is_null() {
                return Ok(rows);
            }
        }
    }
}

/// Whether a row says that the device is offline.
pub(super) fn offline(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.item.get("connected") == Some(&Value::Bool(false)))
}

/// Whether a row says that the device's latest reading is that of this time, and too hot, and that this was told.
pub(super) fn too_hot_since(rows: &[Row], millis: i64) -> bool {
    rows.iter().any(|row| {
        row.item.get("measuredAt").and_then(Value::as_i64) == Some(millis)
            && row.item.get("alarm:temperature:above").and_then(Value::as_str) == Some("raised")
            && row.item.get("crossings") == row.item.get("crossingsTold")
    })
}

/// Takes DynamoDB's types off a value.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return value.clone() };
    match (kind.as_str(), inner) {
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or_else(|_| inner.clone()),
        ("M", Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), plain(v))).collect(),
        ("L", Value::Array(list)) => list.iter().map(plain).collect(),
        ("NULL", _) => Value::Null,
        _ => inner.clone(),
    }
}

/// The rows as a table: key and value per line would be long, so each row is one line of `name: value`.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = print::table(["table", "row"]);
    for row in rows {
        let fields: Vec<String> = row
            .item
            .iter()
            .map(|(name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let text =
                    if text.len() > 40 { format!("{}…", text.chars().take(12).collect::<String>()) } else { text };
                format!("{name}: {text}")
            })
            .collect();
        table.add_row([row.table.to_owned(), fields.join("  ")]);
    }
    table.to_string()
}
