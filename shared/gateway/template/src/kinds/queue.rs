//! `AWS::SQS::Queue`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TAGS, inert, optional};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// The queue's name.
    pub name: String,
    /// `<queue URL base>/<account>/<name>`.
    pub url: String,
    /// The queue's ARN.
    pub arn: String,
    /// The `Attributes` of `CreateQueue`, all strings; `RedrivePolicy` is JSON.
    pub attributes: BTreeMap<String, String>,
}

const ENCRYPTION: &str = "nothing is encrypted at rest here";

pub(super) const KIND: Kind = Kind {
    type_: "AWS::SQS::Queue",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html",
    properties: &[
        optional("QueueName", Shape::Text),
        optional("ContentBasedDeduplication", Shape::Bool),
        optional("DeduplicationScope", Shape::Choice(&["messageGroup", "queue"])),
        optional("DelaySeconds", Shape::Integer(0, 900)),
        optional("FifoQueue", Shape::Bool),
        optional("FifoThroughputLimit", Shape::Choice(&["perQueue", "perMessageGroupId"])),
        optional("MaximumMessageSize", Shape::Integer(1024, 1_048_576)),
        optional("MessageRetentionPeriod", Shape::Integer(60, 1_209_600)),
        optional("ReceiveMessageWaitTimeSeconds", Shape::Integer(0, 20)),
        optional("RedriveAllowPolicy", Shape::Document),
        optional("RedrivePolicy", Shape::Document),
        optional("VisibilityTimeout", Shape::Integer(0, 43_200)),
        inert("KmsDataKeyReusePeriodSeconds", ENCRYPTION),
        inert("KmsMasterKeyId", ENCRYPTION),
        inert("SqsManagedSseEnabled", ENCRYPTION),
        TAGS,
    ],
    naming: Naming::fifo("QueueName", 80, "-_."),
    extra: Some("FifoQueue"),
    reference: url,
    attributes: &[("Arn", arn), ("QueueName", |identity| identity.name.clone()), ("QueueUrl", url)],
    plan,
};

fn url(identity: &Identity) -> String {
    format!("{}/{}/{}", identity.queue_url_base, identity.scope.account, identity.name)
}

fn arn(identity: &Identity) -> String {
    identity.arn("sqs", &identity.name)
}

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let fifo = properties.json.get("FifoQueue") == Some(&Json::Bool(true));
    if fifo != identity.name.ends_with(".fifo") {
        let why = if fifo { "must end in `.fifo`" } else { "may end in `.fifo` only where `FifoQueue` is true" };
        return Err(properties.fault("QueueName", why));
    }
    if let Some(policy) = properties.json.get("RedrivePolicy")
        && (policy.get("deadLetterTargetArn").is_none() || policy.get("maxReceiveCount").is_none())
    {
        return Err(properties.fault("RedrivePolicy", "needs `deadLetterTargetArn` and `maxReceiveCount`"));
    }
    let attributes = properties.json.iter().filter(|(name, value)| {
        // `FifoQueue: false` is refused by SQS, and means the same as none.
        *name != "QueueName" && !(*name == "FifoQueue" && **value == Json::Bool(false))
    });
    let attributes = attributes.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    Ok(Resource::Queue(Queue {
        name: identity.name.clone(),
        url: url(identity),
        arn: arn(identity),
        attributes: attributes.collect(),
    }))
}
