//! A session: what outlives a single read or write of a connection, and, where it is persistent, the connection itself.
//!
//! Publishers put messages in, the connection that owns the session takes them out; both hold the lock for as long as a
//! few pointers take to move. A whole run of messages goes in under one lock, and the owner is woken only where it sleeps.

mod in_flight;

use crate::effects::Effects;
use crate::limits::Limits;
use crate::message::{Message, Protocol, Qos};
use crate::rate::Bucket;
use crate::rows;
use crate::share::Group;
use crate::tap::DropReason;
use drydock_core::Timestamp;
use in_flight::InFlight;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use tokio::sync::oneshot;

/// The options of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubOptions {
    pub(crate) qos: Qos,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
}

/// A message for one session.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// Its row in the journal; 0 where it has none.
    pub(crate) seq: u64,
    /// Told when the client acknowledges it.
    pub(crate) confirm: Option<Box<oneshot::Sender<()>>>,
}

/// A message that the connection is to write now.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// 0 for QoS 0.
    pub(crate) packet_id: u16,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Never used twice while the process lives.
    pub(crate) id: u64,
    pub(crate) client_id: SmolStr,
    /// A session is resumed with the version of MQTT that it was made with.
    pub(crate) protocol: Protocol,
    /// The `sessionIdentifier` of the lifecycle events.
    pub(crate) identifier: SmolStr,
    online: AtomicBool,
    persistent: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection that may take messages out.
    owner: Option<u64>,
    /// Whether a connection ever owned it, in this run of the broker or an earlier one.
    used: bool,
    ended: bool,
    expiry_seconds: u64,
    waker: Option<Waker>,
    queue: VecDeque<Delivery>,
    queued_bytes: usize,
    /// What waited while nobody was connected: sent at a bounded pace.
    stored: VecDeque<Delivery>,
    in_flight: InFlight,
    subscriptions: BTreeMap<SmolStr, SubOptions>,
    groups: Vec<Arc<Group>>,
    next_seq: u64,
}

/// What limits one [`Session::pull`].
pub(crate) struct PullLimits<'a> {
    pub(crate) now: Timestamp,
    /// Messages that may be unacknowledged at once.
    pub(crate) window: usize,
    /// Stored messages that may be sent now.
    pub(crate) stored: &'a mut Bucket,
    /// Waiting messages of shared groups that may be sent now.
    pub(crate) shared: &'a mut Bucket,
    /// Messages that may be sent now.
    pub(crate) rate: &'a mut Bucket,
    /// Payload bytes to take at most.
    pub(crate) bytes: usize,
    /// How long a message may stay unacknowledged, in milliseconds.
    pub(crate) retry_millis: i64,
}

/// How a [`Session::pull`] ended.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    /// The session belongs to another connection now, or has ended.
    pub(crate) lost: bool,
    /// There is more to take at once.
    pub(crate) more: bool,
    /// When to come again though nobody wakes the connection.
    pub(crate) again_at: Option<Timestamp>,
}

impl Session {
    pub(crate) fn new(
        id: u64,
        client_id: SmolStr,
        protocol: Protocol,
        identifier: SmolStr,
        persistent: bool,
        expiry_seconds: u64,
    ) -> Self {
        let state = State { expiry_seconds, ..State::default() };
        Self {
            id,
            client_id,
            protocol,
            identifier,
            online: AtomicBool::new(false),
            persistent: AtomicBool::new(persistent),
            state: Mutex::new(state),
        }
    }

    /// Whether a connection owns it.
    pub(crate) fn is_online(&self) -> bool {
        self.online.load(Ordering::Relaxed)
    }

    /// Whether it outlives its connection.
    pub(crate) fn is_persistent(&self) -> bool {
        self.persistent.load(Ordering::Relaxed)
    }

    /// Seconds that it lives without a connection.
    pub(crate) fn expiry_seconds(&self) -> u64 {
        self.state.lock().expiry_seconds
    }

