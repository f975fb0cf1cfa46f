//! The table of homes: rows by both keys, parts of a partition, transactions. And the connectivity of devices, which is only read.

use super::expression::Expressions;
use super::{Table, key, value};
use crate::failure::failed;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use fleet::conditional::Item;
use fleet::connectivity::attribute::{CHANGED_AT, CLIENT_ID, CONNECTED};
use fleet::homes::row::{PARTITION, SORT};
use fleet::homes::state::Presence;
use fleet::ports::{ErrorKind, FindHomeRow, FindPresence, ListRows, PortError, PortResult, Rows, Transact};
use fleet::transaction::{Step, Transacted};
use std::collections::HashMap;

/// How often a transaction is tried that meets another one on the same rows.
const TRIES: usize = 4;

type Key = HashMap<String, AttributeValue>;

impl FindHomeRow for Table {
    async fn find_home_row(&self, partition: &str, sort: &str) -> PortResult<Option<Item>> {
        let request = self
            .client
            .get_item()
            .table_name(&self.name)
            .key(PARTITION, AttributeValue::S(partition.to_owned()))
            .key(SORT, AttributeValue::S(sort.to_owned()))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed("GetItem", &error))?;
        Ok(answer.item.map(value::to_item))
    }
}

impl ListRows for Table {
    async fn list_rows(&self, partition: &str, prefix: &str, after: Option<&str>, most: usize) -> PortResult<Rows> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let start = after.map(|after| Key::from([(PARTITION.into(), text(partition)), (SORT.into(), text(after))]));
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("#p = :p AND begins_with(#s, :s)")
            .expression_attribute_names("#p", PARTITION)
            .expression_attribute_names("#s", SORT)
            .expression_attribute_values(":p", text(partition))
            .expression_attribute_values(":s", text(prefix))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(|error| failed("Query", &error))?;
        Ok(Rows {
            has_more: answer.last_evaluated_key.is_some_and(|key| !key.is_empty()),
            items: answer.items.unwrap_or_default().into_iter().map(value::to_item).collect(),
        })
    }
}

impl Table {
    fn item(&self, step: &Step) -> PortResult<TransactWriteItem> {
        const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
        let Expressions { update, condition, names, values } = Expressions::of(step.change());
        let key = Some(key(step.change()));
        let names = (!names.is_empty()).then_some(names);
        let values = (!values.is_empty()).then_some(values);
        let built = match step {
            Step::Change(_) => Update::builder()
                .table_name(&self.name)
                .set_key(key)
                .update_expression(update)
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ALL_OLD)
                .build()
                .map(|update| TransactWriteItem::builder().update(update)),
            Step::Check(_) => ConditionCheck::builder()
                .table_name(&self.name)
                .set_key(key)
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ALL_OLD)
                .build()
                .map(|check| TransactWriteItem::builder().condition_check(check)),
            Step::Delete(_) => Delete::builder()
                .table_name(&self.name)
                .set_key(key)
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ALL_OLD)
                .build()
                .map(|delete| TransactWriteItem::builder().delete(delete)),
        };
        let built = built.map_err(|error| PortError::new("TransactWriteItems", error).of_kind(ErrorKind::Permanent));
        Ok(built?.build())
    }
}

/// The first step that was refused, or that none was: then others were at the same rows.
fn refused(reasons: &[CancellationReason]) -> Option<Transacted> {
    let at = reasons.iter().position(|reason| reason.code.as_deref() == Some("ConditionalCheckFailed"))?;
    let row = reasons.get(at).and_then(|reason| reason.item.clone()).filter(|row| !row.is_empty());
    Some(Transacted::Refused { at, current: row.map(value::to_item) })
}

impl Transact for Table {
    async fn transact(&self, steps: &[Step]) -> PortResult<Transacted> {
        const OPERATION: &str = "TransactWriteItems";
        let items: Vec<_> = steps.iter().map(|step| self.item(step)).collect::<Result<_, _>>()?;
        let mut tried = 0_usize;
        loop {
            tried = tried.saturating_add(1);
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = request.send().await else { return Ok(Transacted::Done) };
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
                return Err(failed(OPERATION, &error));
            };
            let reasons = canceled.cancellation_reasons();
            if let Some(refused) = refused(reasons) {
                return Ok(refused);
            }
            let code = |wanted: &str| reasons.iter().any(|reason| reason.code.as_deref() == Some(wanted));
            let is_passing = code("TransactionConflict") || code("ThrottlingError");
            if !is_passing || tried >= TRIES {
                let kind = if is_passing { ErrorKind::Throttled } else { ErrorKind::Permanent };
                return Err(failed(OPERATION, &error).of_kind(kind));
            }
        }
    }
}

/// Who is online: a row per `clientId`, which the function `connectivity` writes.
#[derive(Debug, Clone)]
pub struct Connectivity(Table);

impl Connectivity {
    /// The table of this name.
    #[must_use]
    pub fn new(client: &Client, name: String) -> Self {
        Self(Table::new(client, name))
    }
}

impl FindPresence for Connectivity {
    async fn find_presence(&self, client_id: &str) -> PortResult<Option<Presence>> {
        let row = self.0.get(CLIENT_ID, client_id, false).await?.map(value::to_item);
        let presence = |row: Item| Some(Presence { connected: row.flag(CONNECTED)?, since: row.number(CHANGED_AT)? });
        Ok(row.and_then(presence))
    }
}
