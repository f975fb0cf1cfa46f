//! The attributes of a queue, with the limits of "SetQueueAttributes" and the defaults of "CreateQueue".

use super::error::{Code, SqsError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most bytes of a message, and the default of `MaximumMessageSize`: 1 MiB since August 2025.
pub const MAX_MESSAGE_BYTES: u32 = 1_048_576;

/// What a queue is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Seconds a new message is hidden: 0–900.
    pub delay: u32,
    /// The most bytes of a message: 1,024–1,048,576.
    pub max_bytes: u32,
    /// Seconds a message is kept: 60–1,209,600.
    pub retention: u32,
    /// Seconds a receive waits for a message: 0–20.
    pub wait: u32,
    /// Seconds a received message is hidden: 0–43,200.
    pub visibility: u32,
    /// Where messages go that are received too often.
    pub redrive: Option<Redrive>,
    /// What is kept and shown, and has no effect on one machine: access policy, encryption, who may redrive to here (which
    /// has, see [`super::queue::Queue::allows_redrive_from`]).
    pub kept: BTreeMap<String, String>,
}

/// A redrive policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// The ARN of the dead-letter queue.
    pub target: String,
    /// How often a message is received before it goes there: 1–1,000.
    pub max_receives: u32,
}

impl Redrive {
    pub(crate) fn to_json(&self) -> String {
        json!({"deadLetterTargetArn": self.target, "maxReceiveCount": self.max_receives}).to_string()
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            delay: 0,
            max_bytes: MAX_MESSAGE_BYTES,
            retention: 345_600,
            wait: 0,
            visibility: 30,
            redrive: None,
            kept: BTreeMap::new(),
        }
    }
}

const KEPT: [&str; 5] =
    ["KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "SqsManagedSseEnabled"];
const FIFO: [&str; 4] = ["ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit"];

impl Attributes {
    /// Sets one attribute from its text.
    ///
    /// # Errors
    /// `InvalidAttributeName`, `InvalidAttributeValue`, or `UnsupportedOperation` for those of FIFO queues.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SqsError> {
        match name {
            "DelaySeconds" => self.delay = number(name, value, 0, 900)?,
            "MaximumMessageSize" => self.max_bytes = number(name, value, 1024, MAX_MESSAGE_BYTES)?,
            "MessageRetentionPeriod" => self.retention = number(name, value, 60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait = number(name, value, 0, 20)?,
            "VisibilityTimeout" => self.visibility = number(name, value, 0, 43_200)?,
            "RedrivePolicy" => self.redrive = redrive(value)?,
            name if KEPT.contains(&name) => {
                if matches!(name, "Policy" | "RedriveAllowPolicy")
                    && !value.is_empty()
                    && !serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object())
                {
                    return Err(invalid(name, value));
                }
                if value.is_empty() {
                    self.kept.remove(name);
                } else {
                    self.kept.insert(name.into(), value.into());
                }
            }
            "FifoQueue" if value == "false" => {}
            name if FIFO.contains(&name) => return Err(fifo()),
            name => return Err(SqsError::new(Code::InvalidAttributeName, format!("Unknown Attribute {name}."))),
        }
        Ok(())
    }

    /// All attributes that were set or have a default, as text.
    #[must_use]
    pub fn to_texts(&self) -> BTreeMap<String, String> {
        let mut texts = self.kept.clone();
        texts.insert("DelaySeconds".into(), self.delay.to_string());
        texts.insert("MaximumMessageSize".into(), self.max_bytes.to_string());
        texts.insert("MessageRetentionPeriod".into(), self.retention.to_string());
        texts.insert("ReceiveMessageWaitTimeSeconds".into(), self.wait.to_string());
        texts.insert("VisibilityTimeout".into(), self.visibility.to_string());
        if let Some(redrive) = &self.redrive {
            texts.insert("RedrivePolicy".into(), redrive.to_json());
        }
        texts
    }
}

/// Checks a name: 1–80 of letters, digits, `-` and `_`; FIFO queues are refused.
pub(crate) fn check_name(name: &str, given: &BTreeMap<String, String>) -> Result<(), SqsError> {
    if name.ends_with(".fifo") || given.get("FifoQueue").is_some_and(|value| value == "true") {
        return Err(fifo());
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=80).contains(&name.len()) && name.chars().all(valid) {
        return Ok(());
    }
    let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    Err(SqsError::new(Code::InvalidParameterValue, message))
}

/// Texts by name.
pub(crate) type Texts = BTreeMap<String, String>;

/// Attributes and tags out of the properties of an `AWS::SQS::Queue`.
pub(crate) fn from_properties(properties: &Value) -> Result<(Texts, Texts), String> {
    let (mut attributes, mut tags) = (BTreeMap::new(), BTreeMap::new());
    let Some(properties) = properties.as_object() else {
        return if properties.is_null() {
            Ok((attributes, tags))
        } else {
            Err("its properties are not an object".into())
        };
    };
    for (name, value) in properties {
        match name.as_str() {
            "QueueName" => {}
            "Tags" => tags = crate::wire::tags_of_properties(value)?,
            _ => {
                attributes.insert(name.clone(), plain(value));
            }
        }
    }
    Ok((attributes, tags))
}

/// A property's value as the text that the API takes for it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn number(name: &str, value: &str, min: u32, max: u32) -> Result<u32, SqsError> {
    value.parse().ok().filter(|n| (min..=max).contains(n)).ok_or_else(|| invalid(name, value))
}

fn invalid(name: &str, _value: &str) -> SqsError {
    SqsError::new(Code::InvalidAttributeValue, format!("Invalid value for the parameter {name}."))
}

fn fifo() -> SqsError {
    SqsError::new(Code::UnsupportedOperation, "FIFO queues are not implemented by this gateway")
}

fn redrive(text: &str) -> Result<Option<Redrive>, SqsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let reason = |why: &str| SqsError::parameter("RedrivePolicy", text, why);
    let policy: Value = serde_json::from_str(text).map_err(|_| reason("Redrive policy is not a valid JSON map."))?;
    let target = policy.get("deadLetterTargetArn").and_then(Value::as_str);
    let Some(target) = target else {
        return Err(reason("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."));
    };
    let count = policy.get("maxReceiveCount");
    let count = count.ok_or_else(|| reason("Redrive policy does not contain mandatory attribute: maxReceiveCount."))?;
    let max_receives = plain(count).parse().ok().filter(|n| (1..=1000).contains(n));
    let max_receives =
        max_receives.ok_or_else(|| reason("Invalid value for maxReceiveCount: it must be 1 to 1000."))?;
    Ok(Some(Redrive { target: target.into(), max_receives }))
}