    /// Changes how long it lives without a connection; 0 lets it end with the connection.
    pub(crate) fn set_expiry(&self, seconds: u64) {
        self.state.lock().expiry_seconds = seconds;
        self.persistent.store(seconds > 0, Ordering::Relaxed);
    }

    /// Whether a connection ever owned it.
    pub(crate) fn was_used(&self) -> bool {
        self.state.lock().used
    }

    /// Notes that a connection owned it in an earlier run of the broker.
    pub(crate) fn mark_used(&self) {
        self.state.lock().used = true;
    }

    /// Gives the session to a connection. What the one before it had not acknowledged is sent again. Returns the waker of
    /// that one.
    pub(crate) fn attach(&self, connection: u64) -> Option<Waker> {
        let mut state = self.state.lock();
        state.owner = Some(connection);
        state.used = true;
        state.put_back();
        self.online.store(true, Ordering::Relaxed);
        state.waker.take()
    }

    /// Takes the session from a connection, if it is still its owner, and returns that one's waker. Messages of QoS 1 wait
    /// from now on; others go.
    pub(crate) fn detach(&self, connection: u64) -> Option<Waker> {
        let mut state = self.state.lock();
        if state.owner != Some(connection) {
            return None;
        }
        state.owner = None;
        self.online.store(false, Ordering::Relaxed);
        state.put_back();
        let queue = std::mem::take(&mut state.queue);
        state.queued_bytes = 0;
        state.stored.extend(queue.into_iter().filter(|d| d.qos == Qos::AtLeastOnce));
        state.waker.take()
    }

    /// Ends the session: it takes nothing any more. Returns its filters, its groups, and the rows of what waited.
    pub(crate) fn end(&self) -> (Vec<SmolStr>, Vec<Arc<Group>>, Vec<u64>) {
        let mut state = self.state.lock();
        state.ended = true;
        self.online.store(false, Ordering::Relaxed);
        state.put_back();
        let waiting = std::mem::take(&mut state.queue).into_iter().chain(std::mem::take(&mut state.stored));
        let rows = waiting.map(|d| d.seq).filter(|seq| *seq != 0).collect();
        let filters = std::mem::take(&mut state.subscriptions).into_keys().collect();
        (filters, std::mem::take(&mut state.groups), rows)
    }

    /// Notes a subscription; true where it is new, `None` where the session has ended or holds `most` already.
    pub(crate) fn subscribe(&self, filter: &SmolStr, options: SubOptions, most: usize) -> Option<bool> {
        let mut state = self.state.lock();
        let full = state.subscriptions.len() >= most;
        let ended = state.ended;
        match state.subscriptions.get_mut(filter) {
            _ if ended => None,
            Some(known) => {
                *known = options;
                Some(false)
            }
            None if full => None,
            None => {
                state.subscriptions.insert(filter.clone(), options);
                Some(true)
            }
        }
    }

    /// Forgets a subscription; whether there was one.
    pub(crate) fn unsubscribe(&self, filter: &str) -> bool {
        let mut state = self.state.lock();
        state.groups.retain(|g| g.key != filter);
        state.subscriptions.remove(filter).is_some()
    }

    /// Notes a group that the session is a member of.
    pub(crate) fn join(&self, group: &Arc<Group>) {
        let mut state = self.state.lock();
        if !state.groups.iter().any(|g| Arc::ptr_eq(g, group)) {
            state.groups.push(Arc::clone(group));
        }
    }

    /// All subscriptions, by filter.
    pub(crate) fn subscriptions(&self) -> Vec<(SmolStr, SubOptions)> {
        self.state.lock().subscriptions.iter().map(|(f, o)| (f.clone(), *o)).collect()
    }

