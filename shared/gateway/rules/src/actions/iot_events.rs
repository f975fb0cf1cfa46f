//! `iotEvents`: sends the payload, or each element of an array, as a message to an input of AWS IoT Events ("AWS IoT Events"
//! rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render, bytes_of};
use crate::template::Template;
use crate::value::Value;
use drydock_core::ApiError;
use drydock_model::iot::IotEventsAction;
use serde_json::{Value as Json, json};

/// The most messages of a batch.
const MAX_MESSAGES: usize = 10;

#[derive(Debug)]
struct IotEvents {
    input: Template,
    message_id: Option<Template>,
    batch: bool,
}

pub(super) fn compile(action: &IotEventsAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let batch = action.batch_mode.unwrap_or(false);
    if batch && action.message_id.is_some() {
        return Err(compiler.invalid("messageId", "there is none where `batchMode` is true: each message gets its own"));
    }
    Ok(Box::new(IotEvents {
        input: compiler.filled("inputName", &action.input_name)?,
        message_id: compiler.optional("messageId", action.message_id.as_ref())?,
        batch,
    }))
}

impl Act for IotEvents {
    fn kind(&self) -> &'static str {
        "IotEventsAction"
    }

    fn resource(&self) -> &Template {
        &self.input
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let message = |id: String, value: &Value| json!({ "messageId": id, "inputName": resource, "payload": crate::base64(&bytes_of(value)) });
        let messages: Vec<Json> = match render.elements(self.batch) {
            Some(elements) => elements.iter().map(|element| message(render.uuid(), element)).collect(),
            None => {
                let id = render.fill_optional(self.message_id.as_ref())?.unwrap_or_else(|| render.uuid());
                vec![message(id, render.value)]
            }
        };
        if messages.is_empty() || messages.len() > MAX_MESSAGES {
            let what = format!("a batch has 1 to {MAX_MESSAGES} messages, this one has {}", messages.len());
            return Err(Problem::new(what));
        }
        let (region, body) = (render.account.region.clone(), json!({ "messages": messages }));
        let call = AwsCall::rest_json("ioteventsdata", region, "/inputs/messages".to_owned(), &body);
        Ok(vec![Outgoing::Aws(call.refusing("BatchPutMessageErrorEntries"))])
    }
}
