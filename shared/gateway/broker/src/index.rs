//! Which subscriptions a topic matches: a tree of levels.
//!
//! A node is found by hashing its parent and its level, so that matching costs one or two lookups per level of the topic,
//! however many subscriptions do not match. Nodes live in one vector and the table holds their numbers only, which keeps
//! a million subscriptions small. Readers share a lock; a connection keeps what a topic matched until
//! [`Index::generation`] changes, so that the lock is off the path of a steady stream of messages.

use crate::session::{Group, Session};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::RwLock;
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One session's subscription with the options that delivery needs.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    pub(crate) session: Arc<Session>,
    pub(crate) qos: crate::message::Qos,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
}

/// What a topic matches: each session once, with its highest QoS, and the groups of shared subscriptions.
#[derive(Debug, Default)]
pub(crate) struct MatchSet {
    pub(crate) sessions: Vec<Subscriber>,
    pub(crate) groups: Vec<Arc<Group>>,
}

impl MatchSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty()
    }
}

/// The subscriptions of all sessions.
#[derive(Debug, Default)]
pub(crate) struct Index {
    tree: RwLock<Tree>,
    generation: AtomicU64,
}

impl Index {
    /// Changes whenever a match may have changed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Adds a session's subscription or changes its options; true where it is new.
    pub(crate) fn subscribe(&self, filter: &str, subscriber: Subscriber) -> bool {
        let mut tree = self.tree.write();
        let added = tree.leaf(filter).put(subscriber);
        self.generation.fetch_add(1, Ordering::Release);
        added
    }

    /// Removes a session's subscription.
    pub(crate) fn unsubscribe(&self, filter: &str, session: u64) {
        let mut tree = self.tree.write();
        tree.remove(filter, |leaf| leaf.take_out(session));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Adds a group of shared subscriptions under its filter.
    pub(crate) fn add_group(&self, filter: &str, group: Arc<Group>) {
        let mut tree = self.tree.write();
        tree.leaf(filter).groups.push(group);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Removes a group.
    pub(crate) fn remove_group(&self, filter: &str, group: &Arc<Group>) {
        let mut tree = self.tree.write();
        tree.remove(filter, |leaf| leaf.groups.retain(|g| !Arc::ptr_eq(g, group)));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What a topic matches now, with the generation that it is known to be true for.
    pub(crate) fn find(&self, topic: &str) -> (u64, Arc<MatchSet>) {
        let generation = self.generation();
        let levels: SmallVec<[&str; 16]> = topic.split('/').collect();
        let mut found = MatchSet::default();
        self.tree.read().collect(ROOT, &levels, topic.starts_with('$'), &mut found);
        // One copy for each session, at the highest QoS that it asked for (MQTT-3.3.5-1).
        found.sessions.sort_unstable_by_key(|s| (s.session.id, std::cmp::Reverse(s.qos)));
        found.sessions.dedup_by_key(|s| s.session.id);
        (generation, Arc::new(found))
    }

    /// How many subscriptions there are, a group counting as one.
    #[cfg(test)]
    fn nodes(&self) -> usize {
        self.tree.read().table.len()
    }
}

const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
    free: Vec<u32>,
    table: HashTable<u32>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Node {
    parent: u32,
    level: SmolStr,
    children: u32,
    /// The child of level `+`, found without hashing.
    plus: u32,
    /// Subscriptions whose filter ends here.
    here: Option<Box<Leaf>>,
    /// Subscriptions whose filter is this node's and `/#`.
    below: Option<Box<Leaf>>,
}

impl Node {
    fn new(parent: u32, level: &str) -> Self {
        Self { parent, level: SmolStr::new(level), children: 0, plus: NONE, here: None, below: None }
    }
}

/// Subscribers of one filter that are looked through one by one; where there are more, their places are kept.
const FEW: usize = 16;

#[derive(Debug, Default)]
struct Leaf {
    sessions: SmallVec<[Subscriber; 1]>,
    /// Where each session stands in `sessions`, once there are more than a few.
    #[expect(clippy::box_collection, reason = "most filters have few subscribers: theirs costs a pointer, not a map")]
    places: Option<Box<HashMap<u64, usize, RandomState>>>,
    groups: SmallVec<[Arc<Group>; 0]>,
}

impl Leaf {
    fn place(&self, session: u64) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(&session).copied(),
            None => self.sessions.iter().position(|s| s.session.id == session),
        }
    }

    fn put(&mut self, subscriber: Subscriber) -> bool {
        if let Some(known) = self.place(subscriber.session.id).and_then(|at| self.sessions.get_mut(at)) {
            *known = subscriber;
            return false;
        }
        if let Some(places) = &mut self.places {
            places.insert(subscriber.session.id, self.sessions.len());
        }
        self.sessions.push(subscriber);
        if self.sessions.len() > FEW && self.places.is_none() {
            let places = self.sessions.iter().enumerate().map(|(at, s)| (s.session.id, at));
            self.places = Some(Box::new(places.collect()));
        }
        true
    }

    fn take_out(&mut self, session: u64) {
        let Some(at) = self.place(session) else { return };
        self.sessions.swap_remove(at);
        if let Some(places) = &mut self.places {
            places.remove(&session);
            if let Some(moved) = self.sessions.get(at) {
                places.insert(moved.session.id, at);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty()
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(NONE, "")],
            free: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::default(),
        }
    }
}

impl Tree {
    fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    fn hash(hasher: &RandomState, parent: u32, level: &str) -> u64 {
        hasher.hash_one((parent, level))
    }

