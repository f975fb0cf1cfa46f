//! `AWS::S3::Bucket`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TAGS, inert, optional, refused, required};
use serde::{Deserialize, Serialize};

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The bucket's name.
    pub name: String,
    /// The bucket's ARN.
    pub arn: String,
    /// The status of its versioning, `Enabled` or `Suspended`; `None` where nothing is said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versioning: Option<String>,
    /// Who is told of its objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<BucketNotification>,
}

/// A function, a queue or a topic that is told of a bucket's objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketNotification {
    /// Its id.
    pub id: String,
    /// What it is told of, for example `s3:ObjectCreated:*`.
    pub event: String,
    /// What the key has to begin with.
    pub prefix: String,
    /// What the key has to end with.
    pub suffix: String,
    /// The ARN of a function, or of a version or an alias of it; of a queue, or of a topic.
    pub target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    #[serde(default)]
    lambda_configurations: Vec<GivenOne>,
    #[serde(default)]
    queue_configurations: Vec<GivenOne>,
    #[serde(default)]
    topic_configurations: Vec<GivenOne>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenOne {
    event: String,
    #[serde(alias = "Function", alias = "Queue", alias = "Topic")]
    target: String,
    filter: Option<GivenFilter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenFilter {
    s3_key: GivenKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenKey {
    rules: Vec<GivenRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenRule {
    name: String,
    value: String,
}

/// The events that happen here. S3 has others, of what is not here: archives, replication, tags and the like.
const EVENTS: &[&str] = &[
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
];

const RULE: Shape = Shape::Object(&[
    required("Name", Shape::Choice(&["prefix", "suffix", "Prefix", "Suffix"])),
    required("Value", Shape::Text),
]);

const FILTER: Field =
    optional("Filter", Shape::Object(&[required("S3Key", Shape::Object(&[required("Rules", Shape::List(&RULE))]))]));

const EVENT: Field = required("Event", Shape::Choice(EVENTS));

const NOTIFICATIONS: Shape = Shape::Object(&[
    optional("LambdaConfigurations", Shape::List(&Shape::Object(&[EVENT, required("Function", Shape::Text), FILTER]))),
    optional("QueueConfigurations", Shape::List(&Shape::Object(&[EVENT, required("Queue", Shape::Text), FILTER]))),
    optional("TopicConfigurations", Shape::List(&Shape::Object(&[EVENT, required("Topic", Shape::Text), FILTER]))),
    refused("EventBridgeConfiguration", "buckets tell no event bus here"),
]);

const VERSIONING: Shape = Shape::Object(&[required("Status", Shape::Choice(&["Enabled", "Suspended"]))]);
const OPEN: &str = "who reaches the gateway may read and write every bucket";

pub(super) const KIND: Kind = Kind {
    type_: "AWS::S3::Bucket",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html",
    properties: &[
        optional("BucketName", Shape::Text),
        inert("AccessControl", OPEN),
        inert("BucketEncryption", "nothing is encrypted at rest here"),
        inert("LifecycleConfiguration", "objects stay until they are deleted"),
        inert("OwnershipControls", OPEN),
        inert("PublicAccessBlockConfiguration", OPEN),
        inert("CorsConfiguration", "browsers of other origins are not answered"),
        optional("NotificationConfiguration", NOTIFICATIONS),
        refused("ObjectLockEnabled", "objects cannot be locked"),
        optional("VersioningConfiguration", VERSIONING),
        inert("WebsiteConfiguration", "there are no websites here"),
        TAGS,
    ],
    naming: Naming::lower("BucketName", 63, "-."),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", arn)],
    plan,
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut notifications = Vec::new();
    if let Some(given) = properties.json.get("NotificationConfiguration") {
        let given: Given = serde_json::from_value(given.clone())
            .map_err(|error| properties.fault("NotificationConfiguration", error.to_string()))?;
        let Given { lambda_configurations, queue_configurations, topic_configurations } = given;
        let all = lambda_configurations.into_iter().chain(queue_configurations).chain(topic_configurations);
        for (index, GivenOne { event, target, filter }) in all.enumerate() {
            let rules = filter.map(|filter| filter.s3_key.rules).unwrap_or_default();
            let rule = |name: &'static str| {
                let mut found = rules.iter().filter(|rule| rule.name.eq_ignore_ascii_case(name));
                match (found.next(), found.next()) {
                    (first, None) => Ok(first.map(|rule| rule.value.clone()).unwrap_or_default()),
                    _ => {
                        let why = format!("has a filter with more than one {name}");
                        Err(properties.fault("NotificationConfiguration", why))
                    }
                }
            };
            let (prefix, suffix) = (rule("prefix")?, rule("suffix")?);
            let id = format!("{}-{index}", identity.uuid());
            notifications.push(BucketNotification { id, event, prefix, suffix, target });
        }
    }
    let status = properties.json.get("VersioningConfiguration").and_then(|config| config.get("Status"));
    let versioning = status.and_then(|status| status.as_str()).map(str::to_owned);
    Ok(Resource::Bucket(Bucket { name: identity.name.clone(), arn: arn(identity), versioning, notifications }))
}

/// An ARN of S3, which has neither region nor account.
fn arn(identity: &Identity) -> String {
    format!("arn:{}:s3:::{}", identity.scope.partition(), identity.name)
}
