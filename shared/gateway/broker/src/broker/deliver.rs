//! A message that was let in reaches those who are to have it.

use super::inner::Inner;
use crate::dropped::DropReason;
use crate::happening::Count;
use crate::index::MatchSet;
use crate::message::{Message, Protocol, Qos};
use crate::retained::Retained;
use crate::rows;
use crate::session::{Effects, Group};
use crate::share::Choice;
use crate::subscription::SubOptions;
use crate::tap::{Caller, Inbound, Keep, Route};
use bytes::Bytes;
use drydock_core::event::ClientIdentity;
use drydock_core::{Reserved, Timestamp};
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
                let (_, found) = self.index.find(&message.topic);
                if !message.retain && found.is_empty() && !matches!(from, Publisher::Service) {
                    self.tap.unheard(&inbound);
                }
                self.spread_to(message, &found, effects);
            }
        }
    }

    pub(super) fn spread(&self, message: Message, effects: &mut Effects) {
        let (_, found) = self.index.find(&message.topic);
        self.spread_to(message, &found, effects);
    }

    fn spread_to(&self, message: Message, found: &MatchSet, effects: &mut Effects) {
        if message.retain {
            self.retain(&message, effects);
        }
        self.count_elsewhere();
        if !found.is_empty() {
            self.deliver(found, &[Arc::new(message)], 0, effects);
        }
    }

    /// Counts a message that came from elsewhere than a connection.
    pub(super) fn count_elsewhere(&self) {
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
