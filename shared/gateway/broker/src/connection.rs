//! One connection, from its CONNECT to its close: one task, which reads, does and writes.

mod handshake;
mod input;
mod output;
mod publish;
mod subscribe;
mod topics;
mod wire;

pub(crate) use publish::check_properties;
pub use wire::ClientClosed;

use crate::broker::Inner;
use crate::effects::Effects;
use crate::gate::Peer;
use crate::index::MatchSet;
use crate::journal::Commit;
use crate::message::{Message, Protocol};
use crate::packet::reason;
use crate::rate::Bucket;
use crate::session::{Outgoing, Session};
use crate::slots::{Ending, Link};
use drydock_core::Timestamp;
use drydock_core::event::DisconnectReason;
use drydock_timers::{Alarm, Work};
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use tokio::io::{AsyncRead, AsyncWrite};
use topics::{Receives, Topics};

/// Runs a connection.
pub(crate) async fn run<S>(inner: Arc<Inner>, mut stream: S, peer: Arc<Peer>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    // The handshake's future is large and short-lived: it is not to be part of every idle connection.
    let greeted = Box::pin(handshake::greet(&inner, &mut stream, &peer)).await;
    let Some(mut connection) = greeted else {
        wire::close(&mut stream).await;
        return;
    };
    let end = wire::drive(&mut stream, &mut connection).await;
    connection.finish(end);
    wire::farewell(&mut stream, &mut connection, end).await;
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    reason: DisconnectReason,
    will: bool,
    /// MQTT 5's reason code for a DISCONNECT; `None` where the client gets none.
    code: Option<u8>,
}

impl End {
    /// The client did something that it must not.
    fn client_error(code: u8) -> Self {
        Self { reason: DisconnectReason::ClientError, will: true, code: Some(code) }
    }

    /// The stream broke.
    fn lost() -> Self {
        Self { reason: DisconnectReason::ConnectionLost, will: true, code: None }
    }

    fn because(reason: DisconnectReason, code: u8) -> Self {
        Self { reason, will: true, code: Some(code) }
    }
}

/// Answers that wait for a commit.
struct Held {
    commit: Commit,
    answers: Vec<u8>,
    /// How many messages of QoS 1 they answer.
    publishes: u64,
    /// Whether messages wait behind them.
    first: bool,
}

/// A connection's state; everything that is not the stream itself.
pub(crate) struct Connection {
    inner: Arc<Inner>,
    link: Arc<Link>,
    session: Arc<Session>,
    protocol: Protocol,
    finished: bool,
    /// The time of the present step.
    now: Timestamp,
    /// When the client last sent something.
    heard: Timestamp,
    /// The start of a packet whose rest has not arrived.
    partial: Vec<u8>,
    /// What is to be written, from `written` on.
    out: Vec<u8>,
    written: usize,
    flush: bool,
    /// When something was last written.
    wrote_at: Timestamp,
    /// Whether others were let go first since the connection last slept.
    waited: bool,
    /// Answers to the packets of the present read.
    answers: Vec<u8>,
    /// Whether one of `answers` comes before all messages, as a SUBACK does.
    answers_first: bool,
    /// Answers that wait for what they acknowledge to be durable, in their order.
    held: VecDeque<Held>,
    /// Whether the CONNACK is on its way; nothing else may be before (MQTT-3.2.0-1, MQTT-3.14.0-1).
    greeted: bool,
    /// PUBLISHes of QoS 1 in the present read.
    unanswered: u64,
    /// Messages taken in and not counted yet.
    received: u64,
    /// Acknowledgements of the client that the session has not been told of.
    acks: Vec<u16>,
    /// Messages in a row for the same sessions, not handed over yet.
    run: Vec<Arc<Message>>,
    run_targets: Option<Arc<MatchSet>>,
    /// Messages taken from the session, on their way to `out`.
    staged: Vec<Outgoing>,
    effects: Effects,
    topics: Topics,
    receives: Receives,
    /// Topics by alias, the first under 1.
    aliases: Vec<Option<SmolStr>>,
    rate: Bucket,
    bytes: Bucket,
    stored: Bucket,
    shared: Bucket,
    /// The most that may be unacknowledged by the client.
    window: usize,
    /// The most that the client takes in one packet.
    max_packet: usize,
    /// When to look at the session again, though nobody wakes us.
    again_at: Option<Timestamp>,
    alarm: Alarm,
    /// That the alarm has woken the connection and what was due is being done.
    woken: Option<Work>,
    /// The waker that the link knows.
    waker: Option<Waker>,
}

impl Connection {
    fn new(inner: Arc<Inner>, link: Arc<Link>, now: Timestamp) -> Self {
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
    fn finish(&mut self, end: End) {
        self.finished = true;
        self.inner.finish(&self.link, Ending { reason: end.reason, will: end.will, drop_session: false });
        // Nothing is due any more: an advance of the clock does not wait for the goodbye.
        self.alarm = Alarm::default();
        self.woken = None;
    }

    /// Whether the connection has ended by others' doing, or its time is over.
    fn check(&mut self, waker: &Waker) -> Option<End> {
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
    fn check_keep_alive(&self) -> Option<End> {
        (self.now >= self.keep_alive_ends())
            .then(|| End::because(DisconnectReason::MqttKeepAliveTimeout, reason::KEEP_ALIVE_TIMEOUT))
    }

    /// When [`Connection::check`] or the session have to be looked at next.
    fn next_time(&self) -> Timestamp {
        let lifetimes = self.link.lifetimes.iter().map(|l| self.ends(l.after.as_millis()));
        let read = (!self.partial.is_empty() || self.bytes.next_at(self.now) > self.now)
            .then(|| self.bytes.next_at(self.now))
            .filter(|at| *at > self.now);
        lifetimes.chain(self.again_at).chain(read).fold(self.keep_alive_ends(), Timestamp::min)
    }

    /// One and a half times the keep-alive after the client was last heard (MQTT-3.1.2-24).
    fn keep_alive_ends(&self) -> Timestamp {
        self.heard.plus_millis(i64::from(self.link.keep_alive) * 1500)
    }

    fn ends(&self, after_millis: u128) -> Timestamp {
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
