//! A template's tables: CloudFormation's properties as DynamoDB's calls.

use super::DynamoDb;
use crate::error::CloudError;
use serde_json::{Map, Value, json};

/// Properties that `CreateTable` takes as they are.
const SAME: [&str; 11] = [
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "TableClass",
    "Tags",
    "WarmThroughput",
];
/// Properties about backups, insights and access, which one machine has no use for.
const WITHOUT_EFFECT: [&str; 5] = [
    "ContributorInsightsSpecification",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "SSESpecification",
    "TableName",
];
/// What makes a table another one.
const IDENTITY: [&str; 5] =
    ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "StreamSpecification"];

impl DynamoDb {
    /// Makes a table be as a template's `AWS::DynamoDB::Table` describes it. The properties are those of CloudFormation
    /// with all intrinsic functions resolved. A table that exists keeps its rows; its time to live follows the template.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where a property is unknown or wrong, or where the table exists with other keys or indexes.
    pub async fn ensure(&self, name: &str, properties: &Value) -> Result<(), CloudError> {
        follow_template(self, name, properties).await.map_err(|why| CloudError::resource("table", name, why))
    }
}

async fn follow_template(dynamodb: &DynamoDb, name: &str, properties: &Value) -> Result<(), String> {
    let properties = properties.as_object().ok_or("its properties are not an object")?;
    let (input, time_to_live) = create_input(name, properties)?;
    let call = |operation: &'static str, input: Value| async move { dynamodb.call(operation, input.to_string()).await };
    match call("DescribeTable", json!({"TableName": name})).await {
        Ok(described) => follow(dynamodb, name, &described, &input).await?,
        Err((_, body)) if body.contains("ResourceNotFoundException") => {
            call("CreateTable", Value::Object(input)).await.map_err(message)?;
        }
        Err(error) => return Err(message(error)),
    }
    let described = call("DescribeTimeToLive", json!({"TableName": name})).await.map_err(message)?;
    let described: Value = serde_json::from_str(&described).map_err(|e| e.to_string())?;
    let description = described.get("TimeToLiveDescription");
    let now = description
        .filter(|d| d.get("TimeToLiveStatus").and_then(Value::as_str).is_some_and(|s| s.starts_with("ENABL")))
        .and_then(|d| d.get("AttributeName")?.as_str());
    let wanted = time_to_live.as_deref();
    if now == wanted {
        return Ok(());
    }
    for (attribute, enabled) in [(now, false), (wanted, true)] {
        if let Some(attribute) = attribute {
            let specification = json!({"AttributeName": attribute, "Enabled": enabled});
            let input = json!({"TableName": name, "TimeToLiveSpecification": specification});
            call("UpdateTimeToLive", input).await.map_err(message)?;
        }
    }
    Ok(())
}

/// The input of `CreateTable`, and the attribute that holds the time to live.
fn create_input(name: &str, properties: &Map<String, Value>) -> Result<(Map<String, Value>, Option<String>), String> {
    let mut input = Map::from_iter([("TableName".to_owned(), Value::from(name))]);
    let mut time_to_live = None;
    for (property, value) in properties {
        match property.as_str() {
            name if SAME.contains(&name) => {
                input.insert(property.clone(), numbers(value.clone()));
            }
            name if WITHOUT_EFFECT.contains(&name) => {}
            "StreamSpecification" => {
                let view = value.get("StreamViewType").ok_or("`StreamSpecification` has no `StreamViewType`")?;
                let stream = json!({"StreamEnabled": true, "StreamViewType": view});
                input.insert(property.clone(), stream);
            }
            "TimeToLiveSpecification" => {
                let enabled = value.get("Enabled").is_some_and(|on| on == true || on == "true");
                let attribute = value.get("AttributeName").and_then(Value::as_str);
                time_to_live = attribute.filter(|_| enabled).map(str::to_owned);
            }
            other => return Err(format!("the property `{other}` of `AWS::DynamoDB::Table` is not implemented")),
        }
    }
    for index in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        if let Some(Value::Array(indexes)) = input.get_mut(index) {
            for index in indexes.iter_mut().filter_map(Value::as_object_mut) {
                index.remove("ContributorInsightsSpecification");
            }
        }
    }
    Ok((input, time_to_live))
}

