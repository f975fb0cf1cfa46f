//! `AWS::Logs::LogGroup`, `AWS::Logs::MetricFilter` and `AWS::Logs::SubscriptionFilter`.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, NATURAL, Shape, inert, optional, refused, required};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroup {
    /// The group's name.
    pub name: String,
    /// Days that its entries are kept; for ever where none are given.
    pub retention_days: Option<u32>,
    /// Its tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A metric filter of a log group.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricFilter {
    /// The filter's name.
    pub name: String,
    /// The group's name.
    pub group: String,
    /// What it looks for.
    pub pattern: String,
    /// The namespace of the metric.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// A number, or the field of an event that has it.
    pub value: String,
    /// What the metric gets of events that are not found.
    pub default: Option<f64>,
    /// The metric's unit.
    pub unit: Option<String>,
    /// The metric's dimensions, each with the field of an event that has its value.
    pub dimensions: BTreeMap<String, String>,
}

/// A subscription filter of a log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionFilter {
    /// The filter's name.
    pub name: String,
    /// The group's name.
    pub group: String,
    /// What it looks for.
    pub pattern: String,
    /// The ARN of who gets what it finds.
    pub destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenGroup {
    retention_in_days: Option<u32>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GivenFilter {
    log_group_name: String,
    filter_pattern: String,
    #[serde(default)]
    metric_transformations: Vec<Transformation>,
    destination_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transformation {
    metric_namespace: String,
    metric_name: String,
    metric_value: String,
    default_value: Option<String>,
    unit: Option<String>,
    #[serde(default)]
    dimensions: Vec<Tag>,
}

const TAG: Shape = Shape::Object(&[required("Key", Shape::Text), required("Value", Shape::Text)]);

const TRANSFORMATION: Shape = Shape::Object(&[
    required("MetricNamespace", Shape::Text),
    required("MetricName", Shape::Text),
    required("MetricValue", Shape::Text),
    optional("DefaultValue", Shape::Text),
    optional("Unit", Shape::Text),
    optional("Dimensions", Shape::List(&TAG)),
]);

const OF_SYSTEM: &str = "fields that the service adds to events are not here";
const TRANSFORMED: Field = refused("ApplyOnTransformedLogs", "log transformers are not here");

pub(super) const GROUP: Kind = Kind {
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
        optional("Tags", Shape::List(&TAG)),
    ],
    naming: Naming::by("LogGroupName", 512, "-_/.#"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", |identity| identity.arn("logs", &format!("log-group:{}:*", identity.name)))],
    plan: |identity, properties| {
        let given: GivenGroup = properties.read()?;
        Ok(Resource::LogGroup(LogGroup {
            name: identity.name.clone(),
            retention_days: given.retention_in_days,
            tags: given.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }))
    },
};

pub(super) const METRIC_FILTER: Kind = Kind {
    type_: "AWS::Logs::MetricFilter",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html",
    properties: &[
        required("LogGroupName", Shape::Text),
        required("FilterPattern", Shape::Text),
        required("MetricTransformations", Shape::List(&TRANSFORMATION)),
        optional("FilterName", Shape::Text),
        TRANSFORMED,
        refused("EmitSystemFieldDimensions", OF_SYSTEM),
        refused("FieldSelectionCriteria", OF_SYSTEM),
    ],
    naming: Naming::by("FilterName", 512, "-_/.#"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: metric_filter,
};

pub(super) const SUBSCRIPTION_FILTER: Kind = Kind {
    type_: "AWS::Logs::SubscriptionFilter",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-subscriptionfilter.html",
    properties: &[
        required("LogGroupName", Shape::Text),
        required("FilterPattern", Shape::Text),
        required("DestinationArn", Shape::Text),
        optional("FilterName", Shape::Text),
        inert("Distribution", "it is how shards of Kinesis are chosen"),
        inert("RoleArn", "functions say themselves who may invoke them"),
        TRANSFORMED,
        refused("EmitSystemFields", OF_SYSTEM),
        refused("FieldSelectionCriteria", OF_SYSTEM),
    ],
    naming: Naming::by("FilterName", 512, "-_/.#"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: |identity, properties| {
        let given: GivenFilter = properties.read()?;
        Ok(Resource::SubscriptionFilter(SubscriptionFilter {
            name: identity.name.clone(),
            group: given.log_group_name,
            pattern: given.filter_pattern,
            destination: given.destination_arn.unwrap_or_default(),
        }))
    },
};

fn metric_filter(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut given: GivenFilter = properties.read()?;
    let (Some(only), true) = (given.metric_transformations.pop(), given.metric_transformations.is_empty()) else {
        return Err(properties.fault("MetricTransformations", "has not one element"));
    };
    let default = only.default_value.map(|text| text.parse::<f64>()).transpose();
    let default =
        default.map_err(|_| properties.fault("MetricTransformations", "has a `DefaultValue` that is not a number"))?;
    Ok(Resource::MetricFilter(MetricFilter {
        name: identity.name.clone(),
        group: given.log_group_name,
        pattern: given.filter_pattern,
        namespace: only.metric_namespace,
        metric: only.metric_name,
        value: only.metric_value,
        default,
        unit: only.unit,
        dimensions: only.dimensions.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    }))
}
