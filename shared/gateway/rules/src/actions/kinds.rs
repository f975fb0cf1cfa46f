//! The actions, by their keys.

use super::{
    Act, Compiler, cloudwatch_alarm, cloudwatch_logs, cloudwatch_metric, dynamodb, dynamodbv2, firehose, http,
    influxdb, iot_analytics, iot_events, iot_site_wise, kafka, kinesis, lambda, location, open_search, republish, s3,
    salesforce, sns, sqs, step_functions, timestream,
};
use drydock_core::ApiError;
use drydock_model::iot;

/// Compiles an action.
///
/// # Errors
/// [`ApiError`] where it names no kind or several, or its parameters are wrong.
pub(crate) fn compile(action: &iot::Action, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let json = action.to_json();
    let kinds: Vec<&String> = json.as_object().map(|members| members.keys().collect()).unwrap_or_default();
    let [kind] = kinds.as_slice() else {
        return Err(ApiError::invalid(format!(
            "{}: an action names exactly one kind, this one names {}",
            compiler.place,
            kinds.len()
        )));
    };
    let compiler = &Compiler { place: format!("{}.{kind}", compiler.place), ..*compiler };
    match action {
        iot::Action { cloudwatch_alarm: Some(action), .. } => cloudwatch_alarm::compile(action, compiler),
        iot::Action { cloudwatch_logs: Some(action), .. } => cloudwatch_logs::compile(action, compiler),
        iot::Action { cloudwatch_metric: Some(action), .. } => cloudwatch_metric::compile(action, compiler),
        iot::Action { dynamo_db: Some(action), .. } => dynamodb::compile(action, compiler),
        iot::Action { dynamo_dbv2: Some(action), .. } => dynamodbv2::compile(action, compiler),
        iot::Action { elasticsearch: Some(action), .. } => open_search::compile_old(action, compiler),
        iot::Action { firehose: Some(action), .. } => firehose::compile(action, compiler),
        iot::Action { http: Some(action), .. } => http::compile(action, compiler),
        iot::Action { influx_db: Some(action), .. } => influxdb::compile(action, compiler),
        iot::Action { iot_analytics: Some(action), .. } => iot_analytics::compile(action, compiler),
        iot::Action { iot_events: Some(action), .. } => iot_events::compile(action, compiler),
        iot::Action { iot_site_wise: Some(action), .. } => iot_site_wise::compile(action, compiler),
        iot::Action { kafka: Some(action), .. } => kafka::compile(action, compiler),
        iot::Action { kinesis: Some(action), .. } => kinesis::compile(action, compiler),
        iot::Action { lambda: Some(action), .. } => lambda::compile(action, compiler),
        iot::Action { location: Some(action), .. } => location::compile(action, compiler),
        iot::Action { open_search: Some(action), .. } => open_search::compile(action, compiler),
        iot::Action { republish: Some(action), .. } => republish::compile(action, compiler),
        iot::Action { s3: Some(action), .. } => s3::compile(action, compiler),
        iot::Action { salesforce: Some(action), .. } => salesforce::compile(action, compiler),
        iot::Action { sns: Some(action), .. } => sns::compile(action, compiler),
        iot::Action { sqs: Some(action), .. } => sqs::compile(action, compiler),
        iot::Action { step_functions: Some(action), .. } => step_functions::compile(action, compiler),
        iot::Action { timestream: Some(action), .. } => timestream::compile(action, compiler),
        _ => Err(ApiError::not_implemented(&format!("the rule action `{kind}`"))),
    }
}
