//! `machinelearning_predict(modelId, roleArn, record)`.

use super::{Body, Call, Function, required};
use crate::externals::External;
use crate::sql::SqlVersion;
use crate::value::Value;

pub(super) static FUNCTION: Function = Function {
    name: "machinelearning_predict",
    since: SqlVersion::V2015,
    summary: "The prediction of a machine-learning model for a record.",
    parameters: &[required("modelId", "String"), required("roleArn", "String"), required("record", "Object")],
    returns: "Object",
    examples: &[

    ],
    body: Body::External(External::MachinelearningPredict, arguments),
};

fn arguments(call: &Call<'_>) -> Option<Vec<Value>> {
    let record = call.value(2);
    matches!(record, Value::Object(_)).then_some(())?;
    Some(vec![Value::String(call.text(0)?), Value::String(call.text(1)?), record])
}
