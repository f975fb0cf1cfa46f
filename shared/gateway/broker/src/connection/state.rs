//! What a connection is between two steps.

use super::topics::{Receives, Topics};
use crate::broker::inner::Inner;
use crate::index::MatchSet;
use crate::journal::Commit;
use crate::message::{Message, Protocol};
use crate::packet::reason;
use crate::rate::Bucket;
use crate::session::{Effects, Outgoing, Session};
use crate::slots::{Ending, Link};
use drydock_core::Timestamp;
use drydock_core::event::DisconnectReason;
use drydock_timers::{Alarm, Work};
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(super) reason: DisconnectReason,
    pub(super) will: bool,
    /// MQTT 5's reason code for a DISCONNECT; `None` where the client gets none.
    pub(super) code: Option<u8>,
}

impl End {
    /// The client did something that it must not.
    pub(super) fn client_error(code: u8) -> Self {
        Self { reason: DisconnectReason::ClientError, will: true, code: Some(code) }
    }

    /// The stream broke.
    pub(super) fn lost() -> Self {
        Self { reason: DisconnectReason::ConnectionLost, will: true, code: None }
    }

    pub(super) fn because(reason: DisconnectReason, code: u8) -> Self {
        Self { reason, will: true, code: Some(code) }
    }
}

/// Answers that wait for a commit.
pub(crate) struct Held {
    pub(super) commit: Commit,
    pub(super) answers: Vec<u8>,
    /// How many messages of QoS 1 they answer.
    pub(super) publishes: u64,
    /// Whether messages wait behind them.
    pub(super) first: bool,
}

/// A connection's state; everything that is not the stream itself.
pub(crate) struct Connection {
    pub(super) inner: Arc<Inner>,
    pub(super) link: Arc<Link>,
    pub(super) session: Arc<Session>,
    pub(super) protocol: Protocol,
    pub(super) finished: bool,
    /// The time of the present step.
    pub(super) now: Timestamp,
    /// When the client last sent something.
    pub(super) heard: Timestamp,
    /// The start of a packet whose rest has not arrived.
    pub(super) partial: Vec<u8>,
    /// What is to be written, from `written` on.
    pub(super) out: Vec<u8>,
    pub(super) written: usize,
    pub(super) flush: bool,
    /// When something was last written.
    pub(super) wrote_at: Timestamp,
    /// Whether others were let go first since the connection last slept.
    pub(super) waited: bool,
    /// Answers to the packets of the present read.
    pub(super) answers: Vec<u8>,
    /// Whether one of `answers` comes before all messages, as a SUBACK does.
    pub(super) answers_first: bool,
    /// Answers that wait for what they acknowledge to be durable, in their order.
    pub(super) held: VecDeque<Held>,
    /// Whether the CONNACK is on its way; nothing else may be before (MQTT-3.2.0-1, MQTT-3.14.0-1).
    pub(super) greeted: bool,
    /// PUBLISHes of QoS 1 in the present read.
    pub(super) unanswered: u64,
    /// Messages taken in and not counted yet.
    pub(super) received: u64,
    /// Acknowledgements of the client that the session has not been told of.
    pub(super) acks: Vec<u16>,
    /// Messages in a row for the same sessions, not handed over yet.
    pub(super) run: Vec<Arc<Message>>,
    pub(super) run_targets: Option<Arc<MatchSet>>,
    /// Messages taken from the session, on their way to `out`.
    pub(super) staged: Vec<Outgoing>,
    pub(super) effects: Effects,
    pub(super) topics: Topics,
    pub(super) receives: Receives,
    /// Topics by alias, the first under 1.
    pub(super) aliases: Vec<Option<SmolStr>>,
    pub(super) rate: Bucket,
    pub(super) bytes: Bucket,
    pub(super) stored: Bucket,
    pub(super) shared: Bucket,
    /// The most that may be unacknowledged by the client.
    pub(super) window: usize,
    /// The most that the client takes in one packet.
    pub(super) max_packet: usize,
    /// When to look at the session again, though nobody wakes us.
    pub(super) again_at: Option<Timestamp>,
    pub(super) alarm: Alarm,
    /// That the alarm has woken the connection and what was due is being done.
    pub(super) woken: Option<Work>,
    /// The waker that the link knows.
    pub(super) waker: Option<Waker>,
}

