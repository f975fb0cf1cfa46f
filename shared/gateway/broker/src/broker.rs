//! The handle to a broker, and what the parts of it share.

pub(crate) mod attach;
mod clear;
mod deliver;
pub(crate) mod inner;
pub(crate) mod publish;
mod restore;
pub(crate) mod snapshot;

use crate::account::Account;
use crate::connection;
use crate::counters::Counters;
use crate::gate::{Gate, Peer};
use crate::happening::Watch;
use crate::index::Index;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::message::{Message, Qos};
use crate::packet::reason;
use crate::retained::Retention;
use crate::session::Delivery;
use crate::slots::{Ending, Link};
use crate::tap::Tap;
use crate::topic::is_topic;
use crate::usage::{ClientUsage, Meter};
use async_trait::async_trait;
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{Ids, Timestamp};
use drydock_timers::{Due, Timers};
use inner::Inner;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};

/// What a broker is made with.
#[derive(Default)]
pub struct Config {
    /// What it allows.
    pub limits: Limits,
    /// Where retained messages and persistent sessions are kept; `None` keeps them in memory only.
    pub journal: Option<Arc<dyn Journal>>,
    /// Whether [`Tap::happened`] is told.
    pub watch: Watch,
}

/// A message broker; cheap to clone.
#[derive(Clone)]
pub struct Broker {
    pub(crate) inner: Arc<Inner>,
}

/// How [`Broker::disconnect`] treats what a connection leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisconnectOptions {
    /// Whether a persistent session ends too.
    pub clean_session: bool,
    /// Whether the will is not published.
    pub prevent_will: bool,
}

/// The client is not connected and has no persistent session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("client `{0}` is not connected and has no persistent session")]
pub struct UnknownClient(pub SmolStr);

/// Why a direct message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectError {
    /// The client is not connected.
    #[error("client `{0}` is not connected")]
    NotConnected(SmolStr),
    /// The client lacks `iot:Receive` on the topic.
    #[error("client `{0}` is not allowed to receive on topic `{1}`: its policies lack iot:Receive")]
    NotAuthorized(SmolStr, SmolStr),
    /// The payload is too large.
    #[error("the payload has {0} bytes; the limit is {1}")]
    TooLarge(usize, u64),
    /// The topic is not of a valid form.
    #[error("topic `{0}` is not valid: it must be 1 to 256 bytes with at most 7 slashes and no wildcard")]
    InvalidTopic(SmolStr),
    /// The client has not acknowledged as many messages as it may.
    #[error("client `{0}` has {1} messages to acknowledge, and may not have more")]
    Unacknowledged(SmolStr, u64),
}

impl Broker {
    /// A broker without connections. Rows of an earlier run are given to [`Broker::load`] before the first connection.
    pub fn new(config: Config, timers: Timers, ids: Arc<dyn Ids>, gate: Arc<dyn Gate>, tap: Arc<dyn Tap>) -> Self {
        let mut seed = [0; 8];
        ids.fill(&mut seed);
        Self {
            inner: Arc::new(Inner {
                account: Account::new(&config.limits, timers.now()),
                cut_short: Mutex::default(),
                limits: config.limits,
                ends: timers.reminder("MQTT session expiry"),
                timers,
                ids,
                gate,
                tap,
                journal: config.journal,
                watch: config.watch,
                meter: Meter::default(),
                index: Index::default(),
                groups: Mutex::default(),
                retained: Retention::default(),
                slots: Mutex::default(),
                counters: Counters::default(),
                next_id: AtomicU64::new(1),
                random: AtomicU64::new(u64::from_le_bytes(seed) | 1),
                closing: AtomicBool::new(false),
                closes: Notify::new(),
                clears: AtomicU64::new(0),
                closed: Notify::new(),
                open: AtomicU64::new(0),
            }),
        }
    }

