//! A message on its way: what a client published, what a service says, what waits for a session.

use bytes::Bytes;
use drydock_core::Timestamp;
use smol_str::SmolStr;

/// The version of MQTT that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// MQTT 3.1.1, protocol level 4.
    V311,
    /// MQTT 5, protocol level 5.
    V5,
}

/// How surely a message arrives. AWS IoT has no QoS 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Qos {
    /// QoS 0.
    #[default]
    AtMostOnce = 0,
    /// QoS 1.
    AtLeastOnce = 1,
}

impl Qos {
    /// The level of a number; `None` for anything but 0 and 1.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            _ => None,
        }
    }
}

/// The MQTT 5 properties that travel with a message, except the expiry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// Payload Format Indicator: whether the payload says that it is UTF-8; `None` where it says nothing.
    pub payload_is_utf8: Option<bool>,
    /// Content Type.
    pub content_type: Option<SmolStr>,
    /// Response Topic.
    pub response_topic: Option<SmolStr>,
    /// Correlation Data.
    pub correlation_data: Option<Bytes>,
    /// User Properties, in order.
    pub user: Vec<(SmolStr, SmolStr)>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic, of valid form.
    pub topic: SmolStr,
    /// The payload; cheap to clone.
    pub payload: Bytes,
    /// The level that it was published with.
    pub qos: Qos,
    /// Whether it was published to be retained.
    pub retain: bool,
    /// MQTT 5 properties; `None` where there are none.
    pub properties: Option<Box<Properties>>,
    /// When it is no longer to be delivered.
    pub expires_at: Option<Timestamp>,
}

impl Message {
    /// A message of QoS 0 without properties.
    pub fn new(topic: impl Into<SmolStr>, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: Qos::AtMostOnce,
            retain: false,
            properties: None,
            expires_at: None,
        }
    }

    /// The same with another level.
    #[must_use]
    pub fn with_qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// The same, to be retained or not.
    #[must_use]
    pub fn with_retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// The same with properties.
    #[must_use]
    pub fn with_properties(mut self, properties: Properties) -> Self {
        self.properties = (properties != Properties::default()).then(|| Box::new(properties));
        self
    }

    /// The same with User Properties besides those that it has.
    #[must_use]
    pub fn with_user(mut self, user: &[(SmolStr, SmolStr)]) -> Self {
        if !user.is_empty() {
            self.properties.get_or_insert_default().user.extend_from_slice(user);
        }
        self
    }

    /// Whether it is past its expiry.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
