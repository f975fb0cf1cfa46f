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
    read: Read,
}

/// What of the payload has been read.
#[derive(Debug, Clone, Default)]
struct Read {
    outline: OnceLock<json::Outline>,
    whole: [OnceLock<Value>; 2],
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
            read: Read::default(),
        }
    }

    /// The payload as `*` stands for it: parsed where it is a JSON object or array, else raw. Parsed once, whatever the
    /// number of rules.
    #[must_use]
    pub fn value(&self, version: SqlVersion) -> &Value {
        let parsed = self.whole(version);
        parsed.get_or_init(|| {
            let read = match self.read.outline.get() {
                Some(json::Outline::Other) => None,
                _ => json::parse_for(version, &self.payload).ok(),
            };
            match read {
                Some(value @ (Value::Object(_) | Value::Array(_))) => value,
                _ => Value::Raw(self.payload.clone()),
            }
        })
    }

    /// Whether the payload is a JSON object or array, into which the SQL can look. Reads no more of it than that takes.
    #[must_use]
    pub fn is_json(&self) -> bool {
        !matches!(self.outline(), json::Outline::Other)
    }

    /// A member of a payload that is a JSON object. Where nobody asks for the whole, only the members that somebody asks for
    /// are read, each once.
    pub(crate) fn member(&self, name: &str, version: SqlVersion) -> Option<&Value> {
        match self.whole(version).get() {
            Some(Value::Object(members)) => members.get(name),
            Some(_) => None,
            None => self.outline().member(name, version, &self.payload),
        }
    }

    fn whole(&self, version: SqlVersion) -> &OnceLock<Value> {
        let [v2015, v2016] = &self.read.whole;
        if version.is_2016() { v2016 } else { v2015 }
    }

    fn outline(&self) -> &json::Outline {
        self.read.outline.get_or_init(|| json::outline(&self.payload))
    }

    /// The topic as `topic()` gives it: without the prefix of Basic Ingest.
    #[must_use]
    pub fn topic_for_rules(&self) -> &str {
        topic::without_basic_ingest(&self.topic)
    }
}
