//! `AWS::SQS::QueuePolicy` and `AWS::SNS::TopicPolicy`.

use super::{Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Shape, TEXTS, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Who may use some queues or topics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePolicy {
    /// URLs of queues, or ARNs of topics.
    pub resources: Vec<String>,
    /// The policy document.
    pub document: Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenPolicy {
    policy_document: Json,
    #[serde(alias = "Topics")]
    queues: Vec<String>,
}

fn policy(properties: &Properties<'_>) -> Fallible<ResourcePolicy> {
    let given: GivenPolicy = properties.read()?;
    Ok(ResourcePolicy { resources: given.queues, document: given.policy_document })
}

pub(super) const QUEUE_POLICY: Kind = Kind {
    type_: "AWS::SQS::QueuePolicy",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queuepolicy.html",
    properties: &[required("PolicyDocument", Shape::Document), required("Queues", TEXTS)],
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Id", |identity| identity.name.clone())],
    plan: |_, properties| Ok(Resource::QueuePolicy(policy(properties)?)),
};

pub(super) const TOPIC_POLICY: Kind = Kind {
    type_: "AWS::SNS::TopicPolicy",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topicpolicy.html",
    properties: &[required("PolicyDocument", Shape::Document), required("Topics", TEXTS)],
    naming: Naming::GENERATED,
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Id", |identity| identity.name.clone())],
    plan: |_, properties| Ok(Resource::TopicPolicy(policy(properties)?)),
};
