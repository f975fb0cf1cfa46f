//! The operations over AWS JSON 1.1, with their parameters; any other is refused by name.

use super::fault::Fault;
use super::input::Input;
use super::service::{Logs, SERVICE};
use crate::context::lock;
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn};
use crate::wire::{self, json};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::Timestamp;
use drydock_timers::{Due, Reminder};
use http::{Request, Response};
use serde_json::{Map, Value};
use std::sync::Arc;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The operations and their parameters.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("CreateLogGroup", &["logGroupName", "tags", "logGroupClass"]),
    ("CreateLogStream", &["logGroupName", "logStreamName"]),
    ("DeleteLogGroup", &["logGroupName"]),
    ("DeleteLogStream", &["logGroupName", "logStreamName"]),
    ("DeleteMetricFilter", &["logGroupName", "filterName"]),
    ("DeleteRetentionPolicy", &["logGroupName"]),
    ("DeleteSubscriptionFilter", &["logGroupName", "filterName"]),
    ("DescribeLogGroups", &["logGroupNamePrefix", "logGroupNamePattern", "logGroupIdentifiers", "limit", "nextToken"]),
    (
        "DescribeLogStreams",
        &["logGroupName", "logGroupIdentifier", "logStreamNamePrefix", "orderBy", "descending", "limit", "nextToken"],
    ),
    (
        "DescribeMetricFilters",
        &["logGroupName", "filterNamePrefix", "metricName", "metricNamespace", "limit", "nextToken"],
    ),
    ("DescribeQueries", &["logGroupName", "status", "maxResults", "nextToken"]),
    ("DescribeSubscriptionFilters", &["logGroupName", "filterNamePrefix", "limit", "nextToken"]),
    (
        "FilterLogEvents",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamNames",
            "logStreamNamePrefix",
            "startTime",
            "endTime",
            "filterPattern",
            "limit",
            "interleaved",
            "nextToken",
        ],
    ),
    (
        "GetLogEvents",
        &[
            "logGroupName",
            "logGroupIdentifier",
            "logStreamName",
            "startTime",
            "endTime",
            "limit",
            "startFromHead",
            "nextToken",
        ],
    ),
    ("GetQueryResults", &["queryId"]),
    ("ListTagsForResource", &["resourceArn"]),
    ("ListTagsLogGroup", &["logGroupName"]),
    // A sequence token is taken and means nothing, as on AWS.
    ("PutLogEvents", &["logGroupName", "logStreamName", "logEvents", "sequenceToken"]),
    ("PutMetricFilter", &["logGroupName", "filterName", "filterPattern", "metricTransformations"]),
    ("PutRetentionPolicy", &["logGroupName", "retentionInDays"]),
    ("PutSubscriptionFilter", &["logGroupName", "filterName", "filterPattern", "destinationArn"]),
    ("StartLiveTail", &["logGroupIdentifiers", "logStreamNames", "logStreamNamePrefixes", "logEventFilterPattern"]),
    (
        "StartQuery",
        &[
            "logGroupName",
            "logGroupNames",
            "logGroupIdentifiers",
            "startTime",
            "endTime",
            "queryString",
            "limit",
            "queryLanguage",
        ],
    ),
    ("StopQuery", &["queryId"]),
    ("TagLogGroup", &["logGroupName", "tags"]),
    ("TagResource", &["resourceArn", "tags"]),
    ("TestMetricFilter", &["filterPattern", "logEventMessages"]),
    ("UntagLogGroup", &["logGroupName", "tags"]),
    ("UntagResource", &["resourceArn", "tagKeys"]),
];

#[async_trait]
impl Due for Logs {
    /// Lets events go that their groups do not keep any longer.
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let (written, next) = {
            let mut held = lock(&self.held);
            let (writes, next) = held.expire(now);
            (self.context.journal.begin(writes), next)
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "log events whose time is over are still on disk");
        }
        next
    }
}

#[async_trait]
impl StandIn for Logs {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        match answer(&self, &request).await {
            Ok(answer) => answer,
            Err(fault) => wire::response(fault.status(), CONTENT_TYPE, fault.body().to_string()),
        }
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        json::refusal(refusal)
    }

    fn reminder(&self) -> Option<Reminder> {
        Some(self.expiry.clone())
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }

    fn close(&self) {
        self.take_rest();
    }
}

async fn answer(logs: &Arc<Logs>, request: &Request<Bytes>) -> Result<Response<Bytes>, Fault> {
    let operation = json::operation(request, &["Logs_20140328."]);
    let operation = operation
        .ok_or_else(|| Fault::new("UnknownOperationException", "the request names no operation in `X-Amz-Target`"))?;
    let Some((_, known)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
        return Err(Fault::not_implemented(format!("the CloudWatch Logs operation `{operation:.100}`")));
    };
    let members: Map<String, Value> = serde_json::from_slice(request.body())
        .map_err(|error| Fault::new("SerializationException", error.to_string()))?;
    let input = Input::new(&members, operation, known)?;
    let answer = match operation {
        // It goes on for as long as the caller listens.
        "StartLiveTail" => return logs.start_live_tail(input),
        "CreateLogGroup" => logs.create_group(input).await,
        "CreateLogStream" => logs.create_stream(input).await,
        "DeleteLogGroup" => logs.delete_group(input).await,
        "DeleteLogStream" => logs.delete_stream(input).await,
        "DeleteMetricFilter" => logs.delete_metric_filter(input).await,
        "DeleteRetentionPolicy" => logs.delete_retention(input).await,
        "DeleteSubscriptionFilter" => logs.delete_subscription(input).await,
        "DescribeLogGroups" => logs.describe_groups(input),
        "DescribeLogStreams" => logs.describe_streams(input),
        "DescribeMetricFilters" => logs.describe_metric_filters(input),
        "DescribeQueries" => logs.describe_queries(input),
        "DescribeSubscriptionFilters" => logs.describe_subscriptions(input),
        "FilterLogEvents" => logs.filter_events(input).await,
        "GetLogEvents" => logs.get_events(input),
        "GetQueryResults" => logs.query_results(input),
        "ListTagsForResource" | "ListTagsLogGroup" => logs.list_tags(input),
        "PutLogEvents" => logs.put_events(input).await,
        "PutMetricFilter" => logs.put_metric_filter(input).await,
        "PutRetentionPolicy" => logs.put_retention(input).await,
        "PutSubscriptionFilter" => logs.put_subscription(input).await,
        "StartQuery" => logs.start_query(input),
        "StopQuery" => logs.stop_query(input),
        "TagLogGroup" | "TagResource" => logs.tag(input).await,
        "TestMetricFilter" => Logs::test_metric_filter(input),
        "UntagLogGroup" => logs.untag(input, "tags").await,
        "UntagResource" => logs.untag(input, "tagKeys").await,
        // The list above and this one have the same names.
        other => Err(Fault::not_implemented(format!("the CloudWatch Logs operation `{other}`"))),
    };
    Ok(wire::response(200, CONTENT_TYPE, answer?.to_string()))
}
