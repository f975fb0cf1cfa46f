//! Conditional writes, and the tables that are asked. All tables of a process share one [`Client`], and so its connection.
//!
//! - [`Table`]: a table that changes are made in.
//! - [`BlockList`], [`AllowList`], [`Devices`], [`Keys`]: tables that are asked.
//! - [`Connectivity`]: whether devices are connected. `homes`: rows by two keys, and transactions.
//! - `expression`: a change as DynamoDB's expressions; `value`: values in both directions.

mod expression;
mod homes;
mod keys;
mod lookup;
mod value;

pub use homes::Connectivity;
pub use keys::Keys;
pub use lookup::{AllowList, BlockList, Devices};

pub use aws_sdk_dynamodb::Client;

use crate::failure::failed;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use expression::Expressions;
use fleet::conditional::{Change, Outcome};
use fleet::ports::{PortResult, UpdateItem};
use std::collections::HashMap;

/// A table that changes are made in, each with one `UpdateItem`.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn new(client: &Client, name: String) -> Self {
        Self { client: client.clone(), name }
    }
}

/// The key of the row that a change is of.
fn key(change: &Change) -> HashMap<String, AttributeValue> {
    change.key.iter().map(|(name, value)| (name.to_string(), value::to_attribute(value))).collect()
}

impl UpdateItem for Table {
    async fn update_item(&self, change: &Change) -> PortResult<Outcome> {
        let Expressions { update, condition, names, values } = Expressions::of(change);
        let request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key(change)))
            .update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => {
                let before = answer.attributes.filter(|row| !row.is_empty());
                Ok(Outcome::Applied { before: before.map(value::to_item) })
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    let current = refused.item().filter(|row| !row.is_empty()).cloned();
                    Ok(Outcome::Refused { current: current.map(value::to_item) })
                }
                _ => Err(failed("UpdateItem", &error)),
            },
        }
    }
}
