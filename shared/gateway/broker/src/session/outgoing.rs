//! What a session gives to the connection that owns it: first what is live, then what was stored, then what waits for the
//! groups that it is a member of.

use super::{Delivery, Effects, Outgoing, PullLimits, Pulled, Session, State};
use crate::dropped::DropReason;
use crate::message::Qos;
use crate::rows;
use crate::share::Member as _;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// Places in the queue that an idle session keeps.
const KEPT: usize = 64;

impl State {
    /// The owner's waker, where it sleeps.
    pub(super) fn wake_up(&mut self) -> Option<Waker> {
        if !std::mem::take(&mut self.asleep) {
            return None;
        }
        self.waker.clone()
    }

    /// Moves what was not acknowledged to the front of what waits, in order. Direct messages, which are for one connection, end.
    pub(super) fn put_back(&mut self) {
        for delivery in self.in_flight.take_back().filter(|delivery| delivery.confirm.is_none()) {
            self.waiting_bytes += delivery.message.payload.len();
            self.stored.push_front(delivery);
        }
    }

    fn pop_live(&mut self) -> Option<Delivery> {
        let delivery = self.queue.pop_front()?;
        self.waiting_bytes -= delivery.message.payload.len();
        if self.queue.is_empty() && self.queue.capacity() > KEPT {
            // A burst's queue is not kept for an idle connection.
            self.queue = VecDeque::new();
        }
        Some(delivery)
    }

    fn pop_stored(&mut self) -> Option<Delivery> {
        let delivery = self.stored.pop_front()?;
        self.waiting_bytes -= delivery.message.payload.len();
        if self.stored.is_empty() {
            self.stored = VecDeque::new();
        }
        Some(delivery)
    }

    /// Writes again what was not acknowledged for a while (quota "Maximum retry interval for delivering QoS 1 messages": AWS
    /// retries until the window is over, and does not say how often). The identifier stays, and DUP is not set.
    pub(super) fn write_again(&mut self, limits: &mut PullLimits<'_>, out: &mut Vec<Outgoing>, pulled: &mut Pulled) {
        let now = limits.now;
        if self.in_flight.next_again().is_none_or(|at| at > now) {
            return;
        }
        let mut bytes = 0;
        self.in_flight.again(now, limits.again_millis, |delivery, packet_id| {
            if bytes >= limits.bytes {
                pulled.more = true;
                return false;
            }
            if !limits.rate.take(now) {
                pulled.soonest(limits.rate.next_at(now));
                return false;
            }
            bytes += delivery.message.payload.len() + 32;
            out.push(Outgoing {
                message: Arc::clone(&delivery.message),
                qos: delivery.qos,
                retain: delivery.retain,
                packet_id,
            });
            true
        });
    }

    pub(super) fn take_live(
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
                session.throttle_until(limits.rate.next_at(limits.now));
                if qos == Qos::AtLeastOnce {
                    pulled.soonest(limits.rate.next_at(limits.now));
                    return;
                }
                if let Some(delivery) = self.pop_live() {
                    effects.dropped(&session.client_id, &delivery.message.topic, DropReason::Throttled);
                }
                continue;
            }
            bytes += size + 32;
            if let Some(delivery) = self.pop_live() {
                self.send(session, delivery, limits, out, effects);
            }
        }
    }

    pub(super) fn take_stored(
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
            if let Some(delivery) = self.pop_stored() {
                self.send(session, delivery, limits, out, effects);
            }
        }
    }

    pub(super) fn take_shared(
        &mut self,
        session: &Arc<Session>,
        limits: &mut PullLimits<'_>,
        out: &mut Vec<Outgoing>,
        pulled: &mut Pulled,
        effects: &mut Effects,
    ) {
        for group in self.groups.clone() {
            while group.has_waiting() {
                if self.in_flight.len() >= limits.window {
                    return;
                }
                if limits.rate.next_at(limits.now) > limits.now {
                    pulled.soonest(limits.rate.next_at(limits.now));
                    return;
                }
                if !limits.shared.take(limits.now) {
                    pulled.soonest(limits.shared.next_at(limits.now));
                    return;
                }
                let (next, expired) = group.next(limits.now);
                for seq in expired.into_iter().chain(next.as_ref().map(|w| w.seq)) {
                    effects.write(rows::delete_shared(&group.key, seq));
                }
                let Some(waiting) = next else { break };
                limits.rate.take(limits.now);
                let qos = self.subscriptions.get(&group.key).map_or(Qos::AtMostOnce, |o| o.qos);
                let message = waiting.message;
                let qos = qos.min(message.qos);
                let mut delivery = Delivery { group: Some(Arc::clone(&group)), ..Delivery::new(message, qos) };
                if session.is_persistent() && delivery.qos == Qos::AtLeastOnce && effects.is_journaled() {
                    self.next_seq += 1;
                    delivery.seq = self.next_seq;
                    effects.queue(session, &delivery);
                }
                self.send(session, delivery, limits, out, effects);
            }
        }
    }

    fn send(
        &mut self,
        session: &Session,
        delivery: Delivery,
        limits: &PullLimits<'_>,
        out: &mut Vec<Outgoing>,
        effects: &mut Effects,
    ) {
        let now = limits.now;
        if delivery.message.is_expired(now) {
            effects.dropped(&session.client_id, &delivery.message.topic, DropReason::Expired);
            effects.unqueue(&session.client_id, delivery.seq);
            return;
        }
        let (message, qos, retain) = (Arc::clone(&delivery.message), delivery.qos, delivery.retain);
        let packet_id =
            if qos == Qos::AtLeastOnce { self.in_flight.add(delivery, now, limits.again_millis) } else { 0 };
        out.push(Outgoing { message, qos, retain, packet_id });
    }
}
