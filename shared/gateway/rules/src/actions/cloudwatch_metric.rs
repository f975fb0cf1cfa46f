//! `cloudwatchMetric`: puts a value of a CloudWatch metric ("CloudWatch metrics" rule action). Every parameter but the role
//! may have templates.

use super::{Act, AwsCall, Compiler, Outgoing, Problem, Render};
use crate::template::Template;
use drydock_core::{ApiError, Timestamp};
use drydock_model::iot::CloudwatchMetricAction;

/// The units of CloudWatch (`StandardUnit`).
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

#[derive(Debug)]
struct CloudwatchMetric {
    namespace: Template,
    name: Template,
    value: Template,
    unit: Template,
    timestamp: Option<Template>,
}

pub(super) fn compile(action: &CloudwatchMetricAction, compiler: &Compiler<'_>) -> Result<Box<dyn Act>, ApiError> {
    compiler.role(&action.role_arn)?;
    Ok(Box::new(CloudwatchMetric {
        namespace: compiler.filled("metricNamespace", &action.metric_namespace)?,
        name: compiler.filled("metricName", &action.metric_name)?,
        value: compiler.checked("metricValue", &action.metric_value, value)?,
        unit: compiler.checked("metricUnit", &action.metric_unit, unit)?,
        timestamp: match &action.metric_timestamp {
            Some(text) => Some(compiler.checked("metricTimestamp", text, |text| seconds(text).map(|_| ()))?),
            None => None,
        },
    }))
}

fn value(text: &str) -> Result<(), String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(()),
        _ => Err(format!("the metric's value `{text}` is not a number")),
    }
}

fn unit(text: &str) -> Result<(), String> {
    if UNITS.contains(&text) { Ok(()) } else { Err(format!("`{text}` is not a unit of CloudWatch, such as `Count`")) }
}

fn seconds(text: &str) -> Result<Timestamp, String> {
    let seconds: i64 = text.parse().map_err(|_| format!("the timestamp `{text}` is not a number of seconds"))?;
    seconds.checked_mul(1000).map(Timestamp).ok_or_else(|| format!("the timestamp `{text}` is out of range"))
}

impl Act for CloudwatchMetric {
    fn kind(&self) -> &'static str {
        "CloudwatchMetricAction"
    }

    fn resource(&self) -> &Template {
        &self.name
    }

    fn prepare(&self, resource: &str, render: &Render<'_>) -> Result<Vec<Outgoing>, Problem> {
        let (namespace, number) = (render.fill(&self.namespace)?, render.fill(&self.value)?);
        let metric_unit = render.fill(&self.unit)?;
        value(&number).map_err(Problem::Failed)?;
        unit(&metric_unit).map_err(Problem::Failed)?;
        let at = match render.fill_optional(self.timestamp.as_ref())? {
            Some(text) => seconds(&text).map_err(Problem::Failed)?,
            None => render.now(),
        };
        let call = AwsCall::query(
            "monitoring",
            render.account.region.clone(),
            &[
                ("Action", "PutMetricData"),
                ("Version", "2010-08-01"),
                ("Namespace", &namespace),
                ("MetricData.member.1.MetricName", resource),
                ("MetricData.member.1.Value", &number),
                ("MetricData.member.1.Unit", &metric_unit),
                ("MetricData.member.1.Timestamp", &at.to_string()),
            ],
        );
        Ok(vec![Outgoing::Aws(call)])
    }
}
