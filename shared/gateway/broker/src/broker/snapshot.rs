//! What the broker tells about itself: connections, subscriptions, retained messages, counts.

use super::{Broker, UnknownClient};
use crate::dropped::DropReason;
use crate::gate::Peer;
use crate::happening::Count;
use crate::message::Qos;
use crate::retained::Retained;
use crate::slots::{ConnectionInfo, Gone, Link, Slot};
use drydock_core::Timestamp;
use drydock_core::event::DisconnectReason;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One subscription, as `ListSubscriptions` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The filter, as the client sent it.
    pub filter: SmolStr,
    /// The granted level.
    pub qos: Qos,
}

/// Counts since the broker started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Connections now.
    pub connections: u64,
    /// Subscriptions now.
    pub subscriptions: u64,
    /// Messages taken in.
    pub received: u64,
    /// Messages written to clients.
    pub delivered: u64,
    /// Messages that did not arrive.
    pub dropped: u64,
}

impl Broker {
    /// All present connections.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.inner.links().iter().map(|link| describe(link, None)).collect()
    }

    /// A client's connection, or the last one where that is not longer ago than `gone_seconds` of the limits.
    #[must_use]
    pub fn connection(&self, client_id: &str) -> Option<ConnectionInfo> {
        let slots = self.inner.slots.lock();
        let Slot { live, gone, .. } = slots.by_client.get(client_id)?;
        match (live, gone) {
            (Some(link), _) => Some(describe(link, None)),
            (None, Some(Gone { about, session })) => Some(ConnectionInfo {
                session_expiry: session.expiry_seconds(),
                waiting: session.waiting(),
                ..about.clone()
            }),
            (None, None) => None,
        }
    }

    /// The subscriptions of a client that is connected or has a persistent session, by filter.
    ///
    /// # Errors
    /// [`UnknownClient`].
    pub fn subscriptions(&self, client_id: &str) -> Result<Vec<Subscription>, UnknownClient> {
        let session = self.inner.slots.lock().by_client.get(client_id).and_then(|s| s.session.clone());
        let session = session.ok_or_else(|| UnknownClient(client_id.into()))?;
        Ok(session.subscriptions().into_iter().map(|(filter, o)| Subscription { filter, qos: o.qos }).collect())
    }

    /// A topic's retained message (API `GetRetainedMessage`).
    #[must_use]
    pub fn retained(&self, topic: &str) -> Option<Retained> {
        self.inner.read_retained(topic, self.inner.now())
    }

    /// At most `most` retained messages behind the topic `after`, by topic (API `ListRetainedMessages`).
    #[must_use]
    pub fn retained_after(&self, after: Option<&str>, most: usize) -> Vec<Retained> {
        self.inner.retained.list(after, most, self.inner.now(), self.inner.limits.retained_seconds)
    }

    /// Counts since the start of what happened on MQTT connections, by the names of AWS's metrics ("Message broker metrics").
    #[must_use]
    pub fn metrics(&self) -> Vec<(&'static str, u64)> {
        let counters = &self.inner.counters;
        let received = counters.received.load(Ordering::Relaxed);
        let by_mqtt = received.saturating_sub(counters.counts.get(Count::Elsewhere));
        let messages =
            [("PublishIn.Success", by_mqtt), ("PublishOut.Success", counters.delivered.load(Ordering::Relaxed))];
        let lost = |reason| self.drops().find(|(known, _)| *known == reason).map_or(0, |(_, count)| count);
        let losses = [
            ("PublishOut.AuthError", lost(DropReason::NotAuthorized)),
            ("PublishOut.ClientError", lost(DropReason::TooLarge)),
            ("PublishRetained.Throttle", lost(DropReason::RetainedQuota)),
            ("Queued.Throttle", lost(DropReason::QueueFull)),
        ];
        counters.counts.all().chain(messages).chain(losses).collect()
    }

    /// How many messages did not arrive, by reason.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        self.inner.counters.counts.drops()
    }

    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        Stats {
            connections: self.inner.slots.lock().live as u64,
            subscriptions: counters.subscriptions.load(Ordering::Relaxed),
            received: counters.received.load(Ordering::Relaxed),
            delivered: counters.delivered.load(Ordering::Relaxed),
            dropped: counters.dropped.load(Ordering::Relaxed),
        }
    }
}

impl Gone {
    /// What stays known of a connection.
    pub(crate) fn new(link: &Link, at: Timestamp, reason: DisconnectReason) -> Self {
        let peer = Peer { credential: Arc::new(()), ..Peer::clone(&link.peer) };
        let about = ConnectionInfo { peer: Arc::new(peer), ..describe(link, Some((at, reason))) };
        Self { about, session: Arc::clone(&link.session) }
    }
}

fn describe(link: &Link, disconnected: Option<(Timestamp, DisconnectReason)>) -> ConnectionInfo {
    ConnectionInfo {
        identity: Arc::clone(&link.identity),
        peer: Arc::clone(&link.peer),
        protocol: link.protocol,
        version: link.version,
        connected: disconnected.is_none(),
        clean_session: link.clean,
        session_expiry: link.session.expiry_seconds(),
        keep_alive: link.keep_alive,
        connected_since: link.since,
        disconnected,
        waiting: link.session.waiting(),
    }
}
