//! `get_dynamodb(tableName, partitionKeyName, partitionKeyValue, sortKeyName, sortKeyValue, roleArn)`.

use super::{Body, Call, Function, optional, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "get_dynamodb",
    since: SqlVersion::V2016,
    summary: "An item of a DynamoDB table, by its partition key and, where the table has one, its sort key. A statement may call it once.",
    parameters: &[required("table", "String"), required("partitionKey", "String"), required("partitionValue", "Any"), optional("sortKey", "String"), optional("sortValue", "Any"), required("roleArn", "String")],
    returns: "Object",
    examples: &[

    ],
    body: Body::External(External::GetDynamodb, arguments),
};

fn arguments(call: &Call<'_>) -> Option<Vec<Value>> {
    if call.arguments.len() == 5 || call.arguments.iter().any(|argument| argument.to_text().is_none()) {
        return None;
    }
    Some(call.arguments.to_vec())
}
