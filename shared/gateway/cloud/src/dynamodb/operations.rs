//! The engine's operations by name, and how their inputs are read.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why an operation did not run.
pub(super) enum Failure {
    /// The engine refused it.
    Engine(DynoxideError),
    /// The engine has no such operation.
    Unknown,
}

macro_rules! operations {
    ($($name:literal => $method:ident,)*) => {
        /// Runs an operation.
        pub(super) fn run(database: &Database, operation: &str, input: &str) -> Result<String, Failure> {
            match operation {
                $($name => read(input)
                    .and_then(|input| database.$method(input))
                    .and_then(|output| write(&output))
                    .map_err(|error| Failure::Engine(enveloped(operation, error))),)*
                _ => Err(Failure::Unknown),
            }
        }
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeStream" => describe_stream,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "GetRecords" => get_records,
    "GetShardIterator" => get_shard_iterator,
    "ListStreams" => list_streams,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}

/// Whether an operation may write an item, or set a table's time to live: something may expire earlier than was known.
pub(super) fn writes(operation: &str) -> bool {
    ["Put", "Update", "Write", "Execute"].iter().any(|part| operation.contains(part))
}

/// Whether an operation speaks of tables and streams, not of items: only there do the engine's ARNs stand.
pub(super) fn is_control(operation: &str) -> bool {
    ["Table", "Stream", "Tag", "TimeToLive", "Shard"].iter().any(|part| operation.contains(part))
}

/// Reads an input. The engine's types put a mark before the text of an error that says which of DynamoDB's it is.
fn read<T: DeserializeOwned>(input: &str) -> Result<T, DynoxideError> {
    let input = if input.is_empty() { "{}" } else { input };
    serde_json::from_str(input).map_err(|error| {
        let text = error.to_string();
        let plain = || text.split(" at line ").next().unwrap_or_default().to_owned();
        let marked = |mark: &str| plain().strip_prefix(mark).map(str::to_owned);
        if let Some(text) = marked("SERIALIZATION_AS_READ:").or_else(|| marked("SERIALIZATION:")) {
            DynoxideError::SerializationException(text)
        } else if let Some(text) = marked("VALIDATION_REQUEST:") {
            DynoxideError::EnvelopedValidation(text)
        } else if let Some(text) = marked("VALIDATION_AS_READ:").or_else(|| marked("VALIDATION:")) {
            DynoxideError::ValidationException(text)
        } else if text.contains("missing field")
            || text.contains("unknown variant")
            || text.contains("invalid type: null")
            || text.contains("Supplied AttributeValue")
        {
            DynoxideError::ValidationException(plain())
        } else {
            DynoxideError::SerializationException(plain())
        }
    })
}

fn write(output: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(output).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Puts the envelope around those validation errors that DynamoDB wraps in one, for the operations where it does.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(text) if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") => {
            DynoxideError::ValidationException(format!("1 validation error detected: {text}"))
        }
        other => other,
    }
}
