//! `firehose`: puts the payload as a record, or each element of an array as one, on a stream of Amazon Data Firehose
//! ("Firehose" rule action).

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render, bytes_of};
use crate::template::Template;
use drydock_core::ApiError;
use drydock_model::iot::FirehoseAction;
use serde_json::{Value as Json, json};

/// The most records of a batch.
const MAX_RECORDS: usize = 500;
/// What may stand between records.
const SEPARATORS: [&str; 4] = ["\n", "\t", "\r\n", ","];

#[derive(Debug)]
struct Firehose {
    stream: Template,
    separator: String,
    batch: bool,
}

pub(super) fn compile(action: &FirehoseAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    let separator = action.separator.clone().unwrap_or_default();
    if !separator.is_empty() && !SEPARATORS.contains(&separator.as_str()) {
        let what = format!("{separator:?} is none of a newline, a tab, a Windows newline and a comma");
        return Err(compiler.invalid("separator", what));
    }
    let stream = compiler.filled("deliveryStreamName", &action.delivery_stream_name)?;
    Ok(Box::new(Firehose { stream, separator, batch: action.batch_mode.unwrap_or(false) }))
}

impl Act for Firehose {
    fn kind(&self) -> &'static str {
        "FirehoseAction"
    }

    fn resource(&self) -> &Template {
        &self.stream
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let record = |value| {
            let data = [bytes_of(value).as_ref(), self.separator.as_bytes()].concat();
            json!({ "Data": crate::base64(&data) })
        };
        let region = render.account.region.clone();
        let Some(elements) = render.elements(self.batch) else {
            let body = json!({ "DeliveryStreamName": resource, "Record": record(render.value) });
            return Ok(vec![Outgoing::Aws(AwsCall::json_1_1(
                "firehose",
                region,
                "Firehose_20150804.PutRecord",
                &body,
            ))]);
        };
        let records: Vec<Json> = elements.iter().map(record).collect();
        if records.is_empty() || records.len() > MAX_RECORDS {
            let what = format!("a batch has 1 to {MAX_RECORDS} records, this one has {}", records.len());
            return Err(Problem::new(what));
        }
        let body = json!({ "DeliveryStreamName": resource, "Records": records });
        let call = AwsCall::json_1_1("firehose", region, "Firehose_20150804.PutRecordBatch", &body);
        Ok(vec![Outgoing::Aws(call.refusing("FailedPutCount"))])
    }
}
