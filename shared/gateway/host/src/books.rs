//! The rulebooks of one account and region, each in step with the disk, and the one way to run commands on them: decide,
//! save, tell, then answer.

use crate::outbox::{Outbox, Promise};
use crate::recent::Recent;
use crate::stream::{Happened, Room, Stream};
use drydock_audit::Audit;
use drydock_commands::Commands;
use drydock_core::{
    ApiError, Arn, CertificateId, Done, ErrorCode, Event, Ids, RuleName, Rulebook, Scope, Timestamp, Write,
};
use drydock_detect::Detect;
use drydock_identity::Identity;
use drydock_indexing::Indexing;
use drydock_jobs::Jobs;
use drydock_logging::Logging;
use drydock_model::iot::{CreateTopicRuleRequest, DeleteTopicRuleRequest, ReplaceTopicRuleRequest};
use drydock_ota::Ota;
use drydock_packages::Packages;
use drydock_policy::{CertificateFacts, Policies, SessionPolicies};
use drydock_provisioning::Provisioning;
use drydock_registry::Registry;
use drydock_registry::tags::Tags;
use drydock_rules::{Capabilities, RuleSet, Rules};
use drydock_shadow::Shadows;
use drydock_store::{Durable, Listener, Part, Parts as _, Set, Store, StoreError, Tables};
use drydock_timers::{Reminder, Timers};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// How many certificates' facts are remembered: some kilobytes each.
const FACTS: usize = 4096;
/// How many principals' compiled policies are remembered.
const COMPILED: usize = 4096;

/// How long after the end of its validity a certificate is told of, in milliseconds: a connect that found it valid has reached
/// the broker by then.
pub const VALIDITY_GRACE: i64 = 1000;

/// The rulebooks, and what their commands need from the outside.
///
/// They are opened, and so locked, in the order of [`all`](Self::all): identity, registry, policies, provisioning, shadows,
/// packages, jobs, commands, streams, indexing, Detect, logging, audits, rules, tags. Those that others refer to come first.
pub struct Books {
    /// The account and region.
    pub scope: Scope,
    /// The gateway's clock, and all who wait for a time on it.
    pub time: Timers,
    /// For when the validity of a certificate ends.
    pub certificates_end: Reminder,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// CAs and certificates.
    pub identity: Durable<Identity>,
    /// Things and their types.
    pub registry: Durable<Registry>,
    /// Policies and their attachments.
    pub policies: Durable<Policies>,
    /// Provisioning templates and ownership tokens.
    pub provisioning: Durable<Provisioning>,
    /// Device shadows.
    pub shadows: Durable<Shadows>,
    /// The software package catalog.
    pub packages: Durable<Packages>,
    /// Jobs and job templates.
    pub jobs: Durable<Jobs>,
    /// Commands and their executions.
    pub commands: Durable<Commands>,
    /// Streams and OTA updates.
    pub ota: Durable<Ota>,
    /// What the fleet index has.
    pub indexing: Durable<Indexing>,
    /// Security profiles, datapoints and violations.
    pub detect: Durable<Detect>,
    /// Logging options.
    pub logging: Durable<Logging>,
    /// Device Defender's audits.
    pub audit: Durable<Audit>,
    /// Topic rules.
    pub rules: Durable<Rules>,
    /// Tags of all of them.
    pub tags: Durable<Tags>,
    /// What policies may ask about certificates that connected lately. An id is its certificate's digest, so that what is known
    /// under it stays true.
    pub facts: Recent<CertificateId, Arc<CertificateFacts>>,
    /// The policies that come through some targets, as a connection had them compiled lately. The first part of the key is the
    /// [authorization generation](Self::authorization_generation) that was read before: after any change nothing is found.
    pub compiled: Recent<(u64, Vec<Arn>), SessionPolicies>,
    /// What the account was promised to be told.
    pub outbox: Arc<Outbox>,
    store: Store,
    enabled_rules: RwLock<Arc<RuleSet>>,
    authorization: Arc<AtomicU64>,
    stream: Stream,
}

