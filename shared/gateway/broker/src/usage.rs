//! What clients do on their connections, counted for AWS IoT Device Defender: by topic, in windows that somebody else begins and
//! ends. While nobody does, a message costs one comparison; else a connection counts for itself, without a lock.

use drydock_core::event::ClientIdentity;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The most topics that a connection counts by; what is on others is counted under the empty topic.
const TOPICS: usize = 1024;
/// The most clients whose connections have ended in a window that are remembered.
const ENDED: usize = 100_000;

/// What was done on one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages that the client sent and that were let in.
    pub sent: u64,
    /// The least bytes of the payload of one.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// Messages that the client was sent.
    pub received: u64,
    /// What it was refused by its policies.
    pub refused: u64,
}

/// What a client did in a window.
#[derive(Debug, Clone)]
pub struct ClientUsage {
    /// Who.
    pub client: Arc<ClientIdentity>,
    /// What, by topic.
    pub topics: Vec<(SmolStr, Usage)>,
}

/// One window of a topic. Only the connection's own task writes; whoever reads reads windows that have ended.
#[derive(Debug, Default)]
struct Slot {
    window: AtomicU64,
    sent: AtomicU64,
    least: AtomicU64,
    most: AtomicU64,
    received: AtomicU64,
    refused: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) {
    // There is one writer: this needs no locked instruction.
    counter.store(counter.load(Relaxed) + count, Relaxed);
}

/// What a connection does on one topic: the window that goes on, and the one before.
#[derive(Debug, Default)]
pub(crate) struct TopicUsage {
    even: Slot,
    odd: Slot,
}

impl TopicUsage {
    fn slot(&self, window: u64) -> &Slot {
        if window & 1 == 0 { &self.even } else { &self.odd }
    }

    fn current(&self, window: u64) -> &Slot {
        let slot = self.slot(window);
        if slot.window.load(Relaxed) != window {
            for counter in [&slot.sent, &slot.least, &slot.most, &slot.received, &slot.refused] {
                counter.store(0, Relaxed);
            }
            slot.window.store(window, Relaxed);
        }
        slot
    }

    /// A message was let in.
    pub(crate) fn sent(&self, window: u64, bytes: usize) {
        let slot = self.current(window);
        let bytes = bytes as u64;
        if slot.sent.load(Relaxed) == 0 || bytes < slot.least.load(Relaxed) {
            slot.least.store(bytes, Relaxed);
        }
        if bytes > slot.most.load(Relaxed) {
            slot.most.store(bytes, Relaxed);
        }
        add(&slot.sent, 1);
    }

    /// A message was written.
    pub(crate) fn received(&self, window: u64) {
        add(&self.current(window).received, 1);
    }

    /// Something was refused.
    fn refused(&self, window: u64) {
        add(&self.current(window).refused, 1);
    }

    fn of(&self, window: u64) -> Option<Usage> {
        let slot = self.slot(window);
        (slot.window.load(Relaxed) == window).then(|| Usage {
            sent: slot.sent.load(Relaxed),
            least: slot.least.load(Relaxed),
            most: slot.most.load(Relaxed),
            received: slot.received.load(Relaxed),
            refused: slot.refused.load(Relaxed),
        })
    }
}

/// What a connection counts, by topic: nothing is there before something is counted.
#[derive(Debug, Default)]
pub(crate) struct LinkUsage(Mutex<HashMap<SmolStr, Arc<TopicUsage>, RandomState>>);

impl LinkUsage {
    /// Where something on a topic is counted. The connection keeps what it has found.
    pub(crate) fn on(&self, topic: &SmolStr) -> Arc<TopicUsage> {
        let mut topics = self.0.lock();
        let full = topics.len() >= TOPICS && !topics.contains_key(topic);
        Arc::clone(topics.entry(if full { SmolStr::default() } else { topic.clone() }).or_default())
    }

    fn of(&self, window: u64) -> Vec<(SmolStr, Usage)> {
        let topics = self.0.lock();
        topics.iter().filter_map(|(topic, usage)| Some((topic.clone(), usage.of(window)?))).collect()
    }
}

/// Counts, while somebody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The window that goes on; 0 while nothing is counted.
    window: AtomicU64,
    /// How many windows there have been.
    windows: AtomicU64,
    /// What was done on connections that ended in the window.
    ended: Mutex<HashMap<SmolStr, Vec<ClientUsage>>>,
}

impl Meter {
    /// The window that goes on; `None` while nothing is counted.
    pub(crate) fn window(&self) -> Option<u64> {
        Some(self.window.load(Relaxed)).filter(|window| *window != 0)
    }

    /// Begins counting, or ends it.
    pub(crate) fn set(&self, on: bool) {
        if on && self.window().is_none() {
            self.window.store(self.windows.fetch_add(1, Relaxed) + 1, Relaxed);
        } else if !on {
            self.window.store(0, Relaxed);
            self.ended.lock().clear();
        }
    }

    /// A client was refused something on a topic.
    pub(crate) fn refused(&self, usage: &LinkUsage, topic: &str) {
        if let Some(window) = self.window() {
            usage.on(&topic.into()).refused(window);
        }
    }

