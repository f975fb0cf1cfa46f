//! `dynamoDB`: writes the payload into one attribute of an item ("DynamoDB" rule action).

use super::attribute::attribute;
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Number;
use drydock_core::ApiError;
use drydock_model::iot::{DynamoDBAction, DynamoKeyType};
use serde_json::{Map, Value as Json, json};

#[derive(Debug)]
struct DynamoDb {
    table: Template,
    hash: Key,
    range: Option<Key>,
    payload_field: Option<Template>,
    operation: Option<Template>,
}

#[derive(Debug)]
struct Key {
    field: Template,
    value: Template,
    number: bool,
}

impl Key {
    fn fill(&self, render: &Render<'_>) -> Result<(String, Json), Problem> {
        let (field, value) = (render.fill(&self.field)?, render.fill(&self.value)?);
        if !self.number {
            return Ok((field, json!({ "S": value })));
        }
        match Number::from_string(&value) {
            Some(number) => Ok((field, json!({ "N": number.to_string() }))),
            None => Err(Problem::new(format!("the key `{field}` is a number, and `{value}` is none"))),
        }
    }
}

pub(super) fn compile(action: &DynamoDBAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let number = |kind: Option<DynamoKeyType>| kind == Some(DynamoKeyType::Number);
    let hash = Key {
        field: compiler.template("hashKeyField", &action.hash_key_field)?,
        value: compiler.template("hashKeyValue", &action.hash_key_value)?,
        number: number(action.hash_key_type),
    };
    let range = match (&action.range_key_field, &action.range_key_value) {
        (Some(field), Some(value)) => Some(Key {
            field: compiler.template("rangeKeyField", field)?,
            value: compiler.template("rangeKeyValue", value)?,
            number: number(action.range_key_type),
        }),
        (None, None) => None,
        _ => return Err(compiler.invalid("rangeKeyField", "a range key needs both its field and its value")),
    };
    let operation = compiler.optional("operation", action.operation.as_ref())?;
    if let Some(plain) = operation.as_ref().and_then(Template::plain) {
        Operation::parse(plain).ok_or_else(|| compiler.invalid("operation", unknown(plain)))?;
    }
    Ok(Box::new(DynamoDb {
        table: compiler.template("tableName", &action.table_name)?,
        hash,
        range,
        payload_field: compiler.optional("payloadField", action.payload_field.as_ref())?,
        operation,
    }))
}

enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "INSERT" => Some(Self::Insert),
            "UPDATE" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

fn unknown(operation: &str) -> String {
    format!("`{operation}` is none of INSERT, UPDATE and DELETE")
}

impl Act for DynamoDb {
    fn kind(&self) -> &'static str {
        "DynamoDBAction"
    }

    fn resource(&self) -> &Template {
        &self.table
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let mut keys: Map<String, Json> = Map::from_iter([self.hash.fill(render)?]);
        if let Some(range) = &self.range {
            keys.extend([range.fill(render)?]);
        }
        let field = render.fill_optional(self.payload_field.as_ref())?.unwrap_or_else(|| "payload".to_owned());
        let operation = render.fill_optional(self.operation.as_ref())?.unwrap_or_else(|| "INSERT".to_owned());
        let payload = attribute(render.value);
        let (target, body) = match Operation::parse(&operation).ok_or_else(|| Problem::new(unknown(&operation)))? {
            Operation::Insert => {
                keys.extend(payload.map(|payload| (field, payload)));
                ("PutItem", json!({ "TableName": resource, "Item": keys }))
            }
            Operation::Update => {
                let body = match payload {
                    Some(payload) => json!({
                        "TableName": resource,
                        "Key": keys,
                        "UpdateExpression": "SET #payload = :payload",
                        "ExpressionAttributeNames": { "#payload": field },
                        "ExpressionAttributeValues": { ":payload": payload },
                    }),
                    None => json!({ "TableName": resource, "Key": keys }),
                };
                ("UpdateItem", body)
            }
            Operation::Delete => ("DeleteItem", json!({ "TableName": resource, "Key": keys })),
        };
        let region = render.account.region.clone();
        let target = format!("DynamoDB_20120810.{target}");
        Ok(vec![Outgoing::Aws(AwsCall::json("dynamodb", region, &target, &body))])
    }
}