impl Books {
    /// Opens the rulebooks on a store; what happens goes to a stream.
    ///
    /// # Errors
    /// Where the store cannot be read or holds a row that does not read back.
    pub fn open(
        store: &Store,
        scope: Scope,
        time: Timers,
        ids: Arc<dyn Ids>,
        empty: Empty,
        stream: Stream,
    ) -> Result<Self, StoreError> {
        // What somebody may do may have been looked up while a change was not saved yet: taking it back makes that stale, too.
        let authorization = Arc::new(AtomicU64::new(1));
        let reloads = || Arc::clone(&authorization);
        // The order of these lines is the order of the locks.
        let identity = Durable::open_counted(store, &scope, empty.identity, reloads())?;
        let registry = Durable::open_counted(store, &scope, empty.registry, reloads())?;
        let policies = Durable::open_counted(store, &scope, empty.policies, reloads())?;
        let provisioning = Durable::open(store, &scope, empty.provisioning)?;
        let shadows = Durable::open(store, &scope, Shadows::new())?;
        let packages = Durable::open(store, &scope, Packages::new(scope.clone()))?;
        let jobs = Durable::open(store, &scope, Jobs::new(scope.clone()))?;
        let commands = Durable::open(store, &scope, Commands::new(scope.clone()))?;
        let ota = Durable::open(store, &scope, Ota::new(scope.clone()))?;
        let indexing = Durable::open(store, &scope, Indexing::new())?;
        let detect = Durable::open(store, &scope, Detect::new(scope.clone()))?;
        let logging = Durable::open(store, &scope, empty.logging)?;
        let audit = Durable::open(store, &scope, Audit::new(scope.clone()))?;
        let rules = Durable::open(store, &scope, empty.rules)?;
        let tags = Durable::open(store, &scope, Tags::new())?;
        Ok(Self {
            enabled_rules: RwLock::new(rules.read(Rules::enabled)),
            identity,
            registry,
            policies,
            provisioning,
            shadows,
            packages,
            jobs,
            commands,
            ota,
            indexing,
            detect,
            logging,
            audit,
            rules,
            tags,
            facts: Recent::new(FACTS),
            compiled: Recent::new(COMPILED),
            outbox: Arc::new(Outbox::open(store, &scope)?),
            store: store.clone(),
            scope,
            certificates_end: time.reminder("end of a certificate's validity"),
            time,
            ids,
            authorization,
            stream,
        })
    }

    /// A device connects with a certificate, which may have come since the next end of a validity was looked for: that of this
    /// one is not to be missed.
    pub fn connects_with(&self, certificate: &CertificateId) {
        if let Some(ends) = self.identity.read(|identity| identity.validity_ends(certificate)) {
            self.certificates_end.by(ends.plus_millis(VALIDITY_GRACE));
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Runs a command on a rulebook: its answer comes once it is on disk, and after its events were sent.
    ///
    /// # Errors
    /// The command's own, or an `InternalFailureException` where the change could not be saved.
    pub async fn apply<R: Rulebook, T>(
        &self,
        book: &Durable<R>,
        command: impl FnOnce(&mut R) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        self.change((book,), |(book,)| book.apply(command)).await
    }

    /// Runs commands on several rulebooks as one unit: it is saved as a whole or not at all, and what it looks at stays as it is
    /// meanwhile. The rulebooks are named in the order of [`all`](Self::all). What can fail comes first: a change that fails
    /// after it has begun is taken back by reading its rulebooks anew, which takes time. See [`drydock_store::change()`].
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn change<S: Set, T>(
        &self,
        books: S,
        commands: impl FnOnce(&mut S::Parts) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.change_or(books, commands).await
    }

    /// The same for commands with an error of their own.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn change_or<S: Set, T, E: From<ApiError>>(
        &self,
        books: S,
        commands: impl FnOnce(&mut S::Parts) -> Result<T, E>,
    ) -> Result<T, E> {
        self.unit(books, |parts| commands(parts).map_err(Failed::Command)).await.map_err(|failed| match failed {
            Failed::Command(error) => error,
            Failed::Store(error) => E::from(not_saved(&error)),
        })
    }

    async fn unit<S: Set, T, E: From<StoreError>>(
        &self,
        books: S,
        commands: impl FnOnce(&mut S::Parts) -> Result<T, E>,
    ) -> Result<T, E> {
        // Before anything is locked: whoever waits here holds up nobody.
        let room = self.stream.room().await;
        let authorization = Arc::clone(&self.authorization);
        let (outbox, ids) = (Arc::downgrade(&self.outbox), Arc::clone(&self.ids));
        let telling = Telling { room, authorization, outbox, ids, promises: Vec::new() };
        drydock_store::change(books, telling, commands).await
    }

    /// Runs a command on the topic rules, then lets messages meet the rules as they are now.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn change_rules<T>(
        &self,
        command: impl FnOnce(&mut Rules) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let reply = self.apply(&self.rules, command).await;
        self.refresh_rules();
        reply
    }

