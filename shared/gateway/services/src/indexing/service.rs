//! The indexes: brought in step with the books behind the events, and built anew at a start.

use super::connections::Connections;
use super::sources::{self, Outside, Violations};
use crate::service::{AGAIN, Service};
use async_trait::async_trait;
use drydock_broker::Who;
use drydock_core::{ApiError, ErrorCode, Event, ThingGroupName, ThingName, Timestamp};
use drydock_host::Host;
use drydock_host::logs::failure;
use drydock_indexing::config::{GroupConfig, ThingConfig, no_index};
use drydock_indexing::document::Document;
use drydock_indexing::misfits::{self, Misfit};
use drydock_indexing::query::Term;
use drydock_indexing::sources::Thing;
use drydock_indexing::{GROUPS, Glob, Index, Limits, Plan, Query, THINGS};
use drydock_logging::{EventType, Status};
use drydock_model::iot::IndexStatus;
use drydock_registry::Registry;
use drydock_registry::dynamic_groups::{DynamicGroup, LeftOut};
use drydock_timers::{Due, Reminder};
use parking_lot::{Mutex, RwLock};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// How many things are read from the books at a time: whoever changes one waits about a millisecond at most.
pub(super) const AT_ONCE: usize = 50;
/// How many things are indexed before the first socket is served. More of them are indexed behind it.
const AT_START: usize = 20_000;

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
    following: RwLock<Vec<Following>>,
    /// Whether the indexes are made anew, as at every start.
    is_starting: AtomicBool,
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

/// A dynamic group, with what it asks for.
struct Following {
    group: DynamicGroup,
    query: Query,
    plan: Plan,
}

/// What is to be looked at.
#[derive(Default)]
struct Dirty {
    /// Whether dynamic groups have come, gone, or ask for something else.
    queries: bool,
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

    /// Takes documents in by their names; what has none any longer goes. Says of each whether it is another one.
    fn bring<'a>(&mut self, documents: impl Iterator<Item = (&'a str, Option<&'a Document>)>) -> Vec<bool> {
        let bring = |(name, document): (&str, Option<&Document>)| match document {
            Some(document) => self.index.put(name, document).1,
            None => self.index.remove(name),
        };
        documents.map(bring).collect()
    }
}

