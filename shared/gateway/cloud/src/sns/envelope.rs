//! The forms a message takes on its way ("Amazon SNS message and JSON formats", "Amazon SNS sample event").

use super::error::SnsError;
use super::publish::{MAX_MESSAGE, Publish};
use crate::sqs::Attribute;
use drydock_core::{Arn, Timestamp};
use serde_json::{Map, Value, json};

/// Where SNS has a signature: messages of this gateway are not signed.
pub(super) const SIGNATURE: &str = "UNSIGNED";

/// What "Publish" refuses.
pub(super) fn check(message: &Publish) -> Result<(), SnsError> {
    if message.message.is_empty() {
        return Err(SnsError::invalid("Empty message"));
    }
    let attributes: usize = message
        .attributes
        .iter()
        .map(|(name, a)| {
            name.len() + a.data_type.len() + a.string_value.as_ref().or(a.binary_value.as_ref()).map_or(0, String::len)
        })
        .sum();
    if message.message.len() + attributes > MAX_MESSAGE {
        return Err(SnsError::invalid("Message too long"));
    }
    for (name, attribute) in &message.attributes {
        check_attribute(name, attribute)?;
    }
    if let Some(subject) = &message.subject
        && (!(1..=100).contains(&subject.chars().count()) || subject.chars().any(char::is_control))
    {
        return Err(SnsError::invalid("Subject"));
    }
    if message.per_protocol {
        let parsed: Value = serde_json::from_str(&message.message).unwrap_or_default();
        if !parsed.is_object() {
            return Err(SnsError::invalid("Message Structure - JSON message body failed to parse"));
        }
        if !parsed.get("default").is_some_and(Value::is_string) {
            return Err(SnsError::invalid("Message Structure - No default entry in JSON message body"));
        }
    }
    Ok(())
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), SnsError> {
    let wrong = |why: &str| Err(SnsError::invalid(&format!("The message attribute '{name}' {why}")));
    let value = attribute.string_value.as_deref();
    match (attribute.data_type.split('.').next(), value, &attribute.binary_value) {
        (Some("String"), Some(value), None) if !value.is_empty() => {
            if attribute.data_type == "String.Array"
                && !serde_json::from_str::<Value>(value).is_ok_and(|v| v.is_array())
            {
                return wrong("must hold a JSON array");
            }
            Ok(())
        }
        (Some("Number"), Some(value), None) if value.parse::<f64>().is_ok() => Ok(()),
        (Some("Binary"), None, Some(value)) if !value.is_empty() => Ok(()),
        (Some("String" | "Number" | "Binary"), ..) => wrong("must contain a non-empty value of its type"),
        _ => wrong(
            "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
    }
}

/// The text for one protocol.
pub(super) fn text_for(message: &Publish, protocol: &str) -> String {
    if !message.per_protocol {
        return message.message.clone();
    }
    let parsed: Value = serde_json::from_str(&message.message).unwrap_or_default();
    let text = parsed.get(protocol).or_else(|| parsed.get("default")).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// A message that is on its way to a subscription.
pub(super) struct Outgoing<'a> {
    pub(super) id: &'a str,
    pub(super) topic: &'a Arn,
    pub(super) subscription: &'a Arn,
    pub(super) at: Timestamp,
    pub(super) endpoint: &'a str,
    pub(super) message: &'a Publish,
    pub(super) text: &'a str,
}

impl Outgoing<'_> {
    fn attributes(&self) -> Map<String, Value> {
        let shown = |a: &Attribute| {
            let value = a.string_value.as_ref().or(a.binary_value.as_ref());
            json!({"Type": a.data_type, "Value": value})
        };
        self.message.attributes.iter().map(|(name, a)| (name.clone(), shown(a))).collect()
    }

    fn certificate_url(&self) -> String {
        format!("{}/SimpleNotificationService-unsigned.pem", self.endpoint)
    }

    fn unsubscribe_url(&self) -> String {
        format!("{}/?Action=Unsubscribe&SubscriptionArn={}", self.endpoint, self.subscription)
    }

    /// The envelope for queues and HTTP endpoints.
    pub(super) fn notification(&self) -> String {
        let mut envelope = json!({
            "Type": "Notification",
            "MessageId": self.id,
            "TopicArn": self.topic.as_str(),
            "Message": self.text,
            "Timestamp": self.at.to_string(),
            "SignatureVersion": "1",
            "Signature": SIGNATURE,
            "SigningCertURL": self.certificate_url(),
            "UnsubscribeURL": self.unsubscribe_url(),
        });
        if let Value::Object(map) = &mut envelope {
            if let Some(subject) = &self.message.subject {
                map.insert("Subject".into(), subject.clone().into());
            }
            if !self.message.attributes.is_empty() {
                map.insert("MessageAttributes".into(), self.attributes().into());
            }
        }
        envelope.to_string()
    }

    /// The event for functions.
    pub(super) fn event(&self) -> String {
        json!({"Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.subscription.as_str(),
            "Sns": {
                "Type": "Notification",
                "MessageId": self.id,
                "TopicArn": self.topic.as_str(),
                "Subject": self.message.subject,
                "Message": self.text,
                "Timestamp": self.at.to_string(),
                "SignatureVersion": "1",
                "Signature": SIGNATURE,
                "SigningCertUrl": self.certificate_url(),
                "UnsubscribeUrl": self.unsubscribe_url(),
                "MessageAttributes": self.attributes(),
            },
        }]})
        .to_string()
    }
}
