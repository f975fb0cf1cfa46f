//! A session: what outlives a single read or write of a connection, and, where it is persistent, the connection itself.
//!
//! Publishers put messages in, the connection that owns the session takes them out; both hold the lock for as long as a
//! few pointers take to move. A whole run of messages goes in under one lock, and the owner is woken only where it sleeps.

mod in_flight;
mod outgoing;

use crate::dropped::DropReason;
use crate::limits::Limits;
use crate::message::{Message, Protocol, Qos};
use crate::rate::Bucket;
use crate::share::{self, Member};
use crate::subscription::SubOptions;
use crate::{delivery, effects};
use bytes::Bytes;
use drydock_core::Timestamp;
use in_flight::InFlight;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::Waker;

/// A message for one session.
pub(crate) type Delivery = delivery::Delivery<Session>;
/// What a step leaves to be done for sessions.
pub(crate) type Effects = effects::Effects<Session>;
/// A group of sessions.
pub(crate) type Group = share::Group<Session>;

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
    /// Who it was made for.
    pub(crate) principal: SmolStr,
    /// A session is resumed with the version of MQTT that it was made with.
    pub(crate) protocol: Protocol,
    /// The `sessionIdentifier` of the lifecycle events.
    pub(crate) identifier: SmolStr,
    online: AtomicBool,
    persistent: AtomicBool,
    /// Whether it has rows in the journal.
    saved: AtomicBool,
    /// Until then its connection is over its rate, in milliseconds.
    throttled_until: AtomicI64,
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
    /// The owner's task, to be woken where `asleep`.
    waker: Option<Waker>,
    asleep: bool,
    queue: VecDeque<Delivery>,
    /// What waited while nobody was connected: sent at a bounded pace.
    stored: VecDeque<Delivery>,
    /// Payload bytes in both.
    waiting_bytes: usize,
    in_flight: InFlight<Session>,
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
    /// How long until a message that stays unacknowledged is written again, in milliseconds.
    pub(crate) again_millis: i64,
}

/// What a session leaves when it ends.
pub(crate) struct Left {
    pub(crate) filters: Vec<SmolStr>,
    /// The rows of what waited.
    pub(crate) rows: Vec<u64>,
    /// Messages of QoS 1 that groups had chosen the session for, oldest first.
    pub(crate) shared: Vec<(Arc<Group>, Arc<Message>)>,
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

impl Member for Session {
    fn id(&self) -> u64 {
        self.id
    }

    fn client_id(&self) -> &SmolStr {
        &self.client_id
    }

    fn is_online(&self) -> bool {
        self.online.load(Ordering::Relaxed)
    }

    fn is_throttled(&self, now: Timestamp) -> bool {
        self.throttled_until.load(Ordering::Relaxed) > now.millis()
    }

    fn is_persistent(&self) -> bool {
        self.persistent.load(Ordering::Relaxed)
    }
}

impl Session {
    pub(crate) fn new(
        id: u64,
        client_id: SmolStr,
        principal: SmolStr,
        protocol: Protocol,
        identifier: SmolStr,
        persistent: bool,
        expiry_seconds: u64,
    ) -> Self {
        // Numbers of rows are not those of an earlier session of the client, whose rows may still be on their way out.
        let state = State { expiry_seconds, next_seq: id << 32, ..State::default() };
        Self {
            id,
            client_id,
            principal,
            protocol,
            identifier,
            online: AtomicBool::new(false),
            persistent: AtomicBool::new(persistent),
            saved: AtomicBool::new(false),
            throttled_until: AtomicI64::new(0),
            state: Mutex::new(state),
        }
    }

    /// Notes until when its connection is over its rate.
    pub(crate) fn throttle_until(&self, at: Timestamp) {
        self.throttled_until.store(at.millis(), Ordering::Relaxed);
    }