    /// Puts a run of messages in. Those of QoS 1 for a persistent session get a row in the journal.
    pub(crate) fn offer(&self, run: &[Arc<Message>], options: SubOptions, limits: &Limits, effects: &mut Effects) {
        let waker = {
            let mut state = self.state.lock();
            for message in run {
                let delivery = Delivery {
                    message: Arc::clone(message),
                    qos: message.qos.min(options.qos),
                    retain: options.retain_as_published && message.retain,
                    seq: 0,
                    confirm: None,
                };
                self.put(&mut state, delivery, limits, effects);
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts one message in, whatever the subscriptions. `false` where nobody is connected.
    pub(crate) fn offer_direct(&self, delivery: Delivery, limits: &Limits, effects: &mut Effects) -> bool {
        let waker = {
            let mut state = self.state.lock();
            if state.owner.is_none() || state.ended {
                return false;
            }
            self.put(&mut state, delivery, limits, effects);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn put(&self, state: &mut State, mut delivery: Delivery, limits: &Limits, effects: &mut Effects) {
        let persistent = self.is_persistent();
        if state.ended {
            return;
        }
        let online = state.owner.is_some();
        if !online && (!persistent || delivery.qos == Qos::AtMostOnce) {
            return;
        }
        let bytes = delivery.message.payload.len();
        let waiting = state.queue.len() + state.stored.len();
        let full = waiting as u64 >= limits.queue_messages
            || (online && (state.queued_bytes + bytes) as u64 > limits.queue_bytes && !state.queue.is_empty());
        if full {
            effects.dropped(&self.client_id, &delivery.message.topic, DropReason::QueueFull);
            return;
        }
        if persistent && delivery.qos == Qos::AtLeastOnce && effects.is_journaled() {
            state.next_seq += 1;
            delivery.seq = state.next_seq;
            effects.write(rows::put_queued(&self.client_id, &delivery));
        }
        if online {
            state.queued_bytes += bytes;
            state.queue.push_back(delivery);
        } else {
            state.stored.push_back(delivery);
        }
    }

    /// Puts a message back that was waiting when the broker stopped.
    pub(crate) fn restore(&self, delivery: Delivery) {
        let mut state = self.state.lock();
        state.next_seq = state.next_seq.max(delivery.seq);
        state.stored.push_back(delivery);
    }

    /// Takes acknowledgements in and messages out, for the connection that owns the session; where nothing is left to
    /// take, `waker` is kept for the next message.
    pub(crate) fn pull(
        &self,
        connection: u64,
        acks: &mut Vec<u16>,
        mut limits: PullLimits<'_>,
        waker: &Waker,
        out: &mut Vec<Outgoing>,
        effects: &mut Effects,
    ) -> Pulled {
        let mut pulled = Pulled::default();
        let mut state = self.state.lock();
        if state.owner != Some(connection) || state.ended {
            pulled.lost = true;
            return pulled;
        }
        for id in acks.drain(..) {
            if let Some(delivery) = state.in_flight.acknowledge(id) {
                effects.unqueue(&self.client_id, delivery.seq);
                if let Some(confirm) = delivery.confirm {
                    let _ = confirm.send(());
                }
            }
        }
        while let Some(delivery) = state.in_flight.overdue(limits.now, limits.retry_millis) {
            effects.dropped(&self.client_id, &delivery.message.topic, DropReason::RetriesExceeded);
            effects.unqueue(&self.client_id, delivery.seq);
        }
        state.take_live(self, &mut limits, out, &mut pulled, effects);
        state.take_stored(self, &mut limits, out, &mut pulled, effects);
        let group_waits = state.take_shared(self, &mut limits, out, &mut pulled, effects);
        if group_waits {
            pulled.soonest(limits.shared.next_at(limits.now));
        }
        if let Some(at) = state.in_flight.oldest() {
            pulled.soonest(at.plus_millis(limits.retry_millis));
        }
        if !pulled.more {
            state.waker = Some(waker.clone());
        }
        pulled
    }

    /// How many messages wait, in flight aside.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.queue.len() + state.stored.len()
    }

    /// Wakes the connection that owns it, to look at what else changed.
    pub(crate) fn wake(&self) {
        let waker = self.state.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Pulled {
    fn soonest(&mut self, at: Timestamp) {
        self.again_at = Some(self.again_at.map_or(at, |known| known.min(at)));
    }
}

impl State {
    /// Moves what was not acknowledged to the front of what waits, in order.
    fn put_back(&mut self) {
        for delivery in self.in_flight.take_back() {
            self.stored.push_front(delivery);
        }
    }

    fn take_live(
        &mut self,
        session: &Session,
        limits: &mut PullLimits<'_>,
        out: &mut Vec<Outgoing>,
        pulled: &mut Pulled,
        effects: &mut Effects,
    ) {
        let mut bytes = 0;
        while let Some(next) = self.queue.front() {
            if bytes >= limits.bytes {
                pulled.more = true;
                return;
            }
            let (qos, size) = (next.qos, next.message.payload.len());
            let expired = next.message.is_expired(limits.now);
            if !expired && qos == Qos::AtLeastOnce && self.in_flight.len() >= limits.window {
                return;
            }
            if !expired && !limits.rate.take(limits.now) {
                if qos == Qos::AtLeastOnce {
                    pulled.soonest(limits.rate.next_at(limits.now));
                    return;
                }
                self.queued_bytes -= size;
                if let Some(delivery) = self.queue.pop_front() {
                    effects.dropped(&session.client_id, &delivery.message.topic, DropReason::Throttled);
                }
                continue;
            }
            self.queued_bytes -= size;
            bytes += size + 32;
            if let Some(delivery) = self.queue.pop_front() {
                self.send(session, delivery, limits.now, out, effects);
            }
        }
    }

    fn take_stored(
        &mut self,
        session: &Session,
        limits: &mut PullLimits<'_>,
        out: &mut Vec<Outgoing>,
        pulled: &mut Pulled,
        effects: &mut Effects,
    ) {
        while let Some(next) = self.stored.front() {
            if !next.message.is_expired(limits.now) {
                if self.in_flight.len() >= limits.window {
                    return;
                }
                if !limits.stored.take(limits.now) {
                    pulled.soonest(limits.stored.next_at(limits.now));
                    return;
                }
            }
            if let Some(delivery) = self.stored.pop_front() {
                self.send(session, delivery, limits.now, out, effects);
            }
        }
    }

    /// Whether messages are left in a group for want of tokens.
    fn take_shared(
        &mut self,
        session: &Session,
        limits: &mut PullLimits<'_>,
        out: &mut Vec<Outgoing>,
        pulled: &mut Pulled,
        effects: &mut Effects,
    ) -> bool {
        for group in self.groups.clone() {
            while group.has_waiting() {
                if self.in_flight.len() >= limits.window {
                    return false;
                }
                if !limits.shared.take(limits.now) {
                    return true;
                }
                let (next, expired) = group.next(limits.now);
                for seq in expired.into_iter().chain(next.as_ref().map(|w| w.seq)) {
                    effects.write(rows::delete_shared(&group.key, seq));
                }
                let Some(waiting) = next else { break };
                let qos = self.subscriptions.get(&group.key).map_or(Qos::AtMostOnce, |o| o.qos);
                let message = waiting.message;
                let mut delivery =
                    Delivery { qos: qos.min(message.qos), message, retain: false, seq: 0, confirm: None };
                if session.is_persistent() && delivery.qos == Qos::AtLeastOnce && effects.is_journaled() {
                    self.next_seq += 1;
                    delivery.seq = self.next_seq;
                    effects.write(rows::put_queued(&session.client_id, &delivery));
                }
                self.send(session, delivery, limits.now, out, effects);
            }
        }
        let _ = pulled;
        false
    }

    fn send(
        &mut self,
        session: &Session,
        delivery: Delivery,
        now: Timestamp,
        out: &mut Vec<Outgoing>,
        effects: &mut Effects,
    ) {
        if delivery.message.is_expired(now) {
            effects.dropped(&session.client_id, &delivery.message.topic, DropReason::Expired);
            effects.unqueue(&session.client_id, delivery.seq);
            return;
        }
        let (message, qos, retain) = (Arc::clone(&delivery.message), delivery.qos, delivery.retain);
        let packet_id = if qos == Qos::AtLeastOnce { self.in_flight.add(delivery, now) } else { 0 };
        out.push(Outgoing { message, qos, retain, packet_id });
    }
}