    /// Makes a topic rule, and the destinations that it goes through where they are not there; `keep` sees to its tags.
    ///
    /// # Errors
    /// As [`Rules::create_topic_rule`], and what `keep` says.
    pub async fn create_rule(
        &self,
        request: CreateTopicRuleRequest,
        keep: impl FnOnce(&mut Part<'_, Tags>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let (name, now) = (request.rule_name.clone(), self.now());
        let made = self.change((&self.rules, &self.tags), |(rules, tags)| {
            rules.apply(|book| {
                let done = book.create_topic_rule(request, now)?;
                warn(book, &name);
                Ok::<_, ApiError>(self.with_destinations(book, done, &name, now))
            })?;
            keep(tags)
        });
        let made = made.await;
        self.refresh_rules();
        made
    }

    /// Deletes a topic rule; `forget` sees to its tags.
    ///
    /// # Errors
    /// As [`Rules::delete_topic_rule`].
    pub async fn delete_rule(
        &self,
        request: &DeleteTopicRuleRequest,
        forget: impl FnOnce(&mut Part<'_, Tags>),
    ) -> Result<(), ApiError> {
        let deleted = self.change((&self.rules, &self.tags), |(rules, tags)| {
            rules.apply(|book| book.delete_topic_rule(request))?;
            forget(tags);
            Ok(())
        });
        let deleted = deleted.await;
        self.refresh_rules();
        deleted
    }

    /// Replaces a topic rule likewise.
    ///
    /// # Errors
    /// As [`Rules::replace_topic_rule`].
    pub async fn replace_rule(&self, request: ReplaceTopicRuleRequest) -> Result<(), ApiError> {
        let (name, now) = (request.rule_name.clone(), self.now());
        self.change_rules(|book| {
            let done = book.replace_topic_rule(request)?;
            warn(book, &name);
            Ok(self.with_destinations(book, done, &name, now))
        })
        .await
    }

    /// "A new destination is created if possible": that it is not leaves the rule as it is.
    fn with_destinations(&self, book: &mut Rules, mut done: Done<()>, rule: &str, now: Timestamp) -> Done<()> {
        match book.make_destinations(rule, now, self.ids.as_ref()) {
            Ok(made) => {
                done.writes.extend(made.writes);
                done.events.extend(made.events);
            }
            Err(error) => tracing::warn!(rule, %error, "a topic rule destination could not be made with its rule"),
        }
        done
    }

    /// The rules that messages meet: enabled ones, by topic.
    #[must_use]
    pub fn enabled_rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.enabled_rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Read under the lock that it is written under, so that of two changes the later one stays.
    fn refresh_rules(&self) {
        let mut enabled = self.enabled_rules.write().unwrap_or_else(PoisonError::into_inner);
        *enabled = self.rules.read(Rules::enabled);
    }

    /// Sends an event that no command has made.
    pub fn emit(&self, event: Event) {
        self.stream.emit(event);
    }

    /// Changes whenever what somebody may do may have changed.
    #[must_use]
    pub fn authorization_generation(&self) -> u64 {
        self.authorization.load(Ordering::Acquire)
    }

    /// Forgets all state of the account, at once; then what it was still to be told.
    ///
    /// # Errors
    /// Where the disk does not take it: everything is as it was, or all is forgotten but what was to be told.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let wiped = self.unit(self.all(), |books| {
            books.each(|book| {
                book.clear();
                Ok(())
            })
        });
        self.changed_as_a_whole::<StoreError>(wiped.await)?;
        self.outbox.clear(&self.store).await
    }

    /// Puts these rows in the place of all state of the account, at once; then forgets what it was still to be told. `check` says
    /// first whether it may be: nothing changes between that and the replacement.
    ///
    /// # Errors
    /// What `check` says; where a row does not read back, or the disk does not take it. Everything is as it was then, or all is
    /// replaced but what was to be told.
    pub async fn replace<E: From<StoreError>>(
        &self,
        tables: &Tables,
        check: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let replaced = self.unit(self.all(), |books| {
            check()?;
            books.each(|book| book.replace(tables).map_err(E::from))
        });
        self.changed_as_a_whole(replaced.await)?;
        Ok(self.outbox.clear(&self.store).await?)
    }

    /// Every table of every rulebook.
    #[must_use]
    pub fn tables(&self) -> Vec<&'static str> {
        self.all().tables()
    }

    /// Every rulebook, in the order in which they are locked. A new one is a line here and one in [`open`](Self::open).
    fn all(&self) -> impl Set {
        (
            &self.identity,
            &self.registry,
            &self.policies,
            &self.provisioning,
            &self.shadows,
            &self.packages,
            &self.jobs,
            &self.commands,
            &self.ota,
            &self.indexing,
            &self.detect,
            &self.logging,
            &self.audit,
            &self.rules,
            &self.tags,
        )
    }

    fn changed_as_a_whole<E>(&self, done: Result<(), E>) -> Result<(), E> {
        self.refresh_rules();
        self.authorization.fetch_add(1, Ordering::AcqRel);
        done
    }
}

