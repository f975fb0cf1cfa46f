//! Retained messages: one per topic, found by the exact topic only.
//!
//! Follows "MQTT retained messages" of the developer guide: a filter with a wildcard gets none, an empty payload deletes.

use crate::message::Message;
use drydock_core::Timestamp;
use parking_lot::RwLock;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// A retained message.
#[derive(Debug, Clone)]
pub struct Retained {
    /// The message.
    pub message: Arc<Message>,
    /// When it was published.
    pub at: Timestamp,
}

/// All retained messages.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    by_topic: RwLock<BTreeMap<SmolStr, Retained>>,
}

impl Retention {
    /// Keeps a message. `false` where there are as many as there may be.
    pub(crate) fn put(&self, message: Arc<Message>, at: Timestamp, most: u64) -> bool {
        let mut map = self.by_topic.write();
        if map.len() as u64 >= most && !map.contains_key(&message.topic) {
            return false;
        }
        map.insert(message.topic.clone(), Retained { message, at });
        true
    }

    /// Forgets a topic's message; whether there was one.
    pub(crate) fn remove(&self, topic: &str) -> bool {
        self.by_topic.write().remove(topic).is_some()
    }

    /// A topic's message, unless it has expired.
    pub(crate) fn get(&self, topic: &str, now: Timestamp) -> Option<Retained> {
        self.by_topic.read().get(topic).filter(|r| !r.message.is_expired(now)).cloned()
    }

    /// Messages behind a topic, in order.
    pub(crate) fn list(&self, after: Option<&str>, most: usize, now: Timestamp) -> Vec<Retained> {
        let map = self.by_topic.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        map.range::<str, _>((start, Bound::Unbounded))
            .map(|(_, r)| r)
            .filter(|r| !r.message.is_expired(now))
            .take(most)
            .cloned()
            .collect()
    }

    /// Forgets what has expired and returns the topics.
    pub(crate) fn sweep(&self, now: Timestamp) -> Vec<SmolStr> {
        let mut gone = Vec::new();
        self.by_topic.write().retain(|topic, r| {
            let expired = r.message.is_expired(now);
            if expired {
                gone.push(topic.clone());
            }
            !expired
        });
        gone
    }
}
