//! Messages that do not come from a connection's packets.

use super::Broker;
use super::deliver::Publisher;
use crate::dropped::DropReason;
use crate::journal::{Commit, JournalError};
use crate::limits::Limits;
use crate::message::{Message, Qos};
use crate::properties;
use crate::tap::{Caller, Keep, Route, Telling};
use crate::topic::is_topic;
use bytes::Bytes;
use drydock_core::Reserved;
use smol_str::SmolStr;
use std::sync::Arc;

/// Who publishes from outside an MQTT connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A caller of the HTTP API or a rule: the topic must be one that clients may publish to, and the [`Tap`](crate::Tap)
    /// sees the message.
    Outside,
    /// A service of the gateway: any topic. The tap sees the message, so that rules on `$aws/events/…` fire.
    Service,
    /// The same, and the tap does not see the message.
    Quiet,
}

/// A message that was taken in.
#[must_use]
pub struct Publication {
    commit: Option<Commit>,
}

impl Publication {
    /// Waits until what has to survive a restart (a retained message, one that waits for a persistent session, what the
    /// [`Tap`](crate::Tap) keeps of it) is durable.
    ///
    /// # Errors
    /// [`JournalError`] where it could not be made so: the publisher must not be told that it was.
    pub async fn durable(self) -> Result<(), JournalError> {
        match self.commit {
            Some(commit) => commit.await,
            None => Ok(()),
        }
    }
}

/// Why a message is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The topic is not of a valid form.
    #[error("topic `{0}` is not valid: it must be 1 to 256 bytes with at most 7 slashes and no wildcard")]
    InvalidTopic(SmolStr),
    /// The topic is reserved.
    #[error("topic `{0}` is reserved: clients may not publish to it, or not with RETAIN")]
    Reserved(SmolStr),
    /// The payload is too large.
    #[error("the payload has {0} bytes; the limit is {1}")]
    TooLarge(usize, u64),
    /// A property is too large.
    #[error("{0}")]
    Property(String),
    /// The account, or the topic's retained message, is over its rate.
    #[error("too many messages a second for topic `{0}` or the account: publish it again later")]
    Throttled(SmolStr),
}

impl Broker {
    /// Publishes a message: to its subscribers, as retained message where it asks for that, and past the
    /// [`Tap`](crate::Tap) as `origin` says.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then.
    pub fn publish(&self, message: Message, origin: Origin) -> Result<Publication, PublishError> {
        self.take_in(message, origin, None)
    }

    /// Publishes a message of a caller of the HTTP API as [`Origin::Outside`] does; the tap is told who it is.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then.
    pub fn publish_of(&self, message: Message, caller: Option<&Caller>) -> Result<Publication, PublishError> {
        self.take_in(message, Origin::Outside, caller)
    }

    fn take_in(&self, message: Message, origin: Origin, caller: Option<&Caller>) -> Result<Publication, PublishError> {
        let inner = &self.inner;
        if !is_topic(&message.topic, &inner.limits) {
            return Err(PublishError::InvalidTopic(message.topic));
        }
        if message.payload.len() as u64 > inner.limits.payload_bytes {
            return Err(PublishError::TooLarge(message.payload.len(), inner.limits.payload_bytes));
        }
        if origin == Origin::Outside
            && let Some(properties) = &message.properties
            && properties::check(properties, &inner.limits).is_err()
        {
            let Limits { content_type_bytes, correlation_data_bytes, user_properties_bytes, .. } = inner.limits;
            return Err(PublishError::Property(format!(
                "the content type may have {content_type_bytes} bytes, the correlation data {correlation_data_bytes}, and the user properties together {user_properties_bytes}"
            )));
        }
        // What services say is not taken apart: it asks for nothing.
        let reserved = if origin == Origin::Outside { Reserved::read(&message.topic) } else { Ok(None) };
        let reserved = match reserved {
            Ok(reserved) if reserved.is_none() || !message.retain => reserved,
            _ => return Err(PublishError::Reserved(message.topic)),
        };
        if origin == Origin::Outside && !inner.admits(&message.topic, message.retain, inner.now()) {
            inner.report_drop("", &message.topic, DropReason::Throttled, true);
            return Err(PublishError::Throttled(message.topic));
        }
        let mut effects = inner.effects();
        if origin == Origin::Quiet {
            inner.spread(message, &mut effects);
        } else {
            let from = if origin == Origin::Service { Publisher::Service } else { Publisher::Caller(caller) };
            inner.submit(message, reserved, from, &mut effects);
        }
        Ok(Publication { commit: inner.settle(&mut effects) })
    }

    /// Publishes a service's message of QoS 1 as [`Origin::Service`] does, and waits for nothing. Where neither a subscriber
    /// nor the [`Tap`](crate::Tap) wants it, it counts as published, and its payload is not made up.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then.
    pub fn tell(&self, topic: &str, payload: impl FnOnce() -> Bytes) -> Result<(), PublishError> {
        let inner = &self.inner;
        if !is_topic(topic, &inner.limits) {
            return Err(PublishError::InvalidTopic(topic.into()));
        }
        let mut effects = inner.effects();
        let mut telling = Telling::new(topic, inner.limits.payload_bytes, payload);
        let route = inner.tap.told(&mut telling, &mut Keep::new(&mut effects, Qos::AtLeastOnce));
        let found = inner.index.find(topic).1;
        let wanted = route != Route::Consumed && !found.is_empty();
        if wanted {
            telling.message();
        }
        match telling.made() {
            Some(Err(size)) => return Err(PublishError::TooLarge(size, inner.limits.payload_bytes)),
            Some(Ok(message)) if wanted => inner.deliver(&found, &[Arc::new(message)], 0, &mut effects),
            Some(Ok(_)) | None => {}
        }
        inner.count_elsewhere();
        drop(inner.settle(&mut effects));
        Ok(())
    }
}