    fn child(&self, parent: u32, level: &str) -> Option<u32> {
        let hash = Self::hash(&self.hasher, parent, level);
        let same = |id: &u32| self.node(*id).is_some_and(|n| n.parent == parent && n.level == level);
        self.table.find(hash, same).copied()
    }

    fn collect(&self, at: u32, levels: &[&str], reserved: bool, found: &mut MatchSet) {
        let Some(node) = self.node(at) else { return };
        let Some((level, rest)) = levels.split_first() else {
            Self::take(node.here.as_deref(), found);
            return;
        };
        // A wildcard in the first level does not match a topic that starts with `$` (MQTT-4.7.2-1).
        let wild = !(reserved && at == ROOT);
        if wild {
            Self::take(node.below.as_deref(), found);
        }
        if node.children == 0 {
            return;
        }
        if let Some(child) = self.child(at, level) {
            self.collect(child, rest, reserved, found);
        }
        if wild && node.plus != NONE {
            self.collect(node.plus, rest, reserved, found);
        }
    }

    fn take(leaf: Option<&Leaf>, found: &mut MatchSet) {
        if let Some(leaf) = leaf {
            found.sessions.extend(leaf.sessions.iter().cloned());
            found.groups.extend(leaf.groups.iter().cloned());
        }
    }

    /// The leaf of a filter, made where it does not exist.
    fn leaf(&mut self, filter: &str) -> &mut Leaf {
        let (path, below) = split(filter);
        let mut at = ROOT;
        for level in path.into_iter().flat_map(|p| p.split('/')) {
            at = self.child(at, level).unwrap_or_else(|| self.grow(at, level));
        }
        let index = (at as usize).min(self.nodes.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "the index is cut to the vector's length, which is never 0")]
        let node = &mut self.nodes[index];
        let place = if below { &mut node.below } else { &mut node.here };
        place.get_or_insert_default()
    }

    fn grow(&mut self, parent: u32, level: &str) -> u32 {
        let node = Node::new(parent, level);
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(place) = self.nodes.get_mut(id as usize) {
                    *place = node;
                }
                id
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).unwrap_or(NONE)
            }
        };
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.children += 1;
            if level == "+" {
                parent.plus = id;
            }
        }
        let Self { nodes, table, hasher, .. } = self;
        let rehash = |id: &u32| nodes.get(*id as usize).map_or(0, |n| Self::hash(hasher, n.parent, &n.level));
        table.insert_unique(Self::hash(hasher, parent, level), id, rehash);
        id
    }

    /// Changes the leaf of a filter and prunes what became empty.
    fn remove(&mut self, filter: &str, change: impl FnOnce(&mut Leaf)) {
        let (path, below) = split(filter);
        let mut at = ROOT;
        for level in path.into_iter().flat_map(|p| p.split('/')) {
            let Some(child) = self.child(at, level) else { return };
            at = child;
        }
        let Some(node) = self.nodes.get_mut(at as usize) else { return };
        let place = if below { &mut node.below } else { &mut node.here };
        if let Some(leaf) = place {
            change(leaf);
            if leaf.is_empty() {
                *place = None;
            }
        }
        self.prune(at);
    }

    fn prune(&mut self, mut at: u32) {
        while at != ROOT {
            let Some(node) = self.node(at) else { return };
            if node.children > 0 || node.here.is_some() || node.below.is_some() {
                return;
            }
            let (parent, hash) = (node.parent, Self::hash(&self.hasher, node.parent, &node.level));
            let is_plus = node.level == "+";
            if let Ok(entry) = self.table.find_entry(hash, |id| *id == at) {
                entry.remove();
            }
            self.free.push(at);
            if let Some(parent) = self.nodes.get_mut(parent as usize) {
                parent.children -= 1;
                if is_plus {
                    parent.plus = NONE;
                }
            }
            at = parent;
        }
    }
}