/// CloudFormation takes numbers and booleans as text too; the API does not.
fn numbers(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| match (key.as_str(), &value) {
                ("ReadCapacityUnits" | "WriteCapacityUnits", Value::String(text)) => {
                    let number = text.parse::<i64>().map_or_else(|_| value.clone(), Value::from);
                    (key, number)
                }
                _ => (key, numbers(value)),
            })
            .collect(),
        Value::Array(list) => list.into_iter().map(numbers).collect(),
        Value::String(text) if text == "true" || text == "false" => Value::Bool(text == "true"),
        other => other,
    }
}

/// Makes a table that exists follow the template in what can be changed: its tags and its protection.
async fn follow(dynamodb: &DynamoDb, name: &str, described: &str, input: &Map<String, Value>) -> Result<(), String> {
    let described: Value = serde_json::from_str(described).map_err(|e| e.to_string())?;
    let table = described.get("Table").ok_or("DynamoDB described no table")?;
    same(table, input)?;
    let is_on = |from: Option<&Value>| from.is_some_and(|on| *on == true);
    let protect = is_on(input.get("DeletionProtectionEnabled"));
    if is_on(table.get("DeletionProtectionEnabled")) != protect {
        let input = json!({"TableName": name, "DeletionProtectionEnabled": protect}).to_string();
        dynamodb.call("UpdateTable", input).await.map_err(message)?;
    }
    let arn = table.get("TableArn").cloned().unwrap_or_default();
    let listed = dynamodb.call("ListTagsOfResource", json!({"ResourceArn": arn}).to_string()).await.map_err(message)?;
    let listed: Value = serde_json::from_str(&listed).map_err(|e| e.to_string())?;
    let list = |tags: Option<&Value>| tags.and_then(Value::as_array).cloned().unwrap_or_default();
    let (held, asked) = (list(listed.get("Tags")), list(input.get("Tags")));
    let key = |tag: &Value| tag.get("Key").cloned().unwrap_or_default();
    let gone: Vec<Value> = held.iter().map(key).filter(|held| !asked.iter().any(|tag| key(tag) == *held)).collect();
    let new: Vec<&Value> = asked.iter().filter(|tag| !held.contains(tag)).collect();
    if !gone.is_empty() {
        let input = json!({"ResourceArn": arn, "TagKeys": gone}).to_string();
        dynamodb.call("UntagResource", input).await.map_err(message)?;
    }
    if !new.is_empty() {
        let input = json!({"ResourceArn": arn, "Tags": new}).to_string();
        dynamodb.call("TagResource", input).await.map_err(message)?;
    }
    Ok(())
}

/// Whether a table that exists has the keys, indexes and stream asked for.
fn same(table: &Value, input: &Map<String, Value>) -> Result<(), String> {
    for part in IDENTITY {
        let (is, asked) = (shape(table.get(part)), shape(input.get(part)));
        if is != asked {
            return Err(format!(
                "it exists with another `{part}` ({is} instead of {asked}): delete the table, or the data directory, to \
                 have it made anew"
            ));
        }
    }
    Ok(())
}

/// The part of a description that was asked for, in an order of its own.
fn shape(value: Option<&Value>) -> String {
    const PARTS: [&str; 9] = [
        "AttributeName",
        "AttributeType",
        "IndexName",
        "KeySchema",
        "KeyType",
        "NonKeyAttributes",
        "Projection",
        "ProjectionType",
        "StreamViewType",
    ];
    fn normal(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| PARTS.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), normal(value)))
                .collect(),
            Value::Array(list) => {
                let mut list: Vec<Value> = list.iter().map(normal).collect();
                list.sort_by_key(Value::to_string);
                Value::Array(list)
            }
            other => other.clone(),
        }
    }
    let shape = value.map_or(Value::Null, normal);
    // No indexes and no stream are left out, empty or switched off.
    if [json!(null), json!([]), json!({})].contains(&shape) { "none".to_owned() } else { shape.to_string() }
}

fn message((_, body): (u16, String)) -> String {
    let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = parsed.get("message").or_else(|| parsed.get("Message")).and_then(Value::as_str);
    text.map_or(body.clone(), str::to_owned)
}