    /// A connection has ended.
    pub(crate) fn ended(&self, client: &Arc<ClientIdentity>, usage: &LinkUsage) {
        let Some(window) = self.window() else { return };
        let topics = usage.of(window);
        if topics.is_empty() {
            return;
        }
        let mut ended = self.ended.lock();
        if ended.len() >= ENDED && !ended.contains_key(&client.client_id) {
            return;
        }
        let all = ended.entry(client.client_id.clone()).or_default();
        match all.first_mut().filter(|first| first.client.exclusive_thing == client.exclusive_thing) {
            // A client that comes and goes is one entry, whatever it does.
            Some(first) => first.add(topics),
            None => all.push(ClientUsage { client: Arc::clone(client), topics }),
        }
        all.truncate(4);
    }

    /// Ends the window, begins the next one, and gives what was done in it: on connections that have ended, and on those of `links`.
    pub(crate) fn take<'l>(
        &self,
        links: impl Iterator<Item = (&'l Arc<ClientIdentity>, &'l LinkUsage)>,
    ) -> Vec<ClientUsage> {
        let Some(window) = self.window() else { return Vec::new() };
        self.window.store(self.windows.fetch_add(1, Relaxed) + 1, Relaxed);
        let mut all: Vec<ClientUsage> = std::mem::take(&mut *self.ended.lock()).into_values().flatten().collect();
        for (client, usage) in links {
            let topics = usage.of(window);
            if !topics.is_empty() {
                all.push(ClientUsage { client: Arc::clone(client), topics });
            }
        }
        all
    }
}

impl ClientUsage {
    fn add(&mut self, topics: Vec<(SmolStr, Usage)>) {
        for (topic, usage) in topics {
            let more = self.topics.len() < TOPICS;
            match self.topics.iter_mut().find(|(of, _)| *of == topic) {
                Some((_, known)) => known.add(&usage),
                None if more => self.topics.push((topic, usage)),
                None => {}
            }
        }
    }
}

impl Usage {
    /// Adds what was done on the same topic by another connection.
    pub fn add(&mut self, other: &Self) {
        if other.sent > 0 {
            self.least = if self.sent > 0 { self.least.min(other.least) } else { other.least };
            self.most = self.most.max(other.most);
        }
        self.sent += other.sent;
        self.received += other.received;
        self.refused += other.refused;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str) -> Arc<ClientIdentity> {
        Arc::new(ClientIdentity {
            client_id: id.into(),
            exclusive_thing: None,
            principal: "p".into(),
            session_identifier: "s".into(),
            ip: [127, 0, 0, 1].into(),
        })
    }

    fn send(meter: &Meter, link: &LinkUsage, topic: &str, bytes: usize) {
        if let Some(window) = meter.window() {
            link.on(&topic.into()).sent(window, bytes);
        }
    }

    fn totals(usage: &[ClientUsage]) -> Vec<(String, Usage)> {
        let one = |of: &ClientUsage| {
            let name = |topic: &SmolStr| format!("{} {topic}", of.client.client_id);
            of.topics.iter().map(|(topic, usage)| (name(topic), *usage)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = usage.iter().flat_map(one).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    #[test]
    fn a_window_has_what_was_done_in_it_and_nothing_else() {
        let (meter, link, lamp) = (Meter::default(), LinkUsage::default(), client("lamp"));
        send(&meter, &link, "a", 9);
        meter.set(true);
        let take = || totals(&meter.take([(&lamp, &link)].into_iter()));
        assert!(take().is_empty(), "nothing is counted before it is asked for");
        for bytes in [5, 3, 7] {
            send(&meter, &link, "a", bytes);
        }
        send(&meter, &link, "b", 1);
        let sent = |sent, least, most| Usage { sent, least, most, ..Usage::default() };
        assert_eq!(take(), [("lamp a".to_owned(), sent(3, 3, 7)), ("lamp b".to_owned(), sent(1, 1, 1))]);
        send(&meter, &link, "a", 4);
        assert_eq!(take(), [("lamp a".to_owned(), sent(1, 4, 4))]);
        assert!(take().is_empty());
        // Two windows later the place is the same one, and what was in it is not counted again.
        send(&meter, &link, "a", 2);
        assert_eq!(take(), [("lamp a".to_owned(), sent(1, 2, 2))]);
        meter.set(false);
        send(&meter, &link, "a", 2);
        meter.set(true);
        assert!(take().is_empty());
    }

    #[test]
    fn connections_that_have_ended_count_and_are_bounded() {
        let meter = Meter::default();
        meter.set(true);
        for round in 0..1000 {
            let link = LinkUsage::default();
            send(&meter, &link, &format!("{}", round % 3), 1);
            meter.ended(&client("flood"), &link);
        }
        let usage = meter.take(std::iter::empty());
        assert_eq!(usage.len(), 1, "one entry, however often it comes and goes");
        let sent: u64 = totals(&usage).iter().map(|(_, usage)| usage.sent).sum();
        assert_eq!((sent, totals(&usage).len()), (1000, 3));

        let link = LinkUsage::default();
        for topic in 0..2 * TOPICS {
            send(&meter, &link, &topic.to_string(), 1);
        }
        let usage = totals(&meter.take([(&client("many"), &link)].into_iter()));
        assert_eq!(usage.len(), TOPICS + 1);
        assert_eq!(
            usage[0],
            ("many ".to_owned(), Usage { sent: TOPICS as u64, least: 1, most: 1, ..Usage::default() })
        );
    }
}
