//! The indexes: brought in step with the books behind the events, and built anew at a start.

use super::connections::Connections;
use super::sources::{self, Outside, Violations};
use crate::service::Service;
use async_trait::async_trait;
use drydock_core::{ApiError, Event, ThingGroupName, ThingName, Timestamp};
use drydock_host::Host;
use drydock_indexing::config::{GroupConfig, ThingConfig};
use drydock_indexing::{GROUPS, Index, Query, THINGS};
use drydock_model::iot::IndexStatus;
use drydock_timers::{Due, Reminder};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// How many things are read from the books at a time: whoever changes one waits about a millisecond at most.
const AT_ONCE: usize = 50;
/// How many things are indexed before the first socket is served. More of them are indexed behind it.
const AT_START: usize = 20_000;

/// Who asks for fields of the index, and so needs them to stay in the configuration.
pub trait Uses: Send + Sync {
    /// The queries that are asked again and again, with the aggregation field where there is one, and who asks.
    fn queries(&self) -> Vec<(Query, Option<String>, String)>;
}

/// Fleet indexing.
pub struct IndexingService {
    pub(super) indexed: Arc<Indexed>,
    reminder: Reminder,
}

/// The indexes, with all that brings them in step.
pub(super) struct Indexed {
    pub(super) host: Host,
    pub(super) outside: Outside,
    pub(super) state: RwLock<State>,
    dirty: Mutex<Dirty>,
    /// Held while things go from the books into the index: of two states of a thing the later one stays.
    bringing: tokio::sync::Mutex<()>,
    /// Whether anything is indexed of things, and of groups: nothing is marked otherwise.
    on: [AtomicBool; 2],
    uses: RwLock<Vec<Arc<dyn Uses>>>,
}

/// Both indexes.
#[derive(Default)]
pub(super) struct State {
    pub(super) things: Kept,
    pub(super) groups: Kept,
}

/// An index and how far it is; none where nothing is indexed.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) index: Index,
    pub(super) status: Option<IndexStatus>,
}

/// What is to be looked at.
#[derive(Default)]
struct Dirty {
    things: BTreeSet<ThingName>,
    groups: BTreeSet<ThingGroupName>,
}

impl Dirty {
    fn take(&mut self) -> (Vec<ThingName>, Vec<ThingGroupName>) {
        let things = std::iter::from_fn(|| self.things.pop_first()).take(AT_ONCE).collect();
        (things, std::iter::from_fn(|| self.groups.pop_first()).take(AT_ONCE).collect())
    }
}

impl Kept {
    /// Takes note of another configuration.
    fn configured(&mut self, is_on: bool) {
        if !is_on {
            *self = Self::default();
            return;
        }
        self.status = Some(match self.status {
            None | Some(IndexStatus::Building) => IndexStatus::Building,
            Some(_) => IndexStatus::Rebuilding,
        });
    }

    fn is_complete(&mut self) {
        if let Some(status) = &mut self.status {
            *status = IndexStatus::Active;
        }
    }
}

impl IndexingService {
    /// Fleet indexing, with nothing indexed yet.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let reminder = host.books.time.reminder("fleet index");
        let outside =
            Outside { broker: host.broker.clone(), connections: Connections::default(), violations: OnceLock::new() };
        let (state, dirty, bringing, on, uses) = Default::default();
        Self { indexed: Arc::new(Indexed { host, outside, state, dirty, bringing, on, uses }), reminder }
    }

    /// Has what Device Defender finds be indexed. The first one stays.
    pub fn violations_from(&self, violations: Arc<dyn Violations>) {
        let _ = self.indexed.outside.violations.set(violations);
    }

    /// Has the configuration keep what somebody asks for.
    pub fn used_by(&self, uses: Arc<dyn Uses>) {
        self.indexed.uses.write().push(uses);
    }

    /// Something is known of these things that no event tells: they are looked at.
    pub fn look_at(&self, things: impl IntoIterator<Item = ThingName>) {
        self.indexed.dirty.lock().things.extend(things);
        self.reminder.by(self.indexed.host.books.now());
    }

    /// The books have become others, or the configuration: all of it is looked at.
    pub fn look_again(&self) {
        self.indexed.mark_all();
        self.reminder.by(self.indexed.host.books.now());
    }

    /// The books were emptied, with all that was known of connections.
    pub fn forget(&self) {
        self.indexed.outside.connections.clear();
        self.look_again();
    }
}

impl Indexed {
    pub(super) fn configs(&self) -> (Arc<ThingConfig>, Arc<GroupConfig>) {
        self.host.books.indexing.read(|book| (book.things(), book.groups()))
    }

    /// The fields that somebody asks for again and again, with who does.
    pub(super) fn in_use(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for (query, aggregated, who) in self.uses.read().iter().flat_map(|uses| uses.queries()) {
            let literal = |term: &drydock_indexing::query::Term| term.field.as_ref()?.literal().map(str::to_owned);
            let asked = query.terms().into_iter().filter_map(literal).chain(aggregated);
            // A term without a field asks for what is there anyway, as long as things are indexed.
            fields.extend(asked.chain(["thingName".to_owned()]).map(|field| (field, who.clone())));
        }
        fields
    }

