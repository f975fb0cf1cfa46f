//! `aws_lambda(functionArn, inputJson)`.

use super::{Body, Call, Function, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "aws_lambda",
    since: SqlVersion::V2015,
    summary: "What a Lambda function returns for an input. The call has to end within 2000 milliseconds.",
    parameters: &[required("functionArn", "String"), required("input", "Any")],
    returns: "Any",
    examples: &[

    ],
    body: Body::External(External::AwsLambda, arguments),
};

fn arguments(call: &Call<'_>) -> Option<Vec<Value>> {
    let function = Value::String(call.text(0)?);
    match call.value(1) {
        Value::Undefined | Value::Raw(_) => None,
        input => Some(vec![function, input]),
    }
}
