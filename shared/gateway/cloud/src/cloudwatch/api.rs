//! The operations, a line each; any other is refused by name.

use super::fault::{Code, Fault};
use super::protocol::Protocol;
use super::state::{CloudWatch, SERVICE};
use super::value::{Given, Out};
use crate::error::CloudError;
use crate::stand_in::{Refusal, Service, StandIn};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_timers::Reminder;
use http::{Request, Response};
use std::sync::Arc;

/// What an operation answers.
pub(super) type Answer = Result<Out, Fault>;

/// The operations of CloudWatch that are not here.
const NOT_HERE: [&str; 41] = [
    "AssociateDatasetKmsKey",
    "CreateResourceMetricsConfiguration",
    "DeleteAlarmMuteRule",
    "DeleteAnomalyDetector",
    "DeleteDashboards",
    "DeleteInsightRules",
    "DeleteMetricDataQueryDefinition",
    "DeleteMetricStream",
    "DeleteResourceMetricsConfiguration",
    "DescribeAlarmContributors",
    "DescribeAnomalyDetectors",
    "DescribeInsightRules",
    "DisableInsightRules",
    "DisassociateDatasetKmsKey",
    "EnableInsightRules",
    "GetAlarmMuteRule",
    "GetDashboard",
    "GetDataset",
    "GetInsightRuleReport",
    "GetMetricDataQueryDefinition",
    "GetMetricStream",
    "GetMetricWidgetImage",
    "GetOTelEnrichment",
    "GetResourceMetricsConfiguration",
    "ListAlarmMuteRules",
    "ListDashboards",
    "ListManagedInsightRules",
    "ListMetricDataQueryDefinitions",
    "ListMetricStreams",
    "PutAlarmMuteRule",
    "PutAnomalyDetector",
    "PutCompositeAlarm",
    "PutDashboard",
    "PutInsightRule",
    "PutLogAlarm",
    "PutManagedInsightRules",
    "PutMetricDataQueryDefinition",
    "PutMetricStream",
    "StartMetricStreams",
    "StopMetricStreams",
    "UpdateResourceMetricsConfiguration",
];

#[async_trait]
impl StandIn for CloudWatch {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, request_id: &str) -> Response<Bytes> {
        let protocol = Protocol::of(request.headers(), request.uri().path());
        let asked = match protocol.read(request) {
            Ok(asked) => asked,
            Err(fault) => return protocol.error(&fault, request_id),
        };
        match dispatch(&self, &asked.operation, Given::new(&asked.parameters)).await {
            Ok(out) => protocol.answer(&asked.operation, &out, request_id),
            Err(fault) => protocol.error(&fault, request_id),
        }
    }

    /// Which protocol the caller speaks is not known here: it is taken for CBOR, as the AWS CLI and SDKs speak it by now.
    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let status = refusal.status(403);
        Protocol::Cbor.refusal(status, refusal.query_code, refusal.code, refusal.message, refusal.request_id)
    }

    fn reminder(&self) -> Option<Reminder> {
        Some(self.context.meter.reminder().clone())
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }

    /// What was counted since it was written last goes to the disk.
    fn close(&self) {
        let mut held = self.fresh();
        let writes = held.series.writes();
        self.context.journal.submit(writes);
    }
}

async fn dispatch(watch: &CloudWatch, operation: &str, given: Given<'_>) -> Answer {
    match operation {
        "DeleteAlarms" => watch.delete_alarms(given).await,
        "DescribeAlarmHistory" => watch.describe_history(given),
        "DescribeAlarms" => watch.describe_alarms(given),
        "DescribeAlarmsForMetric" => watch.describe_for_metric(given),
        "DisableAlarmActions" => watch.switch_actions(given, false).await,
        "EnableAlarmActions" => watch.switch_actions(given, true).await,
        "GetMetricData" => watch.metric_data(given),
        "GetMetricStatistics" => watch.statistics(given),
        "ListMetrics" => watch.list_metrics(given),
        "ListTagsForResource" => watch.list_tags(given),
        "PutMetricAlarm" => watch.put_alarm(given).await,
        "PutMetricData" => watch.put_data(given).await,
        "SetAlarmState" => watch.set_state(given).await,
        "TagResource" => watch.tag(given).await,
        "UntagResource" => watch.untag(given).await,
        other if NOT_HERE.contains(&other) => Err(Fault::not_implemented(&format!("the CloudWatch operation {other}"))),
        other => Err(Fault::new(
            Code::InvalidAction,
            format!("Could not find operation {other:.100} for version 2010-08-01"),
        )),
    }
}