/// Tells what of a rule's statement is taken although it is wrong.
fn warn(book: &Rules, rule: &str) {
    let compiled = RuleName::new(rule).ok().and_then(|name| book.rule(&name));
    for warning in compiled.iter().flat_map(|rule| &rule.program.warnings) {
        tracing::warn!(rule, "{warning}");
    }
}

/// Brings the events of a change on their way.
struct Telling {
    room: Option<Room>,
    authorization: Arc<AtomicU64>,
    /// Not held: it holds the store, which must not be dropped by its own writer, on whose thread this ends.
    outbox: Weak<Outbox>,
    ids: Arc<dyn Ids>,
    /// What was promised, by the places of the events, in order.
    promises: Vec<(usize, Promise)>,
}

impl Listener for Telling {
    fn promise(&mut self, place: usize, event: &Event, writes: Option<&mut Vec<Write>>) {
        // It is asked while the books are there, whose outbox this is.
        let Some(outbox) = self.outbox.upgrade() else { return };
        self.promises.push((place, outbox.keep(self.ids.as_ref(), event, writes)));
    }

    fn committed(self, events: Vec<Event>) {
        if events.iter().any(changes_authorization) {
            self.authorization.fetch_add(1, Ordering::AcqRel);
        }
        let Some(room) = self.room else { return };
        let mut promises = self.promises.into_iter().peekable();
        let events = events.into_iter().enumerate().map(|(place, event)| {
            let promise = promises.next_if(|(of, _)| *of == place).map_or(Promise::None, |(_, promise)| promise);
            Happened { event, promise }
        });
        room.send(events.collect());
    }
}

/// Whether an event says that somebody may do something else now.
fn changes_authorization(event: &Event) -> bool {
    matches!(event, Event::AuthorizationChanged | Event::CertificateStatusChanged { .. })
}

/// The rulebooks before anything is loaded into them: empty, and configured.
pub struct Empty {
    /// CAs and certificates.
    pub identity: Identity,
    /// Things and their types.
    pub registry: Registry,
    /// Policies and their attachments.
    pub policies: Policies,
    /// Provisioning templates and ownership tokens.
    pub provisioning: Provisioning,
    /// Logging options.
    pub logging: Logging,
    /// Topic rules.
    pub rules: Rules,
}

impl Empty {
    /// Empty rulebooks of an account and region; topic rules may use the functions that `capabilities` answers.
    #[must_use]
    pub fn new(scope: &Scope, capabilities: Capabilities) -> Self {
        Self {
            identity: Identity::new(scope.clone()),
            registry: Registry::new(scope.clone()),
            policies: Policies::new(scope.clone()),
            provisioning: Provisioning::new(scope.clone()),
            logging: Logging::new(),
            rules: Rules::new(scope.clone(), capabilities),
        }
    }
}

/// Why a change was not made.
enum Failed<E> {
    Command(E),
    Store(StoreError),
}

impl<E> From<StoreError> for Failed<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn not_saved(error: &StoreError) -> ApiError {
    tracing::error!(%error, "a change could not be saved");
    ApiError::new(ErrorCode::InternalFailureException, format!("the change could not be saved: {error}"))
}
