//! `AWS::Lambda::EventSourceMapping`, for queues.

use super::{Identity, Kind, Properties, Resource, function_name};
use crate::error::{Fallible, Fault};
use crate::names::Naming;
use crate::shape::{Shape, TAGS, inert, optional, refused, required};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A queue that a function is fed from.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSourceMapping {
    /// In the form of a UUID, the same on every run.
    pub id: String,
    /// The function's name.
    pub function: String,
    /// The version or alias of the function.
    pub qualifier: Option<String>,
    /// The queue's ARN.
    pub event_source_arn: String,
    /// Messages per invoke: 10 where the template says nothing.
    pub batch_size: u32,
    /// How long a batch may gather: 0 to 300.
    pub maximum_batching_window_in_seconds: u32,
    /// Whether it runs.
    pub enabled: bool,
    /// Whether the function answers with the messages that failed (`ReportBatchItemFailures`).
    pub report_batch_item_failures: bool,
    /// How many invokes may run at once: 2 to 1000; no limit of its own where the template says nothing.
    pub maximum_concurrency: Option<u32>,
    /// Event patterns, any of which a message must match; all messages where there are none.
    pub filters: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    function_name: String,
    event_source_arn: String,
    batch_size: Option<u32>,
    maximum_batching_window_in_seconds: Option<u32>,
    enabled: Option<bool>,
    #[serde(default)]
    function_response_types: Vec<String>,
    scaling_config: Option<Scaling>,
    filter_criteria: Option<Filters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scaling {
    maximum_concurrency: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filters {
    #[serde(default)]
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    pattern: Json,
}

const STREAMS: &str = "only queues feed functions here";
const FILTERS: Shape =
    Shape::Object(&[optional("Filters", Shape::List(&Shape::Object(&[required("Pattern", Shape::Document)])))]);

pub(super) const KIND: Kind = Kind {
    type_: "AWS::Lambda::EventSourceMapping",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html",
    properties: &[
        required("FunctionName", Shape::Text),
        required("EventSourceArn", Shape::Text),
        optional("BatchSize", Shape::Integer(1, 10_000)),
        optional("Enabled", Shape::Bool),
        optional("FilterCriteria", FILTERS),
        optional("FunctionResponseTypes", Shape::List(&Shape::Choice(&["ReportBatchItemFailures"]))),
        optional("MaximumBatchingWindowInSeconds", Shape::Integer(0, 300)),
        optional("ScalingConfig", Shape::Object(&[optional("MaximumConcurrency", Shape::Integer(2, 1000))])),
        inert("KmsKeyArn", "nothing is encrypted at rest here"),
        inert("LoggingConfig", "the gateway logs what it delivers"),
        inert("MetricsConfig", "the gateway counts what it delivers"),
        inert("ProvisionedPollerConfig", "nothing limits polling here"),
        refused("AmazonManagedKafkaEventSourceConfig", STREAMS),
        refused("BisectBatchOnFunctionError", STREAMS),
        refused("DestinationConfig", STREAMS),
        refused("DocumentDBEventSourceConfig", STREAMS),
        refused("MaximumRecordAgeInSeconds", STREAMS),
        refused("MaximumRetryAttempts", STREAMS),
        refused("ParallelizationFactor", STREAMS),
        refused("Queues", STREAMS),
        refused("SelfManagedEventSource", STREAMS),
        refused("SelfManagedKafkaEventSourceConfig", STREAMS),
        refused("SourceAccessConfigurations", STREAMS),
        refused("StartingPosition", STREAMS),
        refused("StartingPositionTimestamp", STREAMS),
        refused("Topics", STREAMS),
        refused("TumblingWindowInSeconds", STREAMS),
        TAGS,
    ],
    naming: Naming::GENERATED,
    extra: None,
    reference: Identity::uuid,
    attributes: &[("Id", Identity::uuid), ("EventSourceMappingArn", arn)],
    plan,
};

fn arn(identity: &Identity) -> String {
    identity.arn("lambda", &format!("event-source-mapping:{}", identity.uuid()))
}

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let given: Given = properties.read()?;
    let service = given.event_source_arn.split(':').nth(2).unwrap_or_default();
    if service != "sqs" {
        let what = format!("an event source of `{service}` (`{}`)", properties.declared.logical_id);
        let fault = Fault::not_implemented(properties.span("EventSourceArn"), what, STREAMS);
        return Err(fault.helped("mark it with `Metadata: {Drydock: aws-only}` to leave it to AWS"));
    }
    let batch_size = given.batch_size.unwrap_or(10);
    let window = given.maximum_batching_window_in_seconds.unwrap_or(0);
    if batch_size > 10 && window == 0 {
        return Err(
            properties.fault("BatchSize", "may be above 10 only with `MaximumBatchingWindowInSeconds` of at least 1")
        );
    }
    if batch_size > 10 && given.event_source_arn.ends_with(".fifo") {
        return Err(properties.fault("BatchSize", "may be at most 10 for a FIFO queue"));
    }
    let (function, qualifier) = function_name(&given.function_name);
    Ok(Resource::EventSourceMapping(EventSourceMapping {
        id: identity.uuid(),
        function: function.to_owned(),
        qualifier: qualifier.map(str::to_owned),
        batch_size,
        maximum_batching_window_in_seconds: window,
        enabled: given.enabled.unwrap_or(true),
        report_batch_item_failures: !given.function_response_types.is_empty(),
        maximum_concurrency: given.scaling_config.and_then(|scaling| scaling.maximum_concurrency),
        filters: given
            .filter_criteria
            .into_iter()
            .flat_map(|criteria| criteria.filters)
            .map(|filter| filter.pattern)
            .collect(),
        event_source_arn: given.event_source_arn,
    }))
}
