//! `timestream`: writes each member of the payload as a record of a table ("Timestream" rule action).

use super::epoch::{Epoch, Unit};
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::{Number, Value};
use drydock_core::ApiError;
use drydock_model::iot::TimestreamAction;
use serde_json::{Value as Json, json};

/// The most values that the action writes for a message.
const MAX_RECORDS: usize = 100;
/// Names that dimensions may not have.
const TAKEN: [&str; 3] = ["measure_name", "measure_value", "time"];

#[derive(Debug)]
struct Timestream {
    database: Template,
    table: Template,
    dimensions: Vec<(String, Template)>,
    timestamp: Option<Epoch>,
}

pub(super) fn compile(action: &TimestreamAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let mut dimensions = Vec::with_capacity(action.dimensions.len());
    for (index, dimension) in action.dimensions.iter().enumerate() {
        let (field, name) = (format!("dimensions[{index}]"), &dimension.name);
        let place = format!("{field}.name");
        compiler.verbatim(&place, name)?;
        let taken = TAKEN.contains(&name.as_str());
        if name.is_empty()
            || taken
            || name.starts_with("ts_")
            || name.starts_with("measure_value")
            || name.contains(':')
        {
            let what = format!("`{name}` is a name that a dimension cannot have");
            return Err(compiler.invalid(&place, what));
        }
        dimensions.push((name.clone(), compiler.template(&format!("{field}.value"), &dimension.value)?));
    }
    Ok(Box::new(Timestream {
        database: compiler.filled("databaseName", &action.database_name)?,
        table: compiler.filled("tableName", &action.table_name)?,
        dimensions,
        timestamp: match &action.timestamp {
            Some(timestamp) => Some(Epoch::compile(&timestamp.value, Some(&timestamp.unit), compiler)?),
            None => None,
        },
    }))
}

/// A value as a measure: its text and type. What is not a value is no measure.
fn measure(value: &Value) -> Option<(String, &'static str)> {
    Some(match value {
        Value::Undefined | Value::Null | Value::Raw(_) => return None,
        Value::Bool(value) => (value.to_string(), "BOOLEAN"),
        Value::Number(number @ Number::Int(_)) => (number.to_string(), "BIGINT"),
        Value::Number(number) => (number.to_string(), "DOUBLE"),
        Value::String(text) => (text.to_string(), "VARCHAR"),
        Value::Array(_) | Value::Object(_) => (value.to_json(), "VARCHAR"),
    })
}

impl Act for Timestream {
    fn kind(&self) -> &'static str {
        "TimestreamAction"
    }

    fn resource(&self) -> &Template {
        &self.table
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let Value::Object(members) = render.value else {
            return Err(Problem::new(format!("measures are an object's, the payload is {}", render.value.type_name())));
        };
        let records: Vec<Json> = members
            .iter()
            .filter_map(|(name, value)| {
                let (text, kind) = measure(value)?;
                Some(json!({ "MeasureName": name.as_str(), "MeasureValue": text, "MeasureValueType": kind }))
            })
            .collect();
        if records.is_empty() || records.len() > MAX_RECORDS {
            let what = format!("the action writes 1 to {MAX_RECORDS} values, the payload has {}", records.len());
            return Err(Problem::new(what));
        }
        let mut dimensions = Vec::with_capacity(self.dimensions.len());
        for (name, value) in &self.dimensions {
            dimensions.push(json!({ "Name": name, "Value": render.fill(value)? }));
        }
        let (time, unit) = match &self.timestamp {
            Some(timestamp) => timestamp.fill(render)?,
            None => (i128::from(render.now().millis()), Unit::Milliseconds),
        };
        let body = json!({
            "DatabaseName": render.fill(&self.database)?,
            "TableName": resource,
            "CommonAttributes": { "Dimensions": dimensions, "Time": time.to_string(), "TimeUnit": unit.as_str() },
            "Records": records,
        });
        let region = render.account.region.clone();
        Ok(vec![Outgoing::Aws(AwsCall::json("timestream", region, "Timestream_20181101.WriteRecords", &body))])
    }
}
