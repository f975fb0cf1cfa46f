//! `dynamoDBv2`: writes each member of the payload into an attribute of its own ("DynamoDBv2" rule action).

use super::attribute::attributes;
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::DynamoDBv2Action;
use serde_json::json;

#[derive(Debug)]
struct DynamoDbV2 {
    table: Template,
}

pub(super) fn compile(action: &DynamoDBv2Action, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(DynamoDbV2 { table: compiler.template("putItem.tableName", &action.put_item.table_name)? }))
}

impl Act for DynamoDbV2 {
    fn kind(&self) -> &'static str {
        "DynamoDBv2Action"
    }

    fn resource(&self) -> &Template {
        &self.table
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let Value::Object(_) = render.value else {
            return Err(Problem::new(format!("an item is an object, the payload is {}", render.value.type_name())));
        };
        let body = json!({ "TableName": resource, "Item": attributes(render.value) });
        let region = render.account.region.clone();
        Ok(vec![Outgoing::Aws(AwsCall::json("dynamodb", region, "DynamoDB_20120810.PutItem", &body))])
    }
}
