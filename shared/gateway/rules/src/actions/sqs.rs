//! `sqs`: sends the payload to a queue of Amazon SQS ("SQS" rule action). FIFO queues are not supported.

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::SqsAction;
use serde_json::json;

#[derive(Debug)]
struct Sqs {
    queue: Template,
    base64: bool,
}

const NO_FIFO: &str = "FIFO queues are not supported by rules";

pub(super) fn compile(action: &SqsAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let queue = compiler.template("queueUrl", &action.queue_url)?;
    if queue.plain().is_some_and(|text| text.ends_with(".fifo")) {
        return Err(compiler.invalid("queueUrl", NO_FIFO));
    }
    Ok(Box::new(Sqs { queue, base64: action.use_base64.unwrap_or(false) }))
}

/// The region in a queue's URL, `https://sqs.<region>.amazonaws.com/…`.
fn region(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let mut labels = rest.split(['/', ':']).next()?.split('.');
    (labels.next()? == "sqs").then(|| labels.next()).flatten()
}

impl Act for Sqs {
    fn kind(&self) -> &'static str {
        "SqsAction"
    }

    fn resource(&self) -> &Template {
        &self.queue
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        if resource.ends_with(".fifo") {
            return Err(Problem::new(NO_FIFO));
        }
        let text = if self.base64 { crate::base64(&render.bytes()) } else { render.text()? };
        let body = json!({ "QueueUrl": resource, "MessageBody": text });
        let region = region(resource).map_or_else(|| render.account.region.clone(), Into::into);
        Ok(vec![Outgoing::Aws(AwsCall::json("sqs", region, "AmazonSQS.SendMessage", &body))])
    }
}