/// The path of a filter, and whether a `#` follows it.
fn split(filter: &str) -> (Option<&str>, bool) {
    if filter == "#" {
        return (None, true);
    }
    match filter.strip_suffix("/#") {
        Some(path) => (Some(path), true),
        None => (Some(filter), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Protocol, Qos};
    use drydock_core::topic::matches;
    use proptest::prelude::*;

    fn session(id: u64) -> Arc<Session> {
        Arc::new(Session::new(id, "c".into(), "p".into(), Protocol::V311, "s".into(), false, 0))
    }

    fn subscriber(session: &Arc<Session>, qos: Qos) -> Subscriber {
        Subscriber { session: Arc::clone(session), qos, no_local: false, retain_as_published: false }
    }

    proptest! {
        #[test]
        fn the_tree_agrees_with_the_matcher(
            filters in proptest::collection::vec("(\\$a|a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?|#", 1..20),
            removed in proptest::collection::vec(any::<bool>(), 20),
            topics in proptest::collection::vec("(\\$a|a|b|)(/(a|b|)){0,4}", 1..10),
        ) {
            let index = Index::default();
            let sessions: Vec<_> = (0..filters.len() as u64).map(session).collect();
            for (filter, session) in filters.iter().zip(&sessions) {
                index.subscribe(filter, subscriber(session, Qos::AtMostOnce));
            }
            for (i, filter) in filters.iter().enumerate().filter(|(i, _)| removed[*i]) {
                index.unsubscribe(filter, i as u64);
            }
            for topic in &topics {
                let found: Vec<_> = index.find(topic).1.sessions.iter().map(|s| s.session.id as usize).collect();
                let wanted: Vec<_> =
                    (0..filters.len()).filter(|i| !removed[*i] && matches(&filters[*i], topic)).collect();
                prop_assert_eq!(found, wanted, "topic {}", topic);
            }
            for (i, filter) in filters.iter().enumerate() {
                index.unsubscribe(filter, i as u64);
            }
            prop_assert_eq!(index.nodes(), 0, "an empty tree keeps no node");
        }
    }

    #[test]
    fn many_subscribers_of_one_filter_come_and_go() {
        let index = Index::default();
        let sessions: Vec<_> = (0..20_000).map(session).collect();
        for session in &sessions {
            assert!(index.subscribe("a", subscriber(session, Qos::AtMostOnce)));
        }
        assert!(!index.subscribe("a", subscriber(&sessions[7], Qos::AtLeastOnce)));
        for id in (0..20_000).filter(|id| id % 3 != 0) {
            index.unsubscribe("a", id);
        }
        let left: Vec<u64> = index.find("a").1.sessions.iter().map(|s| s.session.id).collect();
        assert_eq!(left, (0..20_000).step_by(3).collect::<Vec<_>>());
        for id in left {
            index.unsubscribe("a", id);
        }
        assert_eq!(index.nodes(), 0, "nothing is kept for a filter without subscribers");
    }

    #[test]
    fn overlapping_subscriptions_of_a_session_are_one_with_the_highest_qos() {
        let index = Index::default();
        let one = session(1);
        index.subscribe("a/+", subscriber(&one, Qos::AtMostOnce));
        index.subscribe("a/#", subscriber(&one, Qos::AtLeastOnce));
        let (generation, found) = index.find("a/b");
        assert_eq!(found.sessions.len(), 1);
        assert_eq!(found.sessions[0].qos, Qos::AtLeastOnce);
        index.unsubscribe("a/#", 1);
        assert_ne!(index.generation(), generation);
    }
}
