//! Messages that were written and not acknowledged.

use crate::delivery::Delivery;
use drydock_core::Timestamp;
use std::collections::VecDeque;

/// Messages under their packet identifiers, oldest first.
#[derive(Debug)]
pub(crate) struct InFlight<M> {
    entries: VecDeque<Entry<M>>,
    sent: u64,
    /// Entries whose identifier was given by an earlier connection, so that a new one has to be compared with it.
    resumed: usize,
    /// No entry is to be written again before this; not after the first that is.
    next_again: Timestamp,
}

#[derive(Debug)]
struct Entry<M> {
    order: u64,
    packet_id: u16,
    at: Timestamp,
    /// When it is written again.
    again: Timestamp,
    delivery: Delivery<M>,
}

const IDS: u64 = 65_535;

impl<M> Default for InFlight<M> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), sent: 0, resumed: 0, next_again: Timestamp::default() }
    }
}

impl<M> InFlight<M> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes a message and returns the packet identifier that it is to be written with: the one that it had before, where
    /// it had one that is free (MQTT-4.4.0-1). It is to be written again `every` milliseconds.
    pub(crate) fn add(&mut self, delivery: Delivery<M>, at: Timestamp, every: i64) -> u16 {
        // Identifiers go round, so one can be in use only where the oldest entry is a whole round behind.
        while self.entries.front().is_some_and(|oldest| self.sent - oldest.order >= IDS) {
            self.entries.pop_front();
        }
        let (known, order) = (delivery.packet_id, self.sent);
        let packet_id = if known != 0 && !self.uses(known) {
            self.resumed += 1;
            known
        } else {
            self.fresh()
        };
        let again = at.plus_millis(every);
        if self.entries.is_empty() {
            self.next_again = again;
        }
        self.entries.push_back(Entry { order, packet_id, at, again, delivery });
        packet_id
    }

    fn uses(&self, packet_id: u16) -> bool {
        self.entries.iter().any(|e| e.packet_id == packet_id)
    }

    fn fresh(&mut self) -> u16 {
        loop {
            let packet_id = u16::try_from(self.sent % IDS).unwrap_or(0) + 1;
            self.sent += 1;
            if self.resumed == 0 || !self.uses(packet_id) {
                return packet_id;
            }
        }
    }

    /// When the next message is to be written again, or earlier.
    pub(crate) fn next_again(&self) -> Option<Timestamp> {
        (!self.entries.is_empty()).then_some(self.next_again)
    }

    /// Shows each message that is to be written again to `write`, until that wants no more, with its identifier.
    pub(crate) fn again(&mut self, now: Timestamp, every: i64, mut write: impl FnMut(&Delivery<M>, u16) -> bool) {
        let mut next = now.plus_millis(every);
        for entry in &mut self.entries {
            if entry.again <= now && write(&entry.delivery, entry.packet_id) {
                entry.again = now.plus_millis(every);
            }
            next = next.min(entry.again);
        }
        self.next_again = next;
    }

    /// The message of an identifier, which is free from now on.
    pub(crate) fn acknowledge(&mut self, packet_id: u16) -> Option<Delivery<M>> {
        let entry = if self.entries.front().is_some_and(|e| e.packet_id == packet_id) {
            self.entries.pop_front()
        } else {
            let index = self.entries.iter().position(|e| e.packet_id == packet_id)?;
            self.entries.remove(index)
        };
        if self.entries.is_empty() {
            self.resumed = 0;
        }
        entry.map(|e| e.delivery)
    }

    /// When the oldest was written.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.entries.front().map(|e| e.at)
    }

    /// The oldest, where it has waited too long for its acknowledgement.
    pub(crate) fn overdue(&mut self, now: Timestamp, most_millis: i64) -> Option<Delivery<M>> {
        let overdue = self.oldest().is_some_and(|at| now.since(at) >= most_millis);
        if overdue { self.entries.pop_front().map(|e| e.delivery) } else { None }
    }

    /// All messages, newest first, each with the identifier that it keeps.
    pub(crate) fn take_back(&mut self) -> impl Iterator<Item = Delivery<M>> + use<M> {
        self.resumed = 0;
        let entries = std::mem::take(&mut self.entries).into_iter().rev();
        entries.map(|e| Delivery { packet_id: e.packet_id, ..e.delivery })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Qos};
    use std::sync::Arc;

    fn delivery() -> Delivery<()> {
        let message = Arc::new(Message::new("a", "b"));
        Delivery::new(message, Qos::AtLeastOnce)
    }

    #[test]
    fn identifiers_go_round_without_zero_and_without_meeting() {
        let mut flight = InFlight::default();
        let kept = flight.add(delivery(), Timestamp(0), 10);
        for round in 0..IDS - 1 {
            let id = flight.add(delivery(), Timestamp(0), 10);
            assert_ne!((id, round), (0, round));
            assert_ne!(id, kept);
            flight.acknowledge(id).unwrap();
        }
        assert_eq!(flight.add(delivery(), Timestamp(0), 10), kept, "the oldest gave way");
        assert_eq!(flight.len(), 1);
    }

    #[test]
    fn a_message_keeps_its_identifier_and_new_ones_step_round_it() {
        let mut flight = InFlight::default();
        let ids: Vec<_> = (0..3).map(|_| flight.add(delivery(), Timestamp(0), 10)).collect();
        assert_eq!(ids, [1, 2, 3]);
        flight.acknowledge(2).unwrap();
        let mut back: Vec<_> = flight.take_back().collect();
        assert_eq!(back.iter().map(|d| d.packet_id).collect::<Vec<_>>(), [3, 1]);
        let first = back.pop().unwrap();
        assert_eq!(flight.add(first, Timestamp(0), 10), 1);
        flight.sent = IDS;
        assert_eq!(flight.add(delivery(), Timestamp(0), 10), 2, "1 is in use");
        assert_eq!(flight.add(back.pop().unwrap(), Timestamp(0), 10), 3);
        flight.sent = IDS + 2;
        assert_eq!(flight.add(delivery(), Timestamp(0), 10), 4);
    }

    #[test]
    fn what_is_not_acknowledged_is_due_again_and_again() {
        let mut flight = InFlight::default();
        assert_eq!(flight.next_again(), None);
        flight.add(delivery(), Timestamp(0), 10);
        flight.add(delivery(), Timestamp(5), 10);
        assert_eq!(flight.next_again(), Some(Timestamp(10)));
        let mut written = Vec::new();
        flight.again(Timestamp(12), 10, |_, id| {
            written.push(id);
            true
        });
        assert_eq!((written, flight.next_again()), (vec![1], Some(Timestamp(15))));
        flight.again(Timestamp(30), 10, |_, id| id == 2);
        assert_eq!(flight.next_again(), Some(Timestamp(22)), "what was not written stays due");
    }
}