    /// Runs one MQTT connection on a stream, from its CONNECT to its close. Whatever the client sends ends at most this
    /// connection. Dropping the future ends the connection as the server's doing.
    pub fn serve<S>(&self, stream: S, peer: Peer) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let inner = Arc::clone(&self.inner);
        // On the heap: a TLS stream is large, and each of the futures around it would hold a copy's worth of room for it.
        let stream = Box::new(stream);
        async move {
            inner.open.fetch_add(1, Ordering::Relaxed);
            let _open = Open(&inner);
            connection::run(Arc::clone(&inner), stream, Arc::new(peer)).await;
        }
    }

    /// Begins counting what clients do, or ends it.
    pub fn count_usage(&self, on: bool) {
        self.inner.meter.set(on);
    }

    /// What clients have done since this was last asked, or counting began; nothing where nothing is counted. A message that is let
    /// in at this very moment may be counted now or next time.
    #[must_use]
    pub fn take_usage(&self) -> Vec<ClientUsage> {
        let links = self.inner.links();
        self.inner.meter.take(links.iter().map(|link| (&link.identity, &link.usage)))
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Sends a message to one connected client, which needs no subscription. The receiver resolves when the client has
    /// acknowledged, and fails where it never will; a message of QoS 0 has none.
    ///
    /// With `check_receive` the client's `iot:Receive` on the topic is asked for first (API `SendDirectMessage`).
    ///
    /// # Errors
    /// [`DirectError`].
    pub fn send_direct(
        &self,
        client_id: &str,
        message: Message,
        check_receive: bool,
    ) -> Result<Option<oneshot::Receiver<()>>, DirectError> {
        let link = self.inner.link(client_id).ok_or_else(|| DirectError::NotConnected(client_id.into()))?;
        self.send_over(&link, message, check_receive, self.inner.limits.payload_bytes)
    }

    /// The same to the very connection that has this identity, as [`Inbound::client`](crate::Inbound::client) names it: another
    /// one of the same client id does not get it. It may be twice as large as what clients publish: a block of a file of 128 KB
    /// is one answer, in base64.
    ///
    /// # Errors
    /// [`DirectError`]; [`DirectError::NotConnected`] where that connection has ended.
    pub fn answer(
        &self,
        to: &Arc<ClientIdentity>,
        message: Message,
        check_receive: bool,
    ) -> Result<Option<oneshot::Receiver<()>>, DirectError> {
        let link = self.inner.link(&to.client_id).filter(|link| Arc::ptr_eq(&link.identity, to));
        let link = link.ok_or_else(|| DirectError::NotConnected(to.client_id.clone()))?;
        self.send_over(&link, message, check_receive, 2 * self.inner.limits.payload_bytes)
    }

    fn send_over(
        &self,
        link: &Arc<Link>,
        message: Message,
        check_receive: bool,
        most: u64,
    ) -> Result<Option<oneshot::Receiver<()>>, DirectError> {
        let (inner, client_id) = (&self.inner, &link.identity.client_id);
        let size = message.payload.len();
        if size as u64 > most {
            return Err(DirectError::TooLarge(size, most));
        }
        if !is_topic(&message.topic, &inner.limits) {
            return Err(DirectError::InvalidTopic(message.topic));
        }
        if check_receive && !link.gate.receive(&message.topic) {
            return Err(DirectError::NotAuthorized(client_id.clone(), message.topic));
        }
        let qos = message.qos;
        let most = inner.limits.outbound_in_flight;
        if qos == Qos::AtLeastOnce && link.session.unacknowledged() as u64 >= most {
            return Err(DirectError::Unacknowledged(client_id.clone(), most));
        }
        let (confirm, receiver) = if qos == Qos::AtLeastOnce {
            let (sender, receiver) = oneshot::channel();
            (Some(Box::new(sender)), Some(receiver))
        } else {
            (None, None)
        };
        let mut effects = inner.effects();
        let delivery = Delivery { confirm, ..Delivery::new(Arc::new(message), qos) };
        let sent = link.session.offer_direct(delivery, link.id, &inner.limits, &mut effects);
        drop(inner.settle(&mut effects));
        if sent { Ok(receiver) } else { Err(DirectError::NotConnected(client_id.clone())) }
    }

    /// Ends a client's connection (API `DeleteConnection`): MQTT 5 clients get 0x98, the event says
    /// `API_INITIATED_DISCONNECT`.
    ///
    /// # Errors
    /// [`UnknownClient`] where there is neither a connection nor a persistent session.
    pub fn disconnect(&self, client_id: &str, options: DisconnectOptions) -> Result<(), UnknownClient> {
        let ending = Ending {
            reason: DisconnectReason::ApiInitiatedDisconnect,
            will: !options.prevent_will,
            drop_session: options.clean_session,
        };
        if let Some(link) = self.inner.link(client_id) {
            self.inner.cut(&link, ending, reason::ADMINISTRATIVE);
            return Ok(());
        }
        let known = {
            let mut slots = self.inner.slots.lock();
            let slot = slots.by_client.get_mut(client_id);
            slot.and_then(|s| if options.clean_session { s.session.take() } else { s.session.clone() })
        };
        let session = known.ok_or_else(|| UnknownClient(client_id.into()))?;
        if options.clean_session {
            self.inner.end_session(&session);
        }
        Ok(())
    }

    /// Ends every connection whose identity a predicate names, for example because its certificate is no longer active.
    /// MQTT 5 clients get 0x87 where the reason is `AUTH_ERROR` or `FORBIDDEN_ACCESS`, 0x98 otherwise. Returns how many.
    pub fn disconnect_where(&self, predicate: impl Fn(&ClientIdentity) -> bool, reason: DisconnectReason) -> usize {
        let links = self.inner.links();
        let hit: Vec<_> = links.into_iter().filter(|l| predicate(&l.identity)).collect();
        let code = match reason {
            DisconnectReason::AuthError | DisconnectReason::ForbiddenAccess => reason::NOT_AUTHORIZED,
            _ => reason::ADMINISTRATIVE,
        };
        for link in &hit {
            self.inner.cut(link, Ending { reason, will: true, drop_session: false }, code);
        }
        hit.len()
    }

    /// Ends every connection that relies on a credential, such as a certificate's id, whoever its principal is. MQTT 5 clients
    /// get 0x87. Returns how many.
    pub fn disconnect_relying_on(&self, credential: &str, reason: DisconnectReason) -> usize {
        let relies = |link: &Arc<Link>| link.identity.principal == credential || link.gate.relies_on(credential);
        let hit: Vec<_> = self.inner.links().into_iter().filter(relies).collect();
        for link in &hit {
            self.inner.cut(link, Ending { reason, will: true, drop_session: false }, reason::NOT_AUTHORIZED);
        }
        hit.len()
    }

    /// Ends every connection (MQTT 5 clients get 0x8B), takes no new one, and returns when all streams are closed or the
    /// time is over.
    pub async fn shutdown(&self, at_most: Duration) {
        self.inner.closing.store(true, Ordering::Release);
        self.inner.closes.notify_waiters();
        let ending = Ending { reason: DisconnectReason::ServerInitiatedDisconnect, will: true, drop_session: false };
        for link in self.inner.links() {
            self.inner.cut(&link, ending, reason::SHUTTING_DOWN);
        }
        let all_closed = async {
            loop {
                let closed = self.inner.closed.notified();
                if self.inner.open.load(Ordering::Acquire) == 0 {
                    return;
                }
                closed.await;
            }
        };
        let _ = tokio::time::timeout(at_most, all_closed).await;
    }

    /// Ends what is past its time (sessions, retained messages, records of old connections) when it is due, for ever.
    pub async fn maintain(&self) {
        self.inner.ends.clone().run(Arc::new(self.clone())).await;
    }

    /// Ends what is past its time now, and lets those who wait for a time look at the clock, after the one that the gateway's
    /// follows was moved.
    pub fn clock_moved(&self) {
        self.inner.timers.look_again();
        self.inner.sweep();
    }
}

#[async_trait]
impl Due for Broker {
    async fn due(&self, _now: Timestamp) -> Option<Timestamp> {
        self.inner.sweep()
    }
}

/// Counts an open stream down when its future ends, however it ends.
struct Open<'a>(&'a Inner);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Release);
        self.0.closed.notify_waiters();
    }
}
