//! A subscription and its settings ("SetSubscriptionAttributes").

use super::error::{Code, SnsError};
use super::filter::Filter;
use drydock_core::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A subscription to a topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// The topic's ARN.
    pub topic: String,
    /// `sqs`, `lambda` or `http`.
    pub protocol: String,
    /// The ARN of the queue or function, or the URL.
    pub endpoint: String,
    /// Whether the message goes out without its envelope.
    pub raw: bool,
    /// Which messages it takes.
    pub filter: Option<Filter>,
    /// The ARN of the queue that gets what could not be delivered.
    pub dead_letter: Option<String>,
    /// What confirms it; `None` once it is confirmed.
    pub token: Option<String>,
}

impl Subscription {
    pub(crate) fn new(topic: &Arn, protocol: &str, endpoint: &str) -> Result<Self, SnsError> {
        let arn_of = |service: &str| Arn::parse(endpoint).is_some_and(|arn| arn.service() == service);
        match protocol {
            "sqs" if arn_of("sqs") => {}
            "lambda" if arn_of("lambda") => {}
            "sqs" | "lambda" => {
                return Err(SnsError::invalid(&format!("Endpoint: `{endpoint}` is not an ARN of {protocol}")));
            }
            "http" if is_loopback(endpoint) => {}
            "http" => {
                let message = format!(
                    "the endpoint `{endpoint}` is not on this machine: this gateway delivers to http on loopback only"
                );
                return Err(SnsError::new(Code::NotImplemented, message));
            }
            "https" | "email" | "email-json" | "sms" | "application" | "firehose" => {
                let message = format!("subscriptions of the protocol `{protocol}` are not implemented by this gateway");
                return Err(SnsError::new(Code::NotImplemented, message));
            }
            other => {
                let what = format!("Amazon SNS does not support this protocol string: {other}");
                return Err(SnsError::invalid(&what));
            }
        }
        Ok(Self {
            topic: topic.to_string(),
            protocol: protocol.into(),
            endpoint: endpoint.into(),
            raw: false,
            filter: None,
            dead_letter: None,
            token: None,
        })
    }

    /// Sets one attribute from its text.
    ///
    /// # Errors
    /// `InvalidParameter`, or `NotImplemented` for what this gateway does not do.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SnsError> {
        match name {
            "RawMessageDelivery" => {
                self.raw = match value {
                    "true" if self.protocol == "lambda" => {
                        return Err(SnsError::invalid(
                            "Delivery protocol [lambda] does not support raw message delivery.",
                        ));
                    }
                    "true" => true,
                    "false" => false,
                    _ => return Err(SnsError::invalid("Attributes Reason: RawMessageDelivery: must be true or false")),
                };
            }
            "FilterPolicy" => self.filter = Filter::parse(value)?,
            "FilterPolicyScope" if value == "MessageAttributes" => {}
            "FilterPolicyScope" => {
                let message = format!("the filter policy scope `{value}` is not implemented by this gateway");
                return Err(SnsError::new(Code::NotImplemented, message));
            }
            "RedrivePolicy" if value.is_empty() => self.dead_letter = None,
            "RedrivePolicy" => {
                let policy: Value = serde_json::from_str(value).unwrap_or_default();
                let target = policy.get("deadLetterTargetArn").and_then(Value::as_str).and_then(Arn::parse);
                let target = target.filter(|arn| arn.service() == "sqs");
                let target = target.ok_or_else(|| {
                    SnsError::invalid("RedrivePolicy: it must be JSON with the ARN of a queue in deadLetterTargetArn")
                })?;
                self.dead_letter = Some(target.to_string());
            }
            other => return Err(SnsError::invalid(&format!("AttributeName: `{other}` is not known to this gateway"))),
        }
        Ok(())
    }

    /// All attributes as `GetSubscriptionAttributes` shows them.
    pub(crate) fn attributes(&self, arn: &str, account: &str) -> BTreeMap<&'static str, String> {
        let mut attributes = BTreeMap::from([
            ("ConfirmationWasAuthenticated", self.token.is_none().to_string()),
            ("Endpoint", self.endpoint.clone()),
            ("Owner", account.to_owned()),
            ("PendingConfirmation", self.token.is_some().to_string()),
            ("Protocol", self.protocol.clone()),
            ("RawMessageDelivery", self.raw.to_string()),
            ("SubscriptionArn", arn.to_owned()),
            ("TopicArn", self.topic.clone()),
        ]);
        if let Some(filter) = &self.filter {
            attributes.insert("FilterPolicy", filter.to_string());
            attributes.insert("FilterPolicyScope", "MessageAttributes".into());
        }
        if let Some(target) = &self.dead_letter {
            attributes.insert("RedrivePolicy", json!({"deadLetterTargetArn": target}).to_string());
        }
        attributes
    }
}

fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("http") && loopback
}
