//! Messages that were written and not acknowledged.

use super::Delivery;
use drydock_core::Timestamp;
use std::collections::VecDeque;

/// Messages under their packet identifiers, oldest first.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    entries: VecDeque<Entry>,
    sent: u64,
}

#[derive(Debug)]
struct Entry {
    order: u64,
    packet_id: u16,
    at: Timestamp,
    delivery: Delivery,
}

const IDS: u64 = 65_535;

impl InFlight {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes a message and returns the packet identifier that it is to be written with.
    pub(crate) fn add(&mut self, delivery: Delivery, at: Timestamp) -> u16 {
        // Identifiers go round, so one can be in use only where the oldest entry is a whole round behind.
        while self.entries.front().is_some_and(|oldest| self.sent - oldest.order >= IDS) {
            self.entries.pop_front();
        }
        let order = self.sent;
        self.sent += 1;
        let packet_id = u16::try_from(order % IDS).unwrap_or(0) + 1;
        self.entries.push_back(Entry { order, packet_id, at, delivery });
        packet_id
    }

    /// The message of an identifier, which is free from now on.
    pub(crate) fn acknowledge(&mut self, packet_id: u16) -> Option<Delivery> {
        if self.entries.front().is_some_and(|e| e.packet_id == packet_id) {
            return self.entries.pop_front().map(|e| e.delivery);
        }
        let index = self.entries.iter().position(|e| e.packet_id == packet_id)?;
        self.entries.remove(index).map(|e| e.delivery)
    }

    /// When the oldest was written.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.entries.front().map(|e| e.at)
    }

    /// The oldest, where it has waited too long for its acknowledgement.
    pub(crate) fn overdue(&mut self, now: Timestamp, most_millis: i64) -> Option<Delivery> {
        let overdue = self.oldest().is_some_and(|at| now.since(at) >= most_millis);
        if overdue { self.entries.pop_front().map(|e| e.delivery) } else { None }
    }

    /// All messages, newest first.
    pub(crate) fn take_back(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        std::mem::take(&mut self.entries).into_iter().rev().map(|e| e.delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Qos};
    use std::sync::Arc;

    fn delivery() -> Delivery {
        let message = Arc::new(Message::new("a", "b"));
        Delivery { message, qos: Qos::AtLeastOnce, retain: false, seq: 0, confirm: None }
    }

    #[test]
    fn identifiers_go_round_without_zero_and_without_meeting() {
        let mut flight = InFlight::default();
        let kept = flight.add(delivery(), Timestamp(0));
        for round in 0..IDS - 1 {
            let id = flight.add(delivery(), Timestamp(0));
            assert_ne!((id, round), (0, round));
            assert_ne!(id, kept);
            flight.acknowledge(id).unwrap();
        }
        assert_eq!(flight.add(delivery(), Timestamp(0)), kept, "the oldest gave way");
        assert_eq!(flight.len(), 1);
    }
}