impl Connection {
    pub(super) fn new(inner: Arc<Inner>, link: Arc<Link>, now: Timestamp) -> Self {
        let limits = &inner.limits;
        Self {
            session: Arc::clone(&link.session),
            protocol: link.protocol,
            finished: false,
            now,
            heard: now,
            partial: Vec::new(),
            out: Vec::new(),
            written: 0,
            flush: false,
            wrote_at: Timestamp::default(),
            waited: false,
            answers: Vec::new(),
            answers_first: false,
            held: VecDeque::new(),
            greeted: false,
            unanswered: 0,
            received: 0,
            acks: Vec::new(),
            run: Vec::new(),
            run_targets: None,
            staged: Vec::new(),
            effects: inner.effects(),
            topics: Topics::default(),
            receives: Receives::default(),
            aliases: Vec::new(),
            rate: Bucket::new(limits.publishes_per_second, now),
            bytes: Bucket::new(limits.bytes_per_second, now),
            stored: Bucket::paced(limits.stored_per_second, now),
            shared: Bucket::paced(limits.shared_queue_per_second, now),
            window: usize::try_from(limits.outbound_in_flight).unwrap_or(usize::MAX),
            max_packet: usize::MAX,
            again_at: None,
            alarm: Alarm::default(),
            woken: None,
            waker: None,
            link,
            inner,
        }
    }

    /// Ends the connection for the rest of the broker.
    pub(super) fn finish(&mut self, end: End) {
        self.finished = true;
        self.inner.finish(&self.link, Ending { reason: end.reason, will: end.will, drop_session: false });
        // Nothing is due any more: an advance of the clock does not wait for the goodbye.
        self.alarm = Alarm::default();
        self.woken = None;
    }

    /// Whether the connection has ended by others' doing, or its time is over.
    pub(super) fn check(&mut self, waker: &Waker) -> Option<End> {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
            self.link.set_waker(waker.clone());
        }
        if self.link.kicked().is_some() {
            return Some(End::lost());
        }
        let over = self.link.lifetimes.iter().find(|l| self.now >= self.ends(l.after.as_millis()));
        over.map(|l| End::because(l.reason, reason::MAXIMUM_CONNECT_TIME))
    }

    /// Whether the client has been silent for too long. Asked after the stream was read: what has arrived counts, however far the
    /// clock has jumped.
    pub(super) fn check_keep_alive(&self) -> Option<End> {
        (self.now >= self.keep_alive_ends())
            .then(|| End::because(DisconnectReason::MqttKeepAliveTimeout, reason::KEEP_ALIVE_TIMEOUT))
    }

    /// When [`Connection::check`] or the session have to be looked at next.
    pub(super) fn next_time(&self) -> Timestamp {
        let lifetimes = self.link.lifetimes.iter().map(|l| self.ends(l.after.as_millis()));
        let read = (!self.partial.is_empty() || self.bytes.next_at(self.now) > self.now)
            .then(|| self.bytes.next_at(self.now))
            .filter(|at| *at > self.now);
        lifetimes.chain(self.again_at).chain(read).fold(self.keep_alive_ends(), Timestamp::min)
    }

    /// One and a half times the keep-alive after the client was last heard (MQTT-3.1.2-24).
    pub(super) fn keep_alive_ends(&self) -> Timestamp {
        self.heard.plus_millis(i64::from(self.link.keep_alive) * 1500)
    }

    pub(super) fn ends(&self, after_millis: u128) -> Timestamp {
        self.link.since.plus_millis(i64::try_from(after_millis).unwrap_or(i64::MAX))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.finished {
            self.finish(End::because(DisconnectReason::ServerInitiatedDisconnect, reason::SHUTTING_DOWN));
        }
    }
}