    fn mark_all(&self) {
        let (things, groups) = self.configs();
        let on = [things.is_on(), groups.is_on()];
        for (kept, is_on) in self.on.iter().zip(on) {
            kept.store(is_on, Ordering::Relaxed);
        }
        let mut state = self.state.write();
        state.things.configured(things.is_on());
        state.groups.configured(groups.is_on());
        let gone: Vec<_> = state.things.index.names().filter_map(|name| ThingName::new(name).ok()).collect();
        let gone_groups: Vec<_> =
            state.groups.index.names().filter_map(|name| ThingGroupName::new(name).ok()).collect();
        drop(state);
        let (names, group_names) = self.host.books.registry.read(|registry| {
            let names: Vec<_> = registry.thing_names().filter(|_| things.is_on()).cloned().collect();
            (names, registry.group_names().filter(|_| groups.is_on()).cloned().collect::<Vec<_>>())
        });
        let mut dirty = self.dirty.lock();
        dirty.things.extend(names.into_iter().chain(gone));
        dirty.groups.extend(group_names.into_iter().chain(gone_groups));
    }

    /// Brings what is marked into the indexes: all of it, or at most some.
    pub(super) async fn bring(self: &Arc<Self>, most: Option<usize>) {
        let _one = self.bringing.lock().await;
        let mut brought = 0;
        loop {
            let (things, groups) = self.dirty.lock().take();
            if things.is_empty() && groups.is_empty() {
                // What was marked just now is looked at next, and no index was complete without it.
                let mut state = self.state.write();
                state.things.is_complete();
                state.groups.is_complete();
                return;
            }
            brought += things.len();
            let indexed = Arc::clone(self);
            let marked = (things.clone(), groups.clone());
            let done = tokio::task::spawn_blocking(move || indexed.put(&things, &groups)).await;
            if let Err(error) = done {
                tracing::error!(%error, "the fleet index could not be brought up to date");
                let mut dirty = self.dirty.lock();
                dirty.things.extend(marked.0);
                dirty.groups.extend(marked.1);
                return;
            }
            if most.is_some_and(|most| brought >= most) {
                return;
            }
        }
    }

    fn put(&self, things: &[ThingName], groups: &[ThingGroupName]) {
        let (config, group_config) = self.configs();
        let books = &self.host.books;
        if config.is_on() {
            let found = sources::things(books, &self.outside, &config, things);
            let documents: Vec<_> =
                found.iter().map(|thing| thing.as_ref().map(|thing| thing.document(&config))).collect();
            let index = &mut self.state.write().things.index;
            for (name, document) in things.iter().zip(documents) {
                match document {
                    Some(document) => drop(index.put(name.as_str(), &document)),
                    None => drop(index.remove(name.as_str())),
                }
            }
        }
        if group_config.is_on() {
            let documents: Vec<_> = sources::groups(books, groups)
                .iter()
                .map(|group| group.as_ref().map(drydock_indexing::sources::Group::document))
                .collect();
            let index = &mut self.state.write().groups.index;
            for (name, document) in groups.iter().zip(documents) {
                match document {
                    Some(document) => drop(index.put(name.as_str(), &document)),
                    None => drop(index.remove(name.as_str())),
                }
            }
        }
    }

    /// Marks what an event is about; whether there was anything.
    fn mark(&self, event: &Event) -> bool {
        let [things, groups] = [0, 1].map(|at| self.on.get(at).is_some_and(|on| on.load(Ordering::Relaxed)));
        let thing = match event {
            Event::ThingChanged { thing, .. } => Some(thing.name.clone()),
            Event::ThingTypeAssociation { thing, .. } => Some(thing.clone()),
            Event::ThingGroupMembership { membership, .. } => Some(membership.thing.clone()),
            Event::ShadowChanged { thing, .. } => ThingName::new(thing).ok().filter(|_| things),
            Event::ThingGroupChanged { group, .. } if groups => {
                return self.dirty.lock().groups.insert(group.group.name.clone());
            }
            Event::ClientConnected { .. } | Event::ClientDisconnected { .. } => {
                let registry = &self.host.books.registry;
                registry.read(|registry| self.outside.connections.hear(registry, &self.outside.broker, event))
            }
            _ => None,
        };
        if let Event::ThingChanged { thing, change: drydock_core::event::Change::Deleted, .. } = event {
            self.outside.connections.forget(&thing.name);
        }
        thing.filter(|_| things).is_some_and(|thing| self.dirty.lock().things.insert(thing))
    }
}

impl State {
    /// The index of a name.
    pub(super) fn of(&self, name: Option<&str>) -> Option<&Kept> {
        match name {
            None | Some(THINGS) => Some(&self.things),
            Some(GROUPS) => Some(&self.groups),
            Some(_) => None,
        }
    }
}

#[async_trait]
impl Due for IndexingService {
    async fn due(&self, _: Timestamp) -> Option<Timestamp> {
        self.indexed.bring(None).await;
        None
    }
}

#[async_trait]
impl Service for IndexingService {
    fn reminder(&self) -> Option<Reminder> {
        Some(self.reminder.clone())
    }

    fn hears(self: Arc<Self>, event: &Event) {
        if self.indexed.mark(event) {
            self.reminder.by(self.indexed.host.books.now());
        }
    }

    async fn reconcile(self: Arc<Self>) -> Result<(), ApiError> {
        self.indexed.mark_all();
        self.indexed.bring(Some(AT_START)).await;
        // Others follow behind the first socket.
        self.reminder.by(self.indexed.host.books.now());
        Ok(())
    }
}
