//! Who holds which client id.
//!
//! A slot lives as long as its client has a connection or a session, and a while longer for what the lifecycle events and
//! the connection API still tell of it. A connection ends exactly once, whoever ends it: its own task, another connection
//! with the same client id, or the API; whoever comes first publishes the events.

use crate::gate::{Lifetime, Peer, SessionGate};
use crate::message::Protocol;
use crate::session::Session;
use crate::usage::LinkUsage;
use crate::will::PendingWill;
use drydock_core::Timestamp;
use drydock_core::event::{ClientIdentity, DisconnectReason};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;

/// What the rest of the broker knows of a connection.
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) identity: Arc<ClientIdentity>,
    /// `versionNumber` of the lifecycle events.
    pub(crate) version: u64,
    pub(crate) protocol: Protocol,
    pub(crate) peer: Arc<Peer>,
    pub(crate) gate: Arc<dyn SessionGate>,
    /// Seconds, after AWS's bounds.
    pub(crate) keep_alive: u16,
    /// Whether the client asked for a session that ends with the connection.
    pub(crate) clean: bool,
    pub(crate) since: Timestamp,
    pub(crate) session: Arc<Session>,
    pub(crate) will: Mutex<Option<PendingWill>>,
    pub(crate) lifetimes: Vec<Lifetime>,
    /// What is counted of it.
    pub(crate) usage: LinkUsage,
    /// MQTT 5's reason code for the DISCONNECT, once the connection has been ended by others; 0 until then.
    kicked: AtomicU8,
    /// The connection's task.
    waker: Mutex<Option<Waker>>,
}

/// The parts of a [`Link`] that its maker chooses.
pub(crate) struct LinkParts {
    pub(crate) id: u64,
    pub(crate) identity: Arc<ClientIdentity>,
    pub(crate) version: u64,
    pub(crate) protocol: Protocol,
    pub(crate) peer: Arc<Peer>,
    pub(crate) gate: Arc<dyn SessionGate>,
    pub(crate) keep_alive: u16,
    pub(crate) clean: bool,
    pub(crate) since: Timestamp,
    pub(crate) session: Arc<Session>,
    pub(crate) will: Option<PendingWill>,
    pub(crate) lifetimes: Vec<Lifetime>,
}

impl Link {
    pub(crate) fn new(parts: LinkParts) -> Self {
        let LinkParts {
            id,
            identity,
            version,
            protocol,
            peer,
            gate,
            keep_alive,
            clean,
            since,
            session,
            will,
            lifetimes,
        } = parts;
        Self {
            id,
            identity,
            version,
            protocol,
            peer,
            gate,
            keep_alive,
            clean,
            since,
            session,
            will: Mutex::new(will),
            lifetimes,
            usage: LinkUsage::default(),
            kicked: AtomicU8::new(0),
            waker: Mutex::new(None),
        }
    }

    /// Tells the connection's task that others have ended the connection, and the code for its DISCONNECT.
    pub(crate) fn kick(&self, code: u8) {
        self.kicked.store(code, Ordering::Release);
        self.wake();
    }

    /// The code, once the connection has been ended by others.
    pub(crate) fn kicked(&self) -> Option<u8> {
        Some(self.kicked.load(Ordering::Acquire)).filter(|code| *code != 0)
    }

    /// Notes the connection's task.
    pub(crate) fn set_waker(&self, waker: Waker) {
        *self.waker.lock() = Some(waker);
    }

    /// Wakes the connection's task, whatever it waits for.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.lock().as_ref() {
            waker.wake_by_ref();
        }
    }
}

/// A connection, present or past, as `GetConnection` describes it.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// Who it is or was.
    pub identity: Arc<ClientIdentity>,
    /// Where from, and to which of our addresses; without its credential once the connection is gone.
    pub peer: Arc<Peer>,
    /// Its MQTT version.
    pub protocol: Protocol,
    /// `versionNumber` of its lifecycle events.
    pub version: u64,
    /// Whether it is there.
    pub connected: bool,
    /// Whether its session ends or ended with it.
    pub clean_session: bool,
    /// Seconds that its session lives without it.
    pub session_expiry: u64,
    /// Seconds, after AWS's bounds.
    pub keep_alive: u16,
    /// When it came.
    pub connected_since: Timestamp,
    /// When and why it went.
    pub disconnected: Option<(Timestamp, DisconnectReason)>,
    /// Messages that wait for it.
    pub waiting: usize,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) reason: DisconnectReason,
    /// Whether its will is published.
    pub(crate) will: bool,
    /// Whether its session ends though it is persistent.
    pub(crate) drop_session: bool,
}

/// A connection that is no more: what can still be asked about it, without its credential and its rights.
#[derive(Clone)]
pub(crate) struct Gone {
    pub(crate) about: ConnectionInfo,
    pub(crate) session: Arc<Session>,
}

/// One client id.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) next_version: u64,
    pub(crate) live: Option<Arc<Link>>,
    /// The session, where it is persistent or its client connected.
    pub(crate) session: Option<Arc<Session>>,
    /// When the session was left; meaningful where nobody is connected.
    pub(crate) left_at: Timestamp,
    pub(crate) gone: Option<Gone>,
    pub(crate) connected_at: Timestamp,
}

/// All client ids.
#[derive(Default)]
pub(crate) struct Slots {
    pub(crate) by_client: HashMap<SmolStr, Slot>,
    /// When to look at a slot that nobody is connected to.
    pub(crate) due: BTreeSet<(Timestamp, SmolStr)>,
    pub(crate) live: usize,
}

impl Slot {
    /// When the session ends for want of a connection.
    pub(crate) fn session_ends(&self) -> Option<Timestamp> {
        let session = self.session.as_ref().filter(|_| self.live.is_none())?;
        let millis = i64::try_from(session.expiry_seconds()).unwrap_or(i64::MAX).saturating_mul(1000);
        Some(self.left_at.plus_millis(millis))
    }
}
