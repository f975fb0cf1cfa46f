//! What an event source mapping is. Follows "Using Lambda with Amazon SQS".

use crate::error::CloudError;
use drydock_core::Arn;
use serde_json::Value;
use tokio::sync::oneshot;

/// An event source mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its id; the logical id of a template's resource.
    pub id: String,
    /// The ARN of the queue.
    pub queue: Arn,
    /// The function's name or ARN.
    pub function: String,
    /// The most messages of a batch: 1–10,000; more than 10 need a window.
    pub batch_size: usize,
    /// Seconds to gather a batch: 0–300.
    pub window: u32,
    /// Whether the function answers which messages failed (`ReportBatchItemFailures`).
    pub report_failures: bool,
    /// The most invocations at a time: 2–1,000.
    pub max_concurrency: Option<usize>,
    /// Whether it reads.
    pub enabled: bool,
}

impl Mapping {
    /// A mapping with Lambda's defaults: batches of 10, no window.
    pub fn new(id: impl Into<String>, queue: Arn, function: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            queue,
            function: function.into(),
            batch_size: 10,
            window: 0,
            report_failures: false,
            max_concurrency: None,
            enabled: true,
        }
    }

    /// Reads the properties of an `AWS::Lambda::EventSourceMapping`, or those of a SAM event of type `SQS` (where `Queue`
    /// is the source and the function is the one it stands in), with all intrinsic functions resolved.
    ///
    /// # Errors
    /// What is unknown, missing or wrong.
    pub fn from_properties(id: &str, function: Option<&str>, properties: &Value) -> Result<Self, CloudError> {
        let wrong = |why: String| CloudError::resource("event source mapping", id, why);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = |name: &str, value: &Value| {
            text(value).parse::<usize>().map_err(|_| wrong(format!("`{name}` is not a number: `{value}`")))
        };
        let properties = properties.as_object().ok_or_else(|| wrong("its properties are not an object".into()))?;
        let source = properties.get("EventSourceArn").or_else(|| properties.get("Queue"));
        let queue = source.and_then(Value::as_str).and_then(Arn::parse);
        let queue = queue.ok_or_else(|| wrong("it has no `EventSourceArn` (in SAM: `Queue`) that is an ARN".into()))?;
        let function = function.or_else(|| properties.get("FunctionName")?.as_str());
        let function = function.ok_or_else(|| wrong("it has no `FunctionName`".into()))?;
        let mut mapping = Self::new(id, queue, function);
        for (name, value) in properties {
            match name.as_str() {
                "EventSourceArn" | "FunctionName" | "Queue" | "Tags" => {}
                "BatchSize" => mapping.batch_size = number(name, value)?,
                "Enabled" => mapping.enabled = text(value) != "false",
                "MaximumBatchingWindowInSeconds" => {
                    mapping.window = u32::try_from(number(name, value)?).unwrap_or(u32::MAX);
                }
                "FunctionResponseTypes" => {
                    for kind in value.as_array().into_iter().flatten() {
                        if kind != "ReportBatchItemFailures" {
                            return Err(wrong(format!("the function response type `{kind}` is not known")));
                        }
                        mapping.report_failures = true;
                    }
                }
                "ScalingConfig" => {
                    let most = value.get("MaximumConcurrency");
                    mapping.max_concurrency = most.map(|most| number("MaximumConcurrency", most)).transpose()?;
                }
                other => return Err(wrong(format!("the property `{other}` is not implemented"))),
            }
        }
        Ok(mapping)
    }
}

/// A mapping at work: dropping it stops it from reading; batches on their way are finished.
pub(super) struct Running {
    pub(super) _stop: oneshot::Sender<()>,
}
