//! `AWS::SQS::QueuePolicy`, `AWS::SNS::TopicPolicy` and `AWS::Logs::LogGroup`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{NATURAL, Shape, TAGS, TEXTS, inert, optional, required};
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

/// A log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroup {
    /// The group's name.
    pub name: String,
    /// Days that its entries are kept; for ever where none are given.
    pub retention_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenPolicy {
    policy_document: Json,
    #[serde(alias = "Topics")]
    queues: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenGroup {
    retention_in_days: Option<u32>,
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

pub(super) const LOG_GROUP: Kind = Kind {
    type_: "AWS::Logs::LogGroup",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html",
    properties: &[
        optional("LogGroupName", Shape::Text),
        optional("RetentionInDays", NATURAL),
        inert("BearerTokenAuthenticationEnabled", "logs are read on this machine"),
        inert("DataProtectionPolicy", "logs stay on this machine"),
        inert("DeletionProtectionEnabled", "nothing here deletes log groups"),
        inert("FieldIndexPolicies", "logs are not indexed here"),
        inert("KmsKeyId", "nothing is encrypted at rest here"),
        inert("LogGroupClass", "it is a matter of price"),
        inert("ResourcePolicyDocument", "logs stay on this machine"),
        TAGS,
    ],
    naming: Naming::by("LogGroupName", 512, "-_/.#"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", |identity| identity.arn("logs", &format!("log-group:{}:*", identity.name)))],
    plan: log_group,
};

fn log_group(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: GivenGroup = properties.read()?;
    Ok(Resource::LogGroup(LogGroup { name: identity.name.clone(), retention_days: given.retention_in_days }))
}
