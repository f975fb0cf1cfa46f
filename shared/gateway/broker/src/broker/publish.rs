//! Messages that do not come from a connection's packets, and delivery for all.

use super::{Broker, Inner};
use crate::connection::check_properties;
use crate::effects::Effects;
use crate::happening::Count;
use crate::index::MatchSet;
use crate::journal::{Commit, JournalError};
use crate::limits::Limits;
use crate::message::{Message, Protocol, Qos};
use crate::retained::Retained;
use crate::rows;
use crate::session::SubOptions;
use crate::share::{Choice, Group};
use crate::tap::{Caller, DropReason, Inbound, Keep, Route, Telling};
use bytes::Bytes;
use drydock_core::event::ClientIdentity;
use drydock_core::topic::fault;
use drydock_core::{Reserved, Timestamp};
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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

/// Where a message comes from, for the tap.
#[derive(Clone, Copy)]
pub(crate) enum Publisher<'a> {
    /// A connection.
    Client(&'a Arc<ClientIdentity>, Protocol),
    /// HTTP, or a rule; of HTTP somebody may be known.
    Caller(Option<&'a Caller>),
    /// A service, whose messages are often heard by nobody.
    Service,
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
            && check_properties(properties, &inner.limits).is_err()
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

/// Whether a text is a topic within the limits.
pub(crate) fn is_topic(text: &str, limits: &Limits) -> bool {
    fault::of_topic(text, limits.topics()).is_none()
}

/// Whether a text is a topic filter within the limits, `$share/<name>/` taken off.
pub(crate) fn is_filter(text: &str, limits: &Limits) -> bool {
    fault::of_filter(text, limits.topics()).is_none()
}

impl Inner {
    /// Takes a message in: past the tap, then to its subscribers.
    pub(crate) fn submit(
        &self,
        message: Message,
        reserved: Option<Reserved>,
        from: Publisher<'_>,
        effects: &mut Effects,
    ) {
        let (client, protocol, caller) = match from {
            Publisher::Client(client, protocol) => (Some(client), Some(protocol), None),
            Publisher::Caller(caller) => (None, None, caller),
            Publisher::Service => (None, None, None),
        };
        let inbound = Inbound { message: &message, reserved, client, caller, protocol };
        match self.tap.publish(&inbound, &mut Keep::new(effects, message.qos)) {
            Route::Consumed => {}
            Route::Deliver => self.spread(message, effects),
            Route::DeliverAlone => {
                let from_outside = !matches!(from, Publisher::Service);
                if from_outside && !message.retain && self.index.find(&message.topic).1.is_empty() {
                    self.tap.unheard(&inbound);
                }
                self.spread(message, effects);
            }
        }
    }

    fn spread(&self, message: Message, effects: &mut Effects) {
        if message.retain {
            self.retain(&message, effects);
        }
        self.count_elsewhere();
        let (_, found) = self.index.find(&message.topic);
        if !found.is_empty() {
            self.deliver(&found, &[Arc::new(message)], 0, effects);
        }
    }

    /// Counts a message that came from elsewhere than a connection.
    fn count_elsewhere(&self) {
        self.counters.received.fetch_add(1, Ordering::Relaxed);
        self.count(Count::Elsewhere);
    }

    /// Keeps a message as its topic's retained message, or deletes that one where the payload is empty.
    pub(crate) fn retain(&self, message: &Message, effects: &mut Effects) {
        if message.payload.is_empty() {
            if self.retained.remove(&message.topic) {
                effects.write(rows::delete_retained(&message.topic));
                effects.wait_for_deletes();
            }
            return;
        }
        let now = self.now();
        // The payload may be part of a larger buffer, which must not be kept for as long as a retained message is.
        let kept = Message { payload: Bytes::copy_from_slice(&message.payload), ..message.clone() };
        let row = rows::put_retained(&kept, now, now);
        if self.retained.put(Arc::new(kept), now, now, self.limits.retained_messages) {
            effects.write(row);
            self.retained_set(message, now);
        } else {
            effects.dropped(&SmolStr::default(), &message.topic, DropReason::RetainedQuota);
        }
    }

    /// A topic's retained message, which counts as used from now on. That is noted on disk once a day at most.
    pub(crate) fn read_retained(&self, topic: &str, now: Timestamp) -> Option<Retained> {
        let (retained, note) = self.retained.read(topic, now, self.limits.retained_seconds)?;
        if note && self.journal.is_some() {
            self.write(Some(rows::put_retained(&retained.message, retained.at, now)));
        }
        Some(retained)
    }

    /// Whether a message may come in, as far as the account's rates go and the rate of its topic's retained messages.
    pub(crate) fn admits(&self, topic: &str, retain: bool, now: Timestamp) -> bool {
        let most = self.limits.retained_publishes_per_second_per_topic;
        if retain && most > 0 {
            let apart = 1000 / i64::try_from(most).unwrap_or(1000).max(1);
            if self.retained.set_at(topic).is_some_and(|at| now.since(at) < apart) {
                return false;
            }
        }
        self.account.admits(retain, now)
    }

    /// Hands a run of messages to all that they match. `from` is the publisher's session, for No Local.
    pub(crate) fn deliver(&self, found: &MatchSet, run: &[Arc<Message>], from: u64, effects: &mut Effects) {
        self.account.outbound.spend((found.sessions.len() + found.groups.len()) * run.len(), || self.now());
        for subscriber in &found.sessions {
            if subscriber.no_local && subscriber.session.id == from {
                continue;
            }
            let options = SubOptions {
                qos: subscriber.qos,
                no_local: subscriber.no_local,
                retain_as_published: subscriber.retain_as_published,
            };
            subscriber.session.offer(run, options, None, &self.limits, effects);
        }
        for group in &found.groups {
            for message in run {
                self.deliver_to_group(group, message, effects);
            }
        }
    }

    /// Hands a message to one member of a group.
    pub(crate) fn deliver_to_group(&self, group: &Arc<Group>, message: &Arc<Message>, effects: &mut Effects) {
        let most = usize::try_from(self.limits.shared_group_queue).unwrap_or(usize::MAX);
        match group.choose(message, self.random(), most, self.now()) {
            Choice::Member(session, options) => {
                session.offer(std::slice::from_ref(message), options, Some(group), &self.limits, effects);
            }
            Choice::Queued(seq, busy) => {
                effects.write(rows::put_shared(&group.key, seq, message));
                if let Some(session) = busy {
                    session.nudge();
                }
            }
            Choice::Full => effects.dropped(&group.key, &message.topic, DropReason::QueueFull),
            Choice::Nobody if message.qos == Qos::AtLeastOnce => {
                effects.dropped(&group.key, &message.topic, DropReason::QueueFull);
            }
            Choice::Nobody => {}
        }
    }
}
