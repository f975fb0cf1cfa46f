//! A message, its attributes and its MD5 sums ("Calculating the MD5 message digest for message attributes").

use super::attributes::Attributes;
use super::error::{Code, SqsError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use drydock_core::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An attribute that a sender puts on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, with a label of one's own after a dot.
    pub data_type: String,
    /// The value of a string or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// The value of a binary attribute, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_value: Option<String>,
}

impl Attribute {
    /// An attribute of type `String`.
    pub fn string(value: impl Into<String>) -> Self {
        Self { data_type: "String".into(), string_value: Some(value.into()), binary_value: None }
    }

    fn size(&self) -> usize {
        self.data_type.len()
            + self.string_value.as_ref().map_or(0, String::len)
            + self.binary_value.as_ref().map_or(0, |value| value.len() / 4 * 3)
    }
}

/// A message as it is sent.
#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// The text: up to the queue's `MaximumMessageSize` with the attributes.
    pub body: String,
    /// At most ten.
    pub attributes: BTreeMap<String, Attribute>,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// Seconds it is hidden; the queue's where `None`.
    pub delay: Option<u32>,
}

impl NewMessage {
    /// A message with a body only.
    pub fn text(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    pub(crate) fn size(&self) -> usize {
        self.body.len() + self.attributes.iter().map(|(name, value)| name.len() + value.size()).sum::<usize>()
    }

    pub(crate) fn check(&self, queue: &Attributes) -> Result<(), SqsError> {
        if self.body.is_empty() {
            let message = "The request must contain the parameter MessageBody.";
            return Err(SqsError::new(Code::MissingParameter, message));
        }
        if !self.body.chars().all(allowed) {
            return Err(SqsError::new(Code::InvalidMessageContents, "Invalid characters found in the message body."));
        }
        if let Some(delay) = self.delay
            && delay > 900
        {
            return Err(SqsError::parameter("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900."));
        }
        if self.attributes.len() > 10 {
            let message = "Number of message attributes [> 10] exceeds the allowed maximum [10].";
            return Err(SqsError::new(Code::InvalidParameterValue, message));
        }
        for (name, attribute) in &self.attributes {
            check_attribute(name, attribute)?;
        }
        if self.size() > queue.max_bytes as usize {
            let message = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                queue.max_bytes
            );
            return Err(SqsError::new(Code::InvalidParameterValue, message));
        }
        Ok(())
    }
}

/// The characters of XML 1.0, which SQS allows ("SendMessage").
fn allowed(c: char) -> bool {
    matches!(c, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), SqsError> {
    let wrong = |why: &str| {
        let message = format!("The message attribute '{name}' is invalid: {why}");
        Err(SqsError::new(Code::InvalidParameterValue, message))
    };
    let lower = name.to_ascii_lowercase();
    let named = (1..=256).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.");
    if !named {
        return wrong("its name must be 1 to 256 of A-Z, a-z, 0-9, `_`, `-` and `.`, without a reserved prefix.");
    }
    let base = attribute.data_type.split('.').next().unwrap_or_default();
    match (base, &attribute.string_value, &attribute.binary_value) {
        ("String", Some(value), None) if !value.is_empty() => Ok(()),
        ("Number", Some(value), None) if value.parse::<f64>().is_ok() => Ok(()),
        ("Number", Some(_), None) => wrong("its value is not a number."),
        ("Binary", None, Some(value)) if !value.is_empty() && BASE64.decode(value).is_ok() => Ok(()),
        ("String" | "Number" | "Binary", ..) => {
            wrong("it must contain a non-empty value of its type: `StringValue` or `BinaryValue`.")
        }
        _ => wrong("its type must start with `String`, `Number` or `Binary`."),
    }
}

/// A message as a queue and the journal hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Attribute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace_header: Option<String>,
    pub(crate) sender: String,
    pub(crate) sent: Timestamp,
    pub(crate) visible_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_received: Option<Timestamp>,
    #[serde(default)]
    pub(crate) receives: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter_source: Option<String>,
}

/// A message as it is received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The message's id.
    pub id: String,
    /// What deletes this receive of it.
    pub receipt: String,
    /// The text.
    pub body: String,
    /// The sender's attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// SQS's attributes: `SentTimestamp`, `ApproximateReceiveCount` and so on.
    pub system: BTreeMap<&'static str, String>,
}

impl Message {
    pub(crate) fn received(&self) -> Received {
        let mut system = BTreeMap::from([
            ("ApproximateReceiveCount", self.receives.to_string()),
            ("SenderId", self.sender.clone()),
            ("SentTimestamp", self.sent.millis().to_string()),
        ]);
        if let Some(first) = self.first_received {
            system.insert("ApproximateFirstReceiveTimestamp", first.millis().to_string());
        }
        if let Some(header) = &self.trace_header {
            system.insert("AWSTraceHeader", header.clone());
        }
        if let Some(source) = &self.dead_letter_source {
            system.insert("DeadLetterQueueSourceArn", source.clone());
        }
        Received {
            id: self.id.clone(),
            receipt: self.receipt.clone().unwrap_or_default(),
            body: self.body.clone(),
            attributes: self.attributes.clone(),
            system,
        }
    }
}

/// The MD5 of a body, in hexadecimal.
#[must_use]
pub fn md5_of_body(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

/// The MD5 of message attributes, in hexadecimal; `None` where there are none.
#[must_use]
pub fn md5_of_attributes<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a Attribute)>) -> Option<String> {
    let mut sorted: Vec<_> = attributes.into_iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    if sorted.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    let part = |bytes: &mut Vec<u8>, part: &[u8]| {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(part);
    };
    for (name, attribute) in sorted {
        part(&mut bytes, name.as_bytes());
        part(&mut bytes, attribute.data_type.as_bytes());
        if let Some(value) = &attribute.binary_value {
            bytes.push(2);
            part(&mut bytes, &BASE64.decode(value).unwrap_or_default());
        } else {
            bytes.push(1);
            part(&mut bytes, attribute.string_value.as_deref().unwrap_or_default().as_bytes());
        }
    }
    Some(format!("{:x}", md5::compute(bytes)))
}
