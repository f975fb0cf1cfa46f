//! The engine's operations by name, and how their inputs are read.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
            if let Some(error) = too_deep(input) {
                return Err(Failure::Engine(error));
            }
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

/// How many levels an expression may have. The engine's parser goes down a level of its own stack for each.
const LEVELS: usize = 100;

/// What is wrong with an input one of whose expressions has too many levels.
fn too_deep(input: &str) -> Option<DynoxideError> {
    let bytes = input.as_bytes();
    let nots = || bytes.windows(3).filter(|word| word.eq_ignore_ascii_case(b"not")).count();
    let opened = bytes.iter().filter(|byte| **byte == b'(').count();
    // Nearly no input has as many in all, or letters by their numbers, and needs to be looked at.
    if opened < LEVELS && nots() < LEVELS && !input.contains("\\u") {
        return None;
    }
    // What is not read here is not given to the engine either, which passes over members that it does not know, however deep.
    let name = match read::<Value>(input) {
        Ok(value) => deep_expression(&value)?,
        Err(error) => return Some(error),
    };
    Some(DynoxideError::ValidationException(format!("Invalid {name}: The expression has more than {LEVELS} levels")))
}

/// The name of an expression that has too many levels.
fn deep_expression(input: &Value) -> Option<String> {
    match input {
        Value::Object(members) => members.iter().find_map(|(name, value)| match value.as_str() {
            Some(text) => (name.ends_with("Expression") && levels(text) > LEVELS).then(|| name.clone()),
            None => deep_expression(value),
        }),
        Value::Array(items) => items.iter().find_map(deep_expression),
        _ => None,
    }
}

/// How many parentheses and NOTs stand around the innermost part. Texts and names with blanks are outside of an expression, as
/// values and attribute names of it.
fn levels(expression: &str) -> usize {
    let (mut open, mut nots, mut most) = (0_usize, 0_usize, 0_usize);
    for word in expression.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        match word {
            "(" => open += 1,
            ")" => (open, nots) = (open.saturating_sub(1), 0),
            word if word.eq_ignore_ascii_case("not") => nots += 1,
            _ => nots = 0,
        }
        most = most.max(open + nots);
    }
    most
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
