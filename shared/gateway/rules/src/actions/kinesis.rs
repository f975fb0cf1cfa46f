//! `kinesis`: puts the payload as a record on a stream of Amazon Kinesis ("Kinesis Data Streams" rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::KinesisAction;
use serde_json::json;

/// The longest partition key, in characters.
const MAX_KEY: usize = 256;

#[derive(Debug)]
struct Kinesis {
    stream: Template,
    partition_key: Option<Template>,
}

pub(super) fn compile(action: &KinesisAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(Kinesis {
        stream: compiler.filled("streamName", &action.stream_name)?,
        partition_key: compiler.optional("partitionKey", action.partition_key.as_ref())?,
    }))
}

impl Act for Kinesis {
    fn kind(&self) -> &'static str {
        "KinesisAction"
    }

    fn resource(&self) -> &Template {
        &self.stream
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        // Kinesis wants a key: without one of the rule's own, records spread over the shards.
        let key = render.fill_optional(self.partition_key.as_ref())?.unwrap_or_else(|| render.uuid());
        if key.is_empty() || key.chars().count() > MAX_KEY {
            return Err(Problem::new(format!("a partition key has 1 to {MAX_KEY} characters, this one is `{key}`")));
        }
        let body = json!({ "StreamName": resource, "PartitionKey": key, "Data": crate::base64(&render.bytes()) });
        let region = render.account.region.clone();
        Ok(vec![Outgoing::Aws(AwsCall::json_1_1("kinesis", region, "Kinesis_20131202.PutRecord", &body))])
    }
}