impl IndexingService {
    /// Fleet indexing, with nothing indexed yet.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let reminder = host.books.time.reminder("fleet index");
        let outside =
            Outside { broker: host.broker.clone(), connections: Connections::default(), violations: OnceLock::new() };
        let (state, dirty, bringing, on, following) = Default::default();
        let is_starting = AtomicBool::new(true);
        Self {
            indexed: Arc::new(Indexed { host, outside, state, dirty, bringing, on, following, is_starting }),
            reminder,
        }
    }

    /// Has what Device Defender finds be indexed. The first one stays.
    pub fn violations_from(&self, violations: Arc<dyn Violations>) {
        let _ = self.indexed.outside.violations.set(violations);
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

    /// The fields that dynamic groups ask for, with the group.
    pub(super) fn in_use(groups: &[DynamicGroup]) -> Vec<(String, String)> {
        let asked = groups.iter().filter_map(|group| {
            let fields = Query::parse(&group.query, &Limits::GROUP).ok()?.fields();
            Some(fields.into_iter().map(move |field| (field, format!("the dynamic thing group `{}`", group.name))))
        });
        asked.flatten().collect()
    }

    fn mark_all(&self) {
        // Held until all is marked: nobody takes an index for complete meanwhile, and of two configurations the later one stays.
        let mut dirty = self.dirty.lock();
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
            let names: Vec<_> = things.is_on().then(|| registry.thing_names().cloned()).into_iter().flatten().collect();
            let group_names = groups.is_on().then(|| registry.group_names().cloned());
            (names, group_names.into_iter().flatten().collect::<Vec<_>>())
        });
        dirty.queries = true;
        dirty.things.extend(names.into_iter().chain(gone));
        dirty.groups.extend(group_names.into_iter().chain(gone_groups));
    }

    /// Brings what is marked into the indexes: all of it, or at most some.
    ///
    /// # Errors
    /// Where the disk does not take the members of dynamic groups.
    pub(super) async fn bring(self: &Arc<Self>, most: Option<usize>) -> Result<(), ApiError> {
        let mut brought = 0;
        loop {
            // For a round alone: who brings a few things does not wait for one who brings a whole fleet.
            let _one = self.bringing.lock().await;
            if std::mem::take(&mut self.dirty.lock().queries) {
                let indexed = Arc::clone(self);
                blocking(move || indexed.read_groups()).await?;
            }
            let (things, groups) = self.dirty.lock().take();
            if things.is_empty() && groups.is_empty() {
                if !self.complete() {
                    continue;
                }
                return self.settle().await;
            }
            brought += things.len();
            let indexed = Arc::clone(self);
            let marked = (things.clone(), groups.clone());
            let brought_in = match blocking(move || indexed.put(&things, &groups)).await {
                Ok(found) => self.follow(&found).await,
                Err(error) => Err(error),
            };
            if let Err(error) = brought_in {
                let mut dirty = self.dirty.lock();
                dirty.things.extend(marked.0);
                dirty.groups.extend(marked.1);
                return Err(error);
            }
            if most.is_some_and(|most| brought >= most) {
                return Ok(());
            }
        }
    }

    /// Takes the indexes for complete, where nothing is marked.
    fn complete(&self) -> bool {
        let dirty = self.dirty.lock();
        let is_clean = !dirty.queries && dirty.things.is_empty() && dirty.groups.is_empty();
        // Mostly they are so already: who marks something then does not wait for a search to end.
        if is_clean && !self.state.read().has_all() {
            let mut state = self.state.write();
            state.things.is_complete();
            state.groups.is_complete();
        }
        if is_clean {
            self.is_starting.store(false, Ordering::Relaxed);
        }
        is_clean
    }

    /// Puts things and groups into the indexes; gives the things that are in other dynamic groups than those that find them, with
    /// these.
    fn put(&self, things: &[ThingName], groups: &[ThingGroupName]) -> Vec<(ThingName, BTreeSet<ThingGroupName>)> {
        let mut other = Vec::new();
        let (config, group_config) = self.configs();
        let books = &self.host.books;
        if config.is_on() {
            let found = sources::things(books, &self.outside, &config, things);
            let documents: Vec<_> =
                found.iter().map(|thing| thing.as_ref().map(|thing| thing.document(&config))).collect();
            for ((name, thing), document) in things.iter().zip(&found).zip(&documents) {
                let (Some(thing), Some(document)) = (thing, document) else { continue };
                other.extend(self.other_groups(thing, document).map(|groups| (name.clone(), groups)));
            }
            let names = things.iter().map(ThingName::as_str);
            let other = self.state.write().things.bring(names.zip(documents.iter().map(Option::as_ref)));
            // What a start makes anew was told of when it came.
            if !self.is_starting.load(Ordering::Relaxed) {
                for ((thing, document), _) in found.iter().zip(&documents).zip(other).filter(|(_, is_other)| *is_other)
                {
                    self.tell_misfits(&config, thing.as_ref(), document.as_ref());
                }
            }
        }
        if group_config.is_on() {
            let documents: Vec<_> = sources::groups(books, groups)
                .iter()
                .map(|group| group.as_ref().map(drydock_indexing::sources::Group::document))
                .collect();
            let names = groups.iter().map(ThingGroupName::as_str);
            let _is_other = self.state.write().groups.bring(names.zip(documents.iter().map(Option::as_ref)));
        }
        other
    }

    /// Tells the logs which values of a thing do not fit their fields.
    fn tell_misfits(&self, config: &ThingConfig, thing: Option<&Thing>, document: Option<&Document>) {
        let (Some(thing), Some(document)) = (thing, document) else { return };
        let tell = |event: EventType, status: Status, attribute: &'static str, misfits: &[Misfit]| {
            if misfits.is_empty() {
                return;
            }
            let who = Who { client_id: "", principal: "", remote: None };
            self.host.told.logs.tell(event, who, status, |entry| {
                entry.with("thingName", thing.name.as_str()).with(attribute, misfits::entries(misfits))
            });
        };
        tell(
            EventType::IndexingCustomFieldFailed,
            Status::SucceededWithIssues,
            "failedCustomFields",
            &misfits::custom(document, config),
        );
        // In the words of AWS.
        let why =
            "failed to index the field because it could not be converted to one of the expected geoLocation formats.";
        tell(
            EventType::IndexingGeoLocationFieldFailed,
            failure(why, ""),
            "failedGeolocationFields",
            &misfits::places(thing, config),
        );
    }

    /// The dynamic groups whose queries find a thing, where it is in others. That it is in a dynamic group is nothing that their
    /// queries see: otherwise one that finds what is not in it would have no end.
    fn other_groups(&self, thing: &Thing, document: &Document) -> Option<BTreeSet<ThingGroupName>> {
        let following = self.following.read();
        if following.is_empty() {
            return None;
        }
        let is_dynamic = |name: &str| following.iter().any(|following| following.group.name.as_str() == name);
        let present: BTreeSet<&str> =
            thing.groups.iter().map(SmolStr::as_str).filter(|name| is_dynamic(name)).collect();
        let without = (!present.is_empty()).then(|| {
            document.filtered(|field, value| field != "thingGroupNames" || !present.contains(value.shown().as_str()))
        });
        let document = without.as_ref().unwrap_or(document);
        let found = following.iter().filter(|following| following.plan.fits(document));
        let found: BTreeSet<ThingGroupName> = found.map(|following| following.group.name.clone()).collect();
        (!found.iter().map(ThingGroupName::as_str).eq(present)).then_some(found)
    }

    /// Reads which dynamic groups there are; marks the things that one with another query has to do with.
    fn read_groups(&self) {
        let groups = self.host.books.registry.read(Registry::dynamic_groups);
        let mut now = Vec::new();
        for group in groups {
            match Query::parse(&group.query, &Limits::GROUP) {
                Ok(query) => now.push(Following { plan: Plan::new(&query), query, group }),
                // It was one when it was taken, so that only a row of another version comes here.
                Err(error) => tracing::error!(group = %group.name, %error, "a dynamic thing group cannot be followed"),
            }
        }
        let mut marked: BTreeSet<ThingName> = BTreeSet::new();
        for Following { group, query, plan } in now.iter().filter(|following| !following.group.is_active) {
            let state = self.state.read();
            let index = &state.things.index;
            let is_plain =
                |term: &Term| term.field.as_ref().and_then(Glob::literal).is_some_and(|name| name != "thingGroupNames");
            if !query.terms().into_iter().all(is_plain) {
                marked.extend(index.names().filter_map(|name| ThingName::new(name).ok()));
                continue;
            }
            let found: BTreeSet<ThingName> =
                index.search(plan).iter().filter_map(|slot| ThingName::new(index.name(slot)?).ok()).collect();
            drop(state);
            let members = self.host.books.registry.read(|registry| registry.members_below(group.name.as_str()));
            marked.extend(found.symmetric_difference(&members.into_iter().collect()).cloned());
        }
        *self.following.write() = now;
        self.dirty.lock().things.extend(marked);
    }

    /// Has things be in the dynamic groups that find them.
    async fn follow(&self, found: &[(ThingName, BTreeSet<ThingGroupName>)]) -> Result<(), ApiError> {
        if found.is_empty() {
            return Ok(());
        }
        let books = &self.host.books;
        let left_out = books
            .apply(&books.registry, |book| Ok(book.follow_queries(found, books.now(), books.ids.as_ref())))
            .await?;
        for LeftOut { thing, groups } in left_out {
            let names: Vec<&str> = groups.iter().map(ThingGroupName::as_str).collect();
            let why = format!("the thing `{thing}` is in ten thing groups, and does not fit into {}", names.join(", "));
            let who = Who { client_id: "", principal: "", remote: None };
            self.host.told.logs.tell(
                EventType::AddThingToDynamicThingGroupsFailed,
                who,
                failure("LimitExceeded", why),
                |entry| entry.with("thingName", thing.as_str()).with("dynamicThingGroupNames", names.join(",")),
            );
        }
        Ok(())
    }

    /// Takes note that dynamic groups have all their members.
    async fn settle(&self) -> Result<(), ApiError> {
        let following = |group: &DynamicGroup| !group.is_active;
        let unsettled: Vec<DynamicGroup> =
            self.following.read().iter().map(|following| following.group.clone()).filter(following).collect();
        if unsettled.is_empty() {
            return Ok(());
        }
        let books = &self.host.books;
        books.apply(&books.registry, |book| Ok(book.settle_dynamic_groups(&unsettled))).await?;
        for following in self.following.write().iter_mut().filter(|following| unsettled.contains(&following.group)) {
            following.group.is_active = true;
        }
        Ok(())
    }

    /// Whether a group is dynamic, or was.
    fn is_followed(&self, name: &ThingGroupName) -> bool {
        self.host.books.registry.read(|registry| registry.is_dynamic(name.as_str()))
            || self.following.read().iter().any(|following| following.group.name == *name)
    }

    /// Marks what an event is about; whether there was anything.
    fn mark(&self, event: &Event) -> bool {
        let [things, groups] = self.on.each_ref().map(|on| on.load(Ordering::Relaxed));
        let thing = match event {
            Event::ThingGroupChanged { group, .. } => {
                let name = &group.group.name;
                let is_followed = things && self.is_followed(name);
                let mut dirty = self.dirty.lock();
                dirty.queries |= is_followed;
                return groups && dirty.groups.insert(name.clone()) || is_followed;
            }
            Event::ClientConnected { .. } | Event::ClientDisconnected { .. } => {
                let thing = self.outside.connections.hear(&self.host.books.registry, &self.outside.broker, event);
                thing.filter(|_| things && self.configs().0.has_connectivity())
            }
            _ if !things => None,
            Event::ThingChanged { thing, .. } => Some(thing.name.clone()),
            Event::ThingTypeAssociation { thing, .. } => Some(thing.clone()),
            Event::ThingGroupMembership { membership, .. } => Some(membership.thing.clone()),
            Event::ViolationChanged { violation, .. } => ThingName::new(&violation.thing).ok(),
            Event::FoundOtherwise { things } => {
                let has_defender = self.configs().0.has_defender();
                let things = things.iter().filter(|_| has_defender).filter_map(|thing| ThingName::new(thing).ok());
                let mut dirty = self.dirty.lock();
                let before = dirty.things.len();
                dirty.things.extend(things);
                return dirty.things.len() > before;
            }
            Event::ShadowChanged { thing, name } if self.configs().0.has_shadow(name.as_deref()) => {
                ThingName::new(thing).ok()
            }
            _ => None,
        };
        if let Event::ThingChanged { thing, change: drydock_core::event::Change::Deleted, .. } = event {
            self.outside.connections.forget(&thing.name);
        }
        thing.is_some_and(|thing| self.dirty.lock().things.insert(thing))
    }
}

