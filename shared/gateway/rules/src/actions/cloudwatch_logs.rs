//! `cloudwatchLogs`: puts the payload as an event, or each element of an array as one, into a log group ("CloudWatch Logs"
//! rule action). The group has to be there; the stream in it, called as the rule, is made where it is missing.

use super::outgoing::Missing;
use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use crate::value::{Number, Value};
use drydock_core::ApiError;
use drydock_model::iot::CloudwatchLogsAction;
use serde_json::{Value as Json, json};

/// The most events of a call (`PutLogEvents`).
const MAX_EVENTS: usize = 10_000;

#[derive(Debug)]
struct CloudwatchLogs {
    group: Template,
    batch: bool,
}

pub(super) fn compile(action: &CloudwatchLogsAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let group = compiler.filled("logGroupName", &action.log_group_name)?;
    Ok(Box::new(CloudwatchLogs { group, batch: action.batch_mode.unwrap_or(false) }))
}

/// An element of a batch: `timestamp` in milliseconds and `message`.
fn event(element: &Value) -> Result<(i64, Json), Problem> {
    let wrong = || Problem::new("each element of a batch has a `timestamp` in milliseconds and a `message`");
    let at = match element.member("timestamp") {
        Value::Number(Number::Int(at)) => i64::try_from(at).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    let message = element.member("message").to_text().ok_or_else(wrong)?;
    Ok((at, json!({ "timestamp": at, "message": message.as_str() })))
}

impl Act for CloudwatchLogs {
    fn kind(&self) -> &'static str {
        "CloudwatchLogsAction"
    }

    fn resource(&self) -> &Template {
        &self.group
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let events: Vec<Json> = match render.elements(self.batch) {
            None => vec![json!({ "timestamp": render.now().millis(), "message": render.text()? })],
            Some(elements) => {
                let mut events = elements.iter().map(event).collect::<Result<Vec<_>, _>>()?;
                // The service wants them in the order of their times.
                events.sort_by_key(|(at, _)| *at);
                events.into_iter().map(|(_, event)| event).collect()
            }
        };
        if events.is_empty() || events.len() > MAX_EVENTS {
            let what = format!("a batch has 1 to {MAX_EVENTS} events, this one has {}", events.len());
            return Err(Problem::new(what));
        }
        let (stream, region) = (render.rule, render.account.region.clone());
        let made = json!({ "logGroupName": resource, "logStreamName": stream });
        let body = json!({ "logGroupName": resource, "logStreamName": stream, "logEvents": events });
        let mut call = AwsCall::json_1_1("logs", region.clone(), "Logs_20140328.PutLogEvents", &body);
        call.missing = Some(Box::new(Missing {
            error: "ResourceNotFoundException",
            make: AwsCall::json_1_1("logs", region, "Logs_20140328.CreateLogStream", &made),
        }));
        Ok(vec![Outgoing::Aws(call)])
    }
}
