//! What a connection knows about topics, so that a steady stream of messages asks nobody.

use crate::gate::SessionGate;
use crate::index::{Index, MatchSet};
use crate::limits::Limits;
use crate::topic::is_topic;
use crate::usage::{LinkUsage, TopicUsage};
use drydock_core::Reserved;
use foldhash::fast::RandomState;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// Topics kept per connection and direction; when there are more, all are forgotten.
const MOST: usize = 1024;

/// The topics that a client publishes to.
#[derive(Default)]
pub(crate) struct Topics {
    entries: Vec<Entry>,
    by_topic: HashMap<SmolStr, usize, RandomState>,
    last: usize,
    propagated: Propagated,
}

/// What every message carries, and the gate's generation in which that was so.
#[derive(Default)]
struct Propagated {
    generation: Option<u64>,
    user: Option<Arc<[(SmolStr, SmolStr)]>>,
}

struct Entry {
    topic: SmolStr,
    reserved: Option<Reserved>,
    /// The gate's generation in which publishing, or retaining, was allowed.
    publish: Option<u64>,
    retain: Option<u64>,
    /// What the topic matched, and in which generation of the index.
    targets: Option<(u64, Arc<MatchSet>)>,
    /// Whether it was told that a message went nowhere.
    unheard: bool,
    /// Where messages are counted, once one was.
    usage: Option<Arc<TopicUsage>>,
}

/// A topic that a client may publish to.
pub(crate) struct Admitted {
    /// As text that is cheap to clone.
    pub(crate) topic: SmolStr,
    /// What a message to it asks for.
    pub(crate) reserved: Option<Reserved>,
    /// The sessions that it matches.
    pub(crate) targets: Arc<MatchSet>,
}

/// Why a client may not publish to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It is not a topic, or a reserved one.
    Invalid,
    /// Its policies do not allow it.
    NotAuthorized,
}

impl Topics {
    /// What is known of a topic, if the client may publish to it.
    pub(crate) fn admit(
        &mut self,
        topic: &str,
        retain: bool,
        gate: &dyn SessionGate,
        index: &Index,
        limits: &Limits,
    ) -> Result<Admitted, Denied> {
        let at = self.find(topic, limits)?;
        let Some(entry) = self.entries.get_mut(at) else { return Err(Denied::Invalid) };
        let generation = gate.generation();
        let known = if retain { &mut entry.retain } else { &mut entry.publish };
        if *known != Some(generation) {
            if retain && entry.reserved.is_some() {
                return Err(Denied::Invalid);
            }
            if !gate.publish(topic, retain) {
                return Err(Denied::NotAuthorized);
            }
            *known = Some(generation);
        }
        let targets = match &entry.targets {
            Some((generation, targets)) if *generation == index.generation() => Arc::clone(targets),
            _ => {
                let (generation, targets) = index.find(topic);
                entry.targets = Some((generation, Arc::clone(&targets)));
                targets
            }
        };
        Ok(Admitted { topic: entry.topic.clone(), reserved: entry.reserved, targets })
    }

    /// Counts a message on the topic admitted last.
    pub(crate) fn count_sent(&mut self, window: u64, bytes: usize, usage: &LinkUsage) {
        if let Some(Entry { topic, usage: own, .. }) = self.entries.get_mut(self.last) {
            own.get_or_insert_with(|| usage.on(topic)).sent(window, bytes);
        }
    }

    /// Whether it is the first time that a message to the topic admitted last went nowhere.
    pub(crate) fn is_first_unheard(&mut self) -> bool {
        self.entries.get_mut(self.last).is_some_and(|entry| !std::mem::replace(&mut entry.unheard, true))
    }

    /// The User Properties that every message of the client carries besides its own.
    pub(crate) fn propagated(&mut self, gate: &dyn SessionGate) -> Option<Arc<[(SmolStr, SmolStr)]>> {
        let generation = Some(gate.generation());
        if self.propagated.generation != generation {
            self.propagated = Propagated { generation, user: gate.propagated() };
        }
        self.propagated.user.clone()
    }

    fn find(&mut self, topic: &str, limits: &Limits) -> Result<usize, Denied> {
        if self.entries.get(self.last).is_some_and(|e| e.topic == topic) {
            return Ok(self.last);
        }
        if let Some(at) = self.by_topic.get(topic) {
            self.last = *at;
            return Ok(*at);
        }
        if !is_topic(topic, limits) {
            return Err(Denied::Invalid);
        }
        let reserved = Reserved::read(topic).map_err(|_| Denied::Invalid)?;
        if self.entries.len() >= MOST {
            self.entries.clear();
            self.by_topic.clear();
        }
        let topic = SmolStr::new(topic);
        let at = self.entries.len();
        self.entries.push(Entry {
            topic: topic.clone(),
            reserved,
            publish: None,
            retain: None,
            targets: None,
            unheard: false,
            usage: None,
        });
        self.by_topic.insert(topic, at);
        self.last = at;
        Ok(at)
    }
}

/// The topics that a client receives on.
#[derive(Default)]
pub(crate) struct Receives {
    generation: u64,
    by_topic: HashMap<SmolStr, bool, RandomState>,
    last: Option<(SmolStr, bool)>,
    /// Where messages on the last topic are counted.
    counted: Option<(SmolStr, Arc<TopicUsage>)>,
}

impl Receives {
    /// Counts a message.
    pub(crate) fn count(&mut self, window: u64, topic: &SmolStr, usage: &LinkUsage) {
        match &self.counted {
            Some((known, own)) if known == topic => own.received(window),
            _ => {
                let own = usage.on(topic);
                own.received(window);
                self.counted = Some((topic.clone(), own));
            }
        }
    }

    /// Whether the client may receive on a topic.
    pub(crate) fn allows(&mut self, topic: &SmolStr, gate: &dyn SessionGate) -> bool {
        let generation = gate.generation();
        if self.generation != generation {
            self.generation = generation;
            self.by_topic.clear();
            self.last = None;
        }
        if let Some((known, allowed)) = &self.last
            && known == topic
        {
            return *allowed;
        }
        let allowed = match self.by_topic.get(topic) {
            Some(allowed) => *allowed,
            None => {
                if self.by_topic.len() >= MOST {
                    self.by_topic.clear();
                }
                let allowed = gate.receive(topic);
                self.by_topic.insert(topic.clone(), allowed);
                allowed
            }
        };
        self.last = Some((topic.clone(), allowed));
        allowed
    }
}