impl State {
    /// The index of a name.
    pub(super) fn of(&self, name: &str) -> Option<&Kept> {
        match name {
            THINGS => Some(&self.things),
            GROUPS => Some(&self.groups),
            _ => None,
        }
    }

    /// Whether both have all that there is, as far as they are on.
    fn has_all(&self) -> bool {
        [&self.things, &self.groups].iter().all(|kept| matches!(kept.status, None | Some(IndexStatus::Active)))
    }
}

#[async_trait]
impl Due for IndexingService {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if let Err(error) = self.indexed.bring(None).await {
            tracing::warn!(%error, "the fleet index could not be brought up to date");
            return Some(now.plus_millis(AGAIN));
        }
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
        self.indexed.bring(Some(AT_START)).await?;
        // Others follow behind the first socket.
        self.reminder.by(self.indexed.host.books.now());
        Ok(())
    }
}

/// Does something beside the workers that serve sockets.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::new(ErrorCode::InternalFailureException, error.to_string()))
}

/// An index that can be asked.
pub(super) fn ready<'a>(state: &'a State, name: &str) -> Result<&'a Index, ApiError> {
    let kept = state.of(name).ok_or_else(|| no_index(name))?;
    match kept.status {
        None => Err(no_index(name)),
        Some(IndexStatus::Building) => {
            let why = format!("Index {name} is being built: ask again, DescribeIndex says when it is ACTIVE");
            Err(ApiError::new(ErrorCode::IndexNotReadyException, why))
        }
        Some(_) => Ok(&kept.index),
    }
}
