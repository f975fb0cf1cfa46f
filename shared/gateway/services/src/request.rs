//! A request of a service that came as a message: over MQTT, of the HTTP API's "Publish", or republished by a rule.

use bytes::Bytes;
use drydock_broker::Inbound;
use drydock_core::event::ClientIdentity;
use drydock_core::{Reserved, ReservedTopic};
use smol_str::SmolStr;
use std::sync::Arc;

/// A message to one of a service's reserved topics. Whether the publisher may ask for this was decided as for any publish.
#[derive(Debug)]
pub struct TopicRequest {
    reserved: Reserved,
    /// The topic, as it was published to.
    pub topic: SmolStr,
    /// The payload.
    pub payload: Bytes,
    /// The very connection that asked; `None` where it was none.
    pub client: Option<Arc<ClientIdentity>>,
}

impl TopicRequest {
    /// The request that a message is; `None` where its topic is not reserved, or a service's own.
    #[must_use]
    pub fn of(inbound: &Inbound<'_>) -> Option<Self> {
        Some(Self {
            reserved: inbound.reserved?,
            topic: inbound.message.topic.clone(),
            payload: inbound.message.payload.clone(),
            client: inbound.client.map(Arc::clone),
        })
    }

    /// What is asked for.
    #[must_use]
    pub fn asks(&self) -> ReservedTopic {
        self.reserved.topic
    }

    /// A name in the topic, by its place in what [`ReservedTopic`] says of the kind.
    #[must_use]
    pub fn name(&self, at: usize) -> Option<&str> {
        self.reserved.name(&self.topic, at)
    }
}
