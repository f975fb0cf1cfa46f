//! A message as the rules see it.

use crate::sql::SqlVersion;
use crate::value::{Value, json};
use bytes::Bytes;
use drydock_core::{Timestamp, topic};
use smol_str::SmolStr;
use std::net::IpAddr;
use std::sync::OnceLock;

/// A message published to the broker, over HTTP, or by the service itself, with what the rules may ask of it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The topic as it was published to, with the prefix of Basic Ingest where it has one.
    pub topic: SmolStr,
    /// The payload as it came.
    pub payload: Bytes,
    /// The MQTT client; `None` where the message did not come over MQTT.
    pub client_id: Option<SmolStr>,
    /// Certificate id, IAM role and session, or user id of the sender; `None` where the service itself sent it.
    pub principal: Option<SmolStr>,
    /// The account that owns the rules.
    pub account: SmolStr,
    /// When the rules engine saw it.
    pub timestamp: Timestamp,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// The message's trace id, a UUID; `None` where it did not come over MQTT.
    pub trace_id: Option<SmolStr>,
    /// Its MQTT 5 properties.
    pub mqtt: MqttProperties,
    parsed: [OnceLock<Value>; 2],
}

/// The properties of an MQTT 5 publish that rules can read and republish can set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MqttProperties {
    /// Whether the payload is declared to be UTF-8; `None` where nothing is declared.
    pub utf8: Option<bool>,
    /// The content type.
    pub content_type: Option<String>,
    /// Where an answer is to go.
    pub response_topic: Option<String>,
    /// What an answer is to carry.
    pub correlation_data: Option<Bytes>,
    /// Seconds after which the message is of no use.
    pub message_expiry: Option<u32>,
    /// Pairs of the sender's own, in their order; a key may come more than once.
    pub user_properties: Vec<(String, String)>,
}

impl Message {
    /// A message of which no more is known than this.
    pub fn new(
        topic: impl Into<SmolStr>,
        payload: impl Into<Bytes>,
        account: impl Into<SmolStr>,
        at: Timestamp,
    ) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            client_id: None,
            principal: None,
            account: account.into(),
            timestamp: at,
            source_ip: None,
            trace_id: None,
            mqtt: MqttProperties::default(),
            parsed: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// The payload as `*` stands for it: parsed where it is a JSON object or array, else raw. Parsed once, whatever the
    /// number of rules.
    #[must_use]
    pub fn value(&self, version: SqlVersion) -> &Value {
        let [v2015, v2016] = &self.parsed;
        let parsed = if version.is_2016() { v2016 } else { v2015 };
        parsed.get_or_init(|| match json::parse_for(version, &self.payload) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
            _ => Value::Raw(self.payload.clone()),
        })
    }

    /// The topic as `topic()` gives it: without the prefix of Basic Ingest.
    #[must_use]
    pub fn topic_for_rules(&self) -> &str {
        topic::without_basic_ingest(&self.topic)
    }
}