    /// Wakes its connection, for what waits elsewhere.
    pub(crate) fn nudge(&self) {
        let waker = self.state.lock().wake_up();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it takes nothing any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Whether it has rows in the journal, which its end has to delete.
    pub(crate) fn is_saved(&self) -> bool {
        self.saved.load(Ordering::Relaxed)
    }

    /// Notes that it has rows in the journal.
    pub(crate) fn mark_saved(&self) {
        self.saved.store(true, Ordering::Relaxed);
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

    /// Gives the session to a connection. What the one before it had not acknowledged is sent again.
    pub(crate) fn attach(&self, connection: u64) {
        let mut state = self.state.lock();
        state.owner = Some(connection);
        state.used = true;
        state.put_back();
        self.online.store(true, Ordering::Relaxed);
        state.asleep = false;
        state.waker = None;
    }

    /// Takes the session from a connection, if it is still its owner. Messages of QoS 1 wait from now on; others go.
    pub(crate) fn detach(&self, connection: u64) {
        let mut state = self.state.lock();
        if state.owner != Some(connection) {
            return;
        }
        state.owner = None;
        state.asleep = false;
        state.waker = None;
        self.online.store(false, Ordering::Relaxed);
        state.put_back();
        for delivery in std::mem::take(&mut state.queue) {
            // A direct message is for this connection: it does not wait for the next.
            if delivery.qos == Qos::AtLeastOnce && delivery.confirm.is_none() {
                state.stored.push_back(delivery);
            } else {
                state.waiting_bytes -= delivery.message.payload.len();
            }
        }
    }

    /// Ends the session: it takes nothing any more.
    pub(crate) fn end(&self) -> Left {
        let mut state = self.state.lock();
        state.ended = true;
        self.online.store(false, Ordering::Relaxed);
        state.put_back();
        let mut left = Left { filters: Vec::new(), rows: Vec::new(), shared: Vec::new() };
        let stored = std::mem::take(&mut state.stored);
        for delivery in stored.into_iter().chain(std::mem::take(&mut state.queue)) {
            if delivery.seq != 0 {
                left.rows.push(delivery.seq);
            }
            if let Some(group) = delivery.group.filter(|_| delivery.qos == Qos::AtLeastOnce) {
                left.shared.push((group, delivery.message));
            }
        }
        left.filters = std::mem::take(&mut state.subscriptions).into_keys().collect();
        state.groups.clear();
        left
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
    pub(crate) fn offer(
        self: &Arc<Self>,
        run: &[Arc<Message>],
        options: SubOptions,
        group: Option<&Arc<Group>>,
        limits: &Limits,
        effects: &mut Effects,
    ) {
        let waker = {
            let mut state = self.state.lock();
            for message in run {
                let delivery = Delivery {
                    retain: options.retain_as_published && message.retain,
                    group: group.cloned(),
                    ..Delivery::new(Arc::clone(message), message.qos.min(options.qos))
                };
                self.put(&mut state, delivery, limits, effects);
            }
            state.wake_up()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts one message in for the connection that owns it, whatever the subscriptions. `false` where that is another by now,
    /// or none.
    pub(crate) fn offer_direct(
        self: &Arc<Self>,
        delivery: Delivery,
        connection: u64,
        limits: &Limits,
        effects: &mut Effects,
    ) -> bool {
        let waker = {
            let mut state = self.state.lock();
            if state.owner != Some(connection) || state.ended {
                return false;
            }
            self.put(&mut state, delivery, limits, effects);
            state.wake_up()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn put(self: &Arc<Self>, state: &mut State, mut delivery: Delivery, limits: &Limits, effects: &mut Effects) {
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
            || (waiting > 0 && (state.waiting_bytes + bytes) as u64 > limits.queue_bytes);
        if full {
            effects.dropped(&self.client_id, &delivery.message.topic, DropReason::QueueFull);
            return;
        }
        let lasting = persistent && delivery.qos == Qos::AtLeastOnce && delivery.confirm.is_none();
        if lasting && effects.is_journaled() {
            state.next_seq += 1;
            delivery.seq = state.next_seq;
            effects.queue(self, &delivery);
        }
        state.waiting_bytes += bytes;
        if online {
            state.queue.push_back(delivery);
        } else {
            // The payload may be part of a larger buffer, which must not be kept for as long as nobody is connected.
            effects.stored(&self.client_id, &delivery.message.topic);
            let payload = Bytes::copy_from_slice(&delivery.message.payload);
            delivery.message = Arc::new(Message { payload, ..Message::clone(&delivery.message) });
            state.stored.push_back(delivery);
        }
    }

    /// Puts a message back that was waiting when the broker stopped.
    pub(crate) fn restore(&self, delivery: Delivery) {
        let mut state = self.state.lock();
        state.next_seq = state.next_seq.max(delivery.seq);
        state.waiting_bytes += delivery.message.payload.len();
        state.stored.push_back(delivery);
    }

    /// Takes acknowledgements in and messages out, for the connection that owns the session; where nothing is left to
    /// take, `waker` is called for the next message.
    pub(crate) fn pull(
        self: &Arc<Self>,
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
        state.write_again(&mut limits, out, &mut pulled);
        state.take_live(self, &mut limits, out, &mut pulled, effects);
        state.take_stored(self, &mut limits, out, &mut pulled, effects);
        state.take_shared(self, &mut limits, out, &mut pulled, effects);
        if let Some(at) = state.in_flight.oldest() {
            pulled.soonest(at.plus_millis(limits.retry_millis));
        }
        if let Some(at) = state.in_flight.next_again() {
            pulled.soonest(at);
        }
        if !pulled.more {
            if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                state.waker = Some(waker.clone());
            }
            state.asleep = true;
        }
        pulled
    }

    /// How many messages the client has to acknowledge.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.state.lock().in_flight.len()
    }

    /// How many messages wait, in flight aside.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.queue.len() + state.stored.len()
    }
}

impl Pulled {
    fn soonest(&mut self, at: Timestamp) {
        self.again_at = Some(self.again_at.map_or(at, |known| known.min(at)));
    }
}
