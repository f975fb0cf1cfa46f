//! `AWS::SNS::Topic` and `AWS::SNS::Subscription`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TAGS, inert, optional, refused, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Topic {
    /// The topic's name.
    pub name: String,
    /// The topic's ARN.
    pub arn: String,
    /// The `Attributes` of `CreateTopic`.
    pub attributes: BTreeMap<String, String>,
    /// The subscriptions that the topic itself declares.
    pub subscriptions: Vec<Subscription>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The topic's ARN.
    pub topic_arn: String,
    /// For example `sqs` or `lambda`.
    pub protocol: String,
    /// The queue's or function's ARN, the address, the URL.
    pub endpoint: Option<String>,
    /// The `Attributes` of `Subscribe`: `FilterPolicy` and `RedrivePolicy` as JSON, `RawMessageDelivery` and the like.
    pub attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inline {
    protocol: String,
    endpoint: String,
}

const PROTOCOL: Shape =
    Shape::Choice(&["application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs"]);

pub(super) const TOPIC: Kind = Kind {
    type_: "AWS::SNS::Topic",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html",
    properties: &[
        optional("TopicName", Shape::Text),
        optional("ContentBasedDeduplication", Shape::Bool),
        optional("DisplayName", Shape::Text),
        optional("FifoThroughputScope", Shape::Text),
        optional("FifoTopic", Shape::Bool),
        optional("MaximumMessageSize", Shape::Integer(1024, 1_048_576)),
        optional("SignatureVersion", Shape::Text),
        optional(
            "Subscription",
            Shape::List(&Shape::Object(&[required("Protocol", PROTOCOL), required("Endpoint", Shape::Text)])),
        ),
        inert("DataProtectionPolicy", "messages stay on this machine"),
        inert("DeliveryStatusLogging", "deliveries are logged by the gateway"),
        inert("KmsMasterKeyId", "nothing is encrypted at rest here"),
        inert("TracingConfig", "there is no X-Ray here"),
        refused("ArchivePolicy", "topics keep no messages here"),
        TAGS,
    ],
    naming: Naming::fifo("TopicName", 256, "-_."),
    extra: Some("FifoTopic"),
    reference: arn,
    attributes: &[("TopicArn", arn), ("TopicName", |identity| identity.name.clone())],
    plan,
};

pub(super) const SUBSCRIPTION: Kind = Kind {
    type_: "AWS::SNS::Subscription",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html",
    properties: SUBSCRIPTION_PROPERTIES,
    naming: Naming::GENERATED,
    extra: Some("TopicArn"),
    reference: subscription_arn,
    attributes: &[("Arn", subscription_arn)],
    plan: subscription,
};

const SUBSCRIPTION_PROPERTIES: &[Field] = &[
    required("TopicArn", Shape::Text),
    required("Protocol", PROTOCOL),
    optional("Endpoint", Shape::Text),
    optional("DeliveryPolicy", Shape::Document),
    optional("FilterPolicy", Shape::Document),
    optional("FilterPolicyScope", Shape::Choice(&["MessageAttributes", "MessageBody"])),
    optional("RawMessageDelivery", Shape::Bool),
    optional("RedrivePolicy", Shape::Document),
    optional("Region", Shape::Text),
    optional("SubscriptionRoleArn", Shape::Text),
    refused("ReplayPolicy", "topics keep no messages here"),
];

fn arn(identity: &Identity) -> String {
    identity.arn("sns", &identity.name)
}

fn subscription_arn(identity: &Identity) -> String {
    format!("{}:{}", identity.extra.as_deref().unwrap_or_default(), identity.uuid())
}

fn attributes(properties: &Properties<'_>, not: &[&str]) -> BTreeMap<String, String> {
    let taken = properties.json.iter().filter(|(name, _)| !not.contains(&name.as_str()));
    taken.map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect()
}

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let fifo = properties.json.get("FifoTopic") == Some(&Json::Bool(true));
    if fifo != identity.name.ends_with(".fifo") {
        let why = if fifo { "must end in `.fifo`" } else { "may end in `.fifo` only where `FifoTopic` is true" };
        return Err(properties.fault("TopicName", why));
    }
    let arn = arn(identity);
    let inline = properties.json.get("Subscription").and_then(Json::as_array).into_iter().flatten();
    let subscriptions = inline.map(|item| {
        let inline: Inline = serde_json::from_value(item.clone())
            .map_err(|error| properties.fault("Subscription", error.to_string()))?;
        Ok(Subscription {
            topic_arn: arn.clone(),
            protocol: inline.protocol,
            endpoint: Some(inline.endpoint),
            attributes: BTreeMap::new(),
        })
    });
    Ok(Resource::Topic(Topic {
        name: identity.name.clone(),
        subscriptions: subscriptions.collect::<Fallible<_>>()?,
        attributes: attributes(properties, &["TopicName", "Subscription"]),
        arn,
    }))
}

fn subscription(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let text = |name: &str| properties.json.get(name).and_then(Json::as_str).map(str::to_owned);
    if text("Region").is_some_and(|region| region != identity.scope.region.as_str()) {
        return Err(properties.fault("Region", "names another region, and there is one region here"));
    }
    Ok(Resource::Subscription(Subscription {
        topic_arn: text("TopicArn").unwrap_or_default(),
        protocol: text("Protocol").unwrap_or_default(),
        endpoint: text("Endpoint"),
        attributes: attributes(properties, &["TopicArn", "Protocol", "Endpoint", "Region"]),
    }))
}
