//! `iotAnalytics`: sends the payload, or each element of an array, as a message to a channel of AWS IoT Analytics ("AWS IoT
//! Analytics" rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render, bytes_of};
use crate::template::Template;
use crate::value::Value;
use drydock_core::{ApiError, Arn};
use drydock_model::iot::IotAnalyticsAction;
use serde_json::{Value as Json, json};

/// The most messages of a batch.
const MAX_MESSAGES: usize = 100;

#[derive(Debug)]
struct IotAnalytics {
    channel: Template,
    batch: bool,
}

pub(super) fn compile(action: &IotAnalyticsAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    let role = action.role_arn.as_deref();
    compiler.role(role.ok_or_else(|| compiler.invalid("roleArn", "it is missing"))?)?;
    let channel = match (&action.channel_name, &action.channel_arn) {
        (Some(name), None) => name.clone(),
        // Deprecated, and still accepted.
        (None, Some(arn)) => Arn::parse(arn)
            .and_then(|parsed| parsed.resource().strip_prefix("channel/").map(str::to_owned))
            .ok_or_else(|| compiler.invalid("channelArn", format!("`{arn}` is not the ARN of a channel")))?,
        _ => return Err(compiler.invalid("channelName", "a channel is named by `channelName` or `channelArn`")),
    };
    let channel = compiler.filled("channelName", &channel)?;
    Ok(Box::new(IotAnalytics { channel, batch: action.batch_mode.unwrap_or(false) }))
}

impl Act for IotAnalytics {
    fn kind(&self) -> &'static str {
        "IotAnalyticsAction"
    }

    fn resource(&self) -> &Template {
        &self.channel
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let message = |value: &Value| json!({ "messageId": render.uuid(), "payload": crate::base64(&bytes_of(value)) });
        let messages: Vec<Json> = match render.elements(self.batch) {
            Some(elements) => elements.iter().map(message).collect(),
            None => vec![message(render.value)],
        };
        if messages.is_empty() || messages.len() > MAX_MESSAGES {
            let what = format!("a batch has 1 to {MAX_MESSAGES} messages, this one has {}", messages.len());
            return Err(Problem::new(what));
        }
        let body = json!({ "channelName": resource, "messages": messages });
        let region = render.account.region.clone();
        let call = AwsCall::rest_json("iotanalytics", region, "/messages/batch".to_owned(), &body);
        Ok(vec![Outgoing::Aws(call.refusing("batchPutMessageErrorEntries"))])
    }
}
