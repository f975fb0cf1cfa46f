//! Who waits for which time.

use crate::due::Asked;
use crate::work::{Name, Tracker, Work};
use drydock_core::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tokio::sync::oneshot;

/// A place in the queue: the time, and behind the same time the order in which they came.
pub(crate) type Key = (Timestamp, u64);

/// Who is woken.
pub(crate) enum Waiter {
    /// Somebody who waits once.
    Once(Name, oneshot::Sender<Work>),
    /// A part that has things due again and again.
    Part(Weak<Asked>),
    /// A part that only looks whether there is something to do.
    Looking(Weak<Asked>),
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<Key, Waiter>,
    /// Those that only look: nobody who steps the clock stops for them.
    looking: BTreeMap<Key, Waiter>,
    next: u64,
    /// Whether somebody steps the clock by hand: the driver leaves everything to them.
    pub(crate) stepped: bool,
}

impl Queue {
    /// Adds a waiter; its place, and whether it is the first of all.
    pub(crate) fn add(&mut self, at: Timestamp, waiter: Waiter) -> (Key, bool) {
        let key = (at, self.next);
        self.next += 1;
        self.waiting.insert(key, waiter);
        (key, self.waiting.first_key_value().is_some_and(|(first, _)| *first == key))
    }

    /// Adds somebody who only looks; its place, and whether it is the first of all.
    pub(crate) fn add_looking(&mut self, at: Timestamp, waiter: Waiter) -> (Key, bool) {
        let key = (at, self.next);
        self.next += 1;
        self.looking.insert(key, waiter);
        (key, self.first() == Some(at))
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.waiting.remove(&key);
        self.looking.remove(&key);
    }

    /// The earliest time that somebody waits for.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        let firsts = [self.waiting.first_key_value(), self.looking.first_key_value()];
        firsts.into_iter().flatten().map(|((at, _), _)| *at).min()
    }

    /// Takes the first of those who only look and whose time has come.
    pub(crate) fn take_looking(&mut self, by: Timestamp) -> Option<Waiter> {
        let first = self.looking.first_entry().filter(|first| first.key().0 <= by)?;
        Some(first.remove())
    }

    /// Takes all who only look, whatever their time.
    pub(crate) fn take_all_looking(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.looking).into_values().collect()
    }

    /// Takes the first who is due by a time.
    pub(crate) fn take(&mut self, by: Timestamp) -> Option<(Timestamp, Waiter)> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= by)?;
        let ((at, _), waiter) = first.remove_entry();
        Some((at, waiter))
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The first so many, in order.
    pub(crate) fn list(&self, most: usize) -> Vec<(Timestamp, Name)> {
        let shown = self.waiting.iter().take(most);
        shown.filter_map(|((at, _), waiter)| Some((*at, waiter.name()?))).collect()
    }
}

impl Waiter {
    /// `None` of a part that is gone.
    pub(crate) fn name(&self) -> Option<Name> {
        match self {
            Self::Once(name, _) => Some(name.clone()),
            Self::Part(asked) | Self::Looking(asked) => asked.upgrade().map(|asked| asked.name.clone()),
        }
    }

    /// Wakes it with a guard.
    pub(crate) fn wake(self, tracker: &Arc<Tracker>) {
        match self {
            // Whoever does not wait any more has nothing to do: the guard is dropped with what cannot be sent.
            Self::Once(name, waker) => drop(waker.send(tracker.begin(name))),
            Self::Part(asked) => {
                if let Some(asked) = asked.upgrade() {
                    asked.wake(tracker.begin(asked.name.clone()));
                }
            }
            Self::Looking(asked) => {
                if let Some(asked) = asked.upgrade() {
                    asked.look(tracker.begin(asked.name.clone()));
                }
            }
        }
    }
}
