//! The rulebooks of one account and region, each in step with the disk, and the one way to run a command on them: decide,
//! save, then tell.

use crate::recent::Recent;
use drydock_core::{ApiError, Arn, CertificateId, Done, ErrorCode, Event, Ids, RuleName, Rulebook, Scope, Timestamp};
use drydock_identity::Identity;
use drydock_logging::Logging;
use drydock_model::iot::{CreateTopicRuleRequest, ReplaceTopicRuleRequest};
use drydock_policy::{CertificateFacts, Policies, SessionPolicies};
use drydock_provisioning::Provisioning;
use drydock_registry::Registry;
use drydock_registry::tags::Tags;
use drydock_rules::{Capabilities, RuleSet, Rules};
use drydock_shadow::Shadows;
use drydock_store::{Held, Kept, Store, StoreError, Tables};
use drydock_timers::{Kind, Reminder, Timers, Work};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc::UnboundedSender;

/// How many certificates' facts are remembered: some kilobytes each.
const FACTS: usize = 4096;
/// How many principals' compiled policies are remembered.
const COMPILED: usize = 4096;

/// How long after the end of its validity a certificate is told of, in milliseconds: a connect that found it valid has reached
/// the broker by then.
pub const VALIDITY_GRACE: i64 = 1000;

/// An event on its way, and the work of telling it: an advance of the clock waits for that.
pub type Sent = (Event, Work);

/// The rulebooks, and what their commands need from the outside.
pub struct Books {
    /// The account and region.
    pub scope: Scope,
    /// The gateway's clock, and all who wait for a time on it.
    pub time: Timers,
    /// For when the validity of a certificate ends.
    pub certificates_end: Reminder,
    /// For when something that provisioning left behind is to go.
    pub left_behind: Reminder,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// CAs and certificates.
    pub identity: Held<Identity>,
    /// Things and their types.
    pub registry: Held<Registry>,
    /// Policies and their attachments.
    pub policies: Held<Policies>,
    /// Provisioning templates and ownership tokens.
    pub provisioning: Held<Provisioning>,
    /// Device shadows.
    pub shadows: Held<Shadows>,
    /// Logging options.
    pub logging: Held<Logging>,
    /// Topic rules.
    pub rules: Held<Rules>,
    /// Tags of all of them.
    pub tags: Held<Tags>,
    /// What policies may ask about certificates that connected lately. An id is its certificate's digest, so that what is known
    /// under it stays true.
    pub facts: Recent<CertificateId, Arc<CertificateFacts>>,
    /// The policies that come through some targets, as a connection had them compiled lately. The first part of the key is the
    /// [authorization generation](Self::authorization_generation) that was read before: after any change nothing is found.
    pub compiled: Recent<(u64, Vec<Arn>), SessionPolicies>,
    enabled_rules: RwLock<Arc<RuleSet>>,
    authorization: AtomicU64,
    /// The work of telling events.
    pub telling: Kind,
    events: UnboundedSender<Sent>,
}

