//! `AWS::CloudWatch::Alarm`, and `AWS::CloudWatch::Dashboard`, which nobody looks at here.

use super::{Identity, Kind, Properties, Resource};
use crate::error::Fallible;
use crate::names::Naming;
use crate::shape::{Field, Shape, TEXTS, inert, optional, refused, required};
use serde::Serialize;
use serde_json::Value as Json;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// The alarm's name.
    pub name: String,
    /// The parameters of `PutMetricAlarm`, which are CloudFormation's properties.
    pub parameters: Json,
}

/// A dashboard, of which nothing is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dashboard {
    /// The dashboard's name.
    pub name: String,
}

const DIMENSIONS: Shape = Shape::List(&Shape::Object(&[required("Name", Shape::Text), required("Value", Shape::Text)]));
const PERIOD: Shape = Shape::Integer(1, 604_800);
const ANOMALIES: &str = "nothing learns here what is usual";

const METRIC_STAT: &[Field] = &[
    required(
        "Metric",
        Shape::Object(&[
            optional("Namespace", Shape::Text),
            optional("MetricName", Shape::Text),
            optional("Dimensions", DIMENSIONS),
        ]),
    ),
    required("Period", PERIOD),
    required("Stat", Shape::Text),
    optional("Unit", Shape::Text),
];

const METRIC: &[Field] = &[
    required("Id", Shape::Text),
    optional("Expression", Shape::Text),
    optional("MetricStat", Shape::Object(METRIC_STAT)),
    optional("Label", Shape::Text),
    optional("Period", PERIOD),
    optional("ReturnData", Shape::Bool),
    refused("AccountId", "metrics of other accounts are not read here"),
];

pub(super) const KIND: Kind = Kind {
    type_: "AWS::CloudWatch::Alarm",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html",
    properties: &[
        optional("AlarmName", Shape::Text),
        required(
            "ComparisonOperator",
            Shape::Choice(&[
                "GreaterThanOrEqualToThreshold",
                "GreaterThanThreshold",
                "LessThanOrEqualToThreshold",
                "LessThanThreshold",
            ]),
        ),
        required("EvaluationPeriods", Shape::Integer(1, 604_800)),
        optional("ActionsEnabled", Shape::Bool),
        optional("AlarmActions", TEXTS),
        optional("AlarmDescription", Shape::Text),
        optional("DatapointsToAlarm", Shape::Integer(1, 604_800)),
        optional("Dimensions", DIMENSIONS),
        optional("EvaluateLowSampleCountPercentile", Shape::Choice(&["evaluate", "ignore"])),
        optional("ExtendedStatistic", Shape::Text),
        optional("InsufficientDataActions", TEXTS),
        optional("MetricName", Shape::Text),
        optional("Metrics", Shape::List(&Shape::Object(METRIC))),
        optional("Namespace", Shape::Text),
        optional("OKActions", TEXTS),
        optional("Period", PERIOD),
        optional("Statistic", Shape::Choice(&["Average", "Maximum", "Minimum", "SampleCount", "Sum"])),
        optional("Threshold", Shape::Text),
        optional("TreatMissingData", Shape::Choice(&["breaching", "ignore", "missing", "notBreaching"])),
        optional("Unit", Shape::Text),
        refused("EvaluationCriteria", "PromQL is not evaluated here"),
        refused("EvaluationInterval", "PromQL is not evaluated here"),
        refused("ThresholdMetricId", ANOMALIES),
        optional("Tags", Shape::List(&Shape::Object(&[required("Key", Shape::Text), required("Value", Shape::Text)]))),
    ],
    naming: Naming::by("AlarmName", 255, " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[("Arn", |identity| identity.arn("cloudwatch", &format!("alarm:{}", identity.name)))],
    plan,
};

pub(super) const DASHBOARD: Kind = Kind {
    type_: "AWS::CloudWatch::Dashboard",
    page: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-dashboard.html",
    properties: &[
        optional("DashboardName", Shape::Text),
        inert("DashboardBody", "there is no console here that shows dashboards"),
    ],
    naming: Naming::by("DashboardName", 255, "-_"),
    extra: None,
    reference: |identity| identity.name.clone(),
    attributes: &[],
    plan: |identity, _| Ok(Resource::Dashboard(Dashboard { name: identity.name.clone() })),
};

fn plan(identity: &Identity, properties: &Properties<'_>) -> Fallible<Resource> {
    let mut parameters = properties.json.clone();
    parameters.remove("AlarmName");
    Ok(Resource::Alarm(Alarm { name: identity.name.clone(), parameters: parameters.into() }))
}
