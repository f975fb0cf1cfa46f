//! A message in the backlog as a row.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use drydock_core::Timestamp;
use drydock_rules::{CompiledRule, Message, MqttProperties};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::net::IpAddr;
use std::sync::Arc;

/// A message as a row.
#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    /// The names of the rules that it matched.
    pub(super) rules: Vec<SmolStr>,
    topic: SmolStr,
    payload: String,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    properties: Option<PropertiesRow>,
}

#[derive(Serialize, Deserialize)]
struct PropertiesRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    utf8: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiry: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    user: Vec<(String, String)>,
}

impl Row {
    pub(super) fn of(message: &Message, rules: &[Arc<CompiledRule>]) -> Self {
        let mqtt = &message.mqtt;
        Self {
            rules: rules.iter().map(|rule| rule.name.as_str().into()).collect(),
            topic: message.topic.clone(),
            payload: BASE64.encode(&message.payload),
            at: message.timestamp,
            client: message.client_id.clone(),
            principal: message.principal.clone(),
            ip: message.source_ip,
            trace: message.trace_id.clone(),
            properties: (*mqtt != MqttProperties::default()).then(|| PropertiesRow {
                utf8: mqtt.utf8,
                content_type: mqtt.content_type.clone(),
                response_topic: mqtt.response_topic.clone(),
                correlation_data: mqtt.correlation_data.as_ref().map(|data| BASE64.encode(data)),
                expiry: mqtt.message_expiry,
                user: mqtt.user_properties.clone(),
            }),
        }
    }

    /// The message as it was: `timestamp()` and `traceid()` of the SQL give what they gave.
    pub(super) fn message(self, account: &str) -> Result<Message, base64::DecodeError> {
        let mut message = Message::new(self.topic, BASE64.decode(self.payload)?, account, self.at);
        message.client_id = self.client;
        message.principal = self.principal;
        message.source_ip = self.ip;
        message.trace_id = self.trace;
        if let Some(properties) = self.properties {
            let correlation_data = properties.correlation_data.map(|data| BASE64.decode(data)).transpose()?;
            message.mqtt = MqttProperties {
                utf8: properties.utf8,
                content_type: properties.content_type,
                response_topic: properties.response_topic,
                correlation_data: correlation_data.map(Bytes::from),
                message_expiry: properties.expiry,
                user_properties: properties.user,
            };
        }
        Ok(message)
    }
}
