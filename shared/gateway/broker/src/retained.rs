//! Retained messages: one per topic, found by the exact topic only.
//!
//! Follows "MQTT retained messages" of the developer guide: a filter with a wildcard gets none, an empty payload deletes, and
//! three years without a use end a message.

use crate::message::Message;
use drydock_core::Timestamp;
use parking_lot::RwLock;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A retained message.
#[derive(Debug, Clone)]
pub struct Retained {
    /// The message.
    pub message: Arc<Message>,
    /// When it was published.
    pub at: Timestamp,
}

/// A retained message and when it was last of use.
#[derive(Debug)]
struct Kept {
    retained: Retained,
    /// When it was last set or read, in milliseconds.
    used: AtomicI64,
    /// The same as far as the disk knows.
    noted: AtomicI64,
}

impl Kept {
    /// When it is over, if it ever is.
    fn over_at(&self, most_seconds: u64) -> Option<Timestamp> {
        let most = i64::try_from(most_seconds).unwrap_or(0).saturating_mul(1000);
        let unused = (most > 0).then(|| Timestamp(self.used.load(Ordering::Relaxed)).plus_millis(most));
        self.retained.message.expires_at.into_iter().chain(unused).min()
    }

    fn is_over(&self, now: Timestamp, most_seconds: u64) -> bool {
        let unused = now.millis().saturating_sub(self.used.load(Ordering::Relaxed)).max(0).unsigned_abs() / 1000;
        self.retained.message.is_expired(now) || (most_seconds > 0 && unused >= most_seconds)
    }
}

/// All retained messages.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    by_topic: RwLock<BTreeMap<SmolStr, Kept>>,
}

/// The disk learns of a use this many milliseconds after the last one that it knows of.
const NOTED_EVERY: i64 = 24 * 3600 * 1000;

impl Retention {
    /// Keeps a message that was set at a time and last used at another. `false` where there are as many as there may be.
    pub(crate) fn put(&self, message: Arc<Message>, at: Timestamp, used: Timestamp, most: u64) -> bool {
        let mut map = self.by_topic.write();
        if map.len() as u64 >= most && !map.contains_key(&message.topic) {
            return false;
        }
        let (topic, used) = (message.topic.clone(), used.millis());
        let kept = Kept { retained: Retained { message, at }, used: AtomicI64::new(used), noted: AtomicI64::new(used) };
        map.insert(topic, kept);
        true
    }

    /// Forgets a topic's message; whether there was one.
    pub(crate) fn remove(&self, topic: &str) -> bool {
        self.by_topic.write().remove(topic).is_some()
    }

    /// When a topic's message was set.
    pub(crate) fn set_at(&self, topic: &str) -> Option<Timestamp> {
        self.by_topic.read().get(topic).map(|kept| kept.retained.at)
    }

    /// A topic's message, unless it is over, and whether its use is to be noted on disk.
    pub(crate) fn read(&self, topic: &str, now: Timestamp, most_seconds: u64) -> Option<(Retained, bool)> {
        let map = self.by_topic.read();
        let kept = map.get(topic).filter(|kept| !kept.is_over(now, most_seconds))?;
        kept.used.store(now.millis(), Ordering::Relaxed);
        let note = now.millis().saturating_sub(kept.noted.load(Ordering::Relaxed)) >= NOTED_EVERY;
        if note {
            kept.noted.store(now.millis(), Ordering::Relaxed);
        }
        Some((kept.retained.clone(), note))
    }

    /// Messages behind a topic, in order.
    pub(crate) fn list(&self, after: Option<&str>, most: usize, now: Timestamp, most_seconds: u64) -> Vec<Retained> {
        let map = self.by_topic.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        map.range::<str, _>((start, Bound::Unbounded))
            .map(|(_, kept)| kept)
            .filter(|kept| !kept.is_over(now, most_seconds))
            .take(most)
            .map(|kept| kept.retained.clone())
            .collect()
    }

    /// Forgets what is over and returns the topics, and when the next message is over unless it is used.
    pub(crate) fn sweep(&self, now: Timestamp, most_seconds: u64) -> (Vec<SmolStr>, Option<Timestamp>) {
        let (mut gone, mut next) = (Vec::new(), None::<Timestamp>);
        self.by_topic.write().retain(|topic, kept| {
            let over = kept.is_over(now, most_seconds);
            if over {
                gone.push(topic.clone());
            } else {
                next = next.into_iter().chain(kept.over_at(most_seconds)).min();
            }
            !over
        });
        (gone, next)
    }
}