impl Books {
    /// Opens the rulebooks on a store; what happens goes to `events`.
    ///
    /// # Errors
    /// Where the store cannot be read or holds a row that does not read back.
    pub fn open(
        store: &Store,
        scope: Scope,
        time: Timers,
        ids: Arc<dyn Ids>,
        empty: Empty,
        events: UnboundedSender<Sent>,
    ) -> Result<Self, StoreError> {
        let rules = Held::open(store, &scope, empty.rules)?;
        Ok(Self {
            enabled_rules: RwLock::new(rules.read(Rules::enabled)),
            identity: Held::open(store, &scope, empty.identity)?,
            registry: Held::open(store, &scope, empty.registry)?,
            policies: Held::open(store, &scope, empty.policies)?,
            provisioning: Held::open(store, &scope, empty.provisioning)?,
            shadows: Held::open(store, &scope, Shadows::new())?,
            logging: Held::open(store, &scope, empty.logging)?,
            rules,
            tags: Held::open(store, &scope, Tags::new())?,
            facts: Recent::new(FACTS),
            compiled: Recent::new(COMPILED),
            scope,
            telling: time.kind("events"),
            certificates_end: time.reminder("end of a certificate's validity"),
            left_behind: time.reminder("what provisioning left behind"),
            time,
            ids,
            authorization: AtomicU64::new(1),
            events,
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

    /// Runs a command on a rulebook: its answer comes once it is on disk, and after its events were handed on.
    ///
    /// # Errors
    /// The command's own, or an `InternalFailureException` where the change could not be saved.
    pub async fn apply<R: Rulebook, T>(
        &self,
        held: &Held<R>,
        command: impl FnOnce(&mut R) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        let (reply, events) =
            held.apply(|book| command(book).map_err(Failed::Command)).await.map_err(ApiError::from)?;
        events.into_iter().for_each(|event| self.emit(event));
        Ok(reply)
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

    /// Makes a topic rule, and the destinations that it goes through where they are not there.
    ///
    /// # Errors
    /// As [`Rules::create_topic_rule`].
    pub async fn create_rule(&self, request: CreateTopicRuleRequest) -> Result<(), ApiError> {
        let (name, now) = (request.rule_name.clone(), self.now());
        self.change_rules(|book| {
            let done = book.create_topic_rule(request, now)?;
            warn(book, &name);
            Ok(self.with_destinations(book, done, &name, now))
        })
        .await
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

    /// Hands an event on.
    pub fn emit(&self, event: Event) {
        if matches!(event, Event::AuthorizationChanged | Event::CertificateStatusChanged { .. }) {
            self.authorization.fetch_add(1, Ordering::Release);
        }
        // Only a gateway that is stopping has nobody at the other end.
        let _ = self.events.send((event, self.telling.begin()));
    }

    /// Changes whenever what somebody may do may have changed.
    #[must_use]
    pub fn authorization_generation(&self) -> u64 {
        self.authorization.load(Ordering::Acquire)
    }

    /// Forgets all state of the account.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        // Backwards: what refers to others goes before them.
        for book in self.all().into_iter().rev() {
            book.wipe().await?;
        }
        self.changed_as_a_whole();
        Ok(())
    }

    /// Puts these rows in the place of all state of the account. Where one cannot be read, all state is gone: half of an
    /// account would be no account.
    ///
    /// # Errors
    /// Where a row does not read back, or the disk does not take it.
    pub async fn replace(&self, tables: &Tables) -> Result<(), StoreError> {
        for book in self.all() {
            if let Err(error) = book.replace(tables).await {
                self.wipe().await?;
                return Err(error);
            }
        }
        self.changed_as_a_whole();
        Ok(())
    }

    /// Every table of every rulebook.
    #[must_use]
    pub fn tables(&self) -> Vec<&'static str> {
        self.all().into_iter().flat_map(|book| book.tables()).copied().collect()
    }

    /// Every rulebook: those that others refer to come first. A new one is a line here.
    fn all(&self) -> Vec<&dyn Kept> {
        vec![
            &self.identity,
            &self.registry,
            &self.policies,
            &self.provisioning,
            &self.shadows,
            &self.logging,
            &self.rules,
            &self.tags,
        ]
    }

    fn changed_as_a_whole(&self) {
        self.refresh_rules();
        self.authorization.fetch_add(1, Ordering::Release);
    }
}

/// Tells what of a rule's statement is taken although it is wrong.
fn warn(book: &Rules, rule: &str) {
    let compiled = RuleName::new(rule).ok().and_then(|name| book.rule(&name));
    for warning in compiled.iter().flat_map(|rule| &rule.program.warnings) {
        tracing::warn!(rule, "{warning}");
    }
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

/// Why a command was not carried out.
enum Failed {
    Command(ApiError),
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failed> for ApiError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Command(error) => error,
            Failed::Store(error) => {
                tracing::error!(%error, "a change could not be saved");
                Self::new(ErrorCode::InternalFailureException, format!("the change could not be saved: {error}"))
            }
        }
    }
}
