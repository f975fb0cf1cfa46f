//! What one device may do: its policies, compiled once, and compiled anew when something that they depend on changes.

use crate::authorizer::Granted;
use crate::authorizer::renewal::Renewable;
use crate::certificate::DeviceCertificate;
use crate::claim::claim_policies;
use drydock_broker::{ConnectAttempt, SessionGate};
use drydock_core::topic::of_share;
use drydock_core::{Arn, ThingName, Timestamp};
use drydock_host::books::Books;
use drydock_host::notice::{Notice, Notices, Tone, Topic as About};
use drydock_policy::{Action, ConnectFacts, Context, Decision, PolicySet, SessionPolicies, ThingFacts};
use smol_str::SmolStr;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::task::AbortHandle;

/// Where a device's policies come from. What both give is pooled, and one evaluator judges it.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Its certificate: what is attached to it, and to the groups of its thing.
    pub certificate: Option<DeviceCertificate>,
    /// The documents that a custom authorizer returned.
    pub returned: Option<PolicySet>,
}

/// A device's rights, for as long as its connection lives.
struct Rights {
    books: Arc<Books>,
    notices: Notices,
    /// Who a refusal is told of: the client id, or over HTTPS the certificate or principal.
    subject: SmolStr,
    source: RwLock<Source>,
    /// How often the source has changed.
    renewals: AtomicU64,
    /// The thing that it is where the certificate is attached to none exclusively: its client id, or the thing it names.
    thing: SmolStr,
    context: Context,
    compiled: RwLock<Compiled>,
    /// When a condition on the time may turn out differently, in milliseconds; `NEVER` where there is none.
    turns_at: AtomicI64,
}

/// A time that does not come.
const NEVER: i64 = i64::MAX;

fn turn_of(compiled: &Compiled) -> i64 {
    compiled.policies.decide_again_at().map_or(NEVER, Timestamp::millis)
}

#[derive(Clone)]
struct Compiled {
    generation: u64,
    policies: SessionPolicies,
    exclusive_thing: Option<ThingName>,
    /// What the thing's type has its messages carry.
    propagated: Option<Arc<[(SmolStr, SmolStr)]>>,
}

impl Rights {
    fn new(
        books: &Arc<Books>,
        notices: &Notices,
        subject: SmolStr,
        source: Source,
        thing: SmolStr,
        mut context: Context,
    ) -> Self {
        context.certificate = source.certificate.as_ref().map(|certificate| Arc::clone(&certificate.facts));
        let generation = books.authorization_generation();
        let compiled = compile(books, &source, &thing, &context, generation);
        let (turns_at, compiled) = (AtomicI64::new(turn_of(&compiled)), RwLock::new(compiled));
        let (source, renewals) = (RwLock::new(source), AtomicU64::new(0));
        let (books, notices) = (Arc::clone(books), notices.clone());
        Self { books, notices, subject, source, renewals, thing, context, compiled, turns_at }
    }

    /// Changes whenever the policies may have changed: both parts only ever grow. Where a condition looks at the time, its
    /// coming is such a change, so that decisions that were kept end with it.
    fn generation(&self) -> u64 {
        let turns_at = self.turns_at.load(Ordering::Relaxed);
        if turns_at != NEVER && self.books.now().millis() >= turns_at {
            // One of those who see it counts it; the next turn is noted when the policies are compiled anew.
            let counted = self.turns_at.compare_exchange(turns_at, NEVER, Ordering::AcqRel, Ordering::Relaxed);
            if counted.is_ok() {
                self.renewals.fetch_add(1, Ordering::Release);
            }
        }
        self.books.authorization_generation().wrapping_add(self.renewals.load(Ordering::Acquire))
    }

    /// Asks the policies in force now.
    fn with_current<T>(&self, ask: impl FnOnce(&Compiled) -> T) -> T {
        // Read before the books and the source are: what changes in between makes this one stale at once, never wrongly fresh.
        let generation = self.generation();
        {
            let compiled = self.compiled.read().unwrap_or_else(PoisonError::into_inner);
            let turned = compiled.policies.decide_again_at().is_some_and(|at| at <= self.books.now());
            if compiled.generation == generation && !turned {
                return ask(&compiled);
            }
        }
        let source = self.source.read().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = compile(&self.books, &source, &self.thing, &self.context, generation);
        self.compiled.write().unwrap_or_else(PoisonError::into_inner).clone_from(&fresh);
        self.turns_at.store(turn_of(&fresh), Ordering::Release);
        ask(&fresh)
    }

    fn replace(&self, change: impl FnOnce(&mut Source)) {
        change(&mut self.source.write().unwrap_or_else(PoisonError::into_inner));
        self.renewals.fetch_add(1, Ordering::Release);
    }

    fn check(&self, action: Action, name: &str) -> bool {
        let allowed = self.with_current(|compiled| compiled.policies.allows(action, name));
        if !allowed {
            let policies = self.with_current(|compiled| compiled.policies.clone());
            self.notices.tell(|| Notice {
                at: self.books.now(),
                tone: Tone::Bad,
                topic: About::Refusal,
                subject: self.subject.to_string(),
                text: format!("{} on {} refused", action.name(), action.resource(&self.books.scope, name)),
                reasons: policies.explain(action, name).to_string().lines().map(str::to_owned).collect(),
            });
        }
        allowed
    }

    fn may_publish(&self, topic: &str, retain: bool) -> bool {
        self.check(Action::Publish, topic) && (!retain || self.check(Action::RetainPublish, topic))
    }
}

/// Compiles the policies that apply to a connection at this moment.
fn compile(books: &Books, source: &Source, thing: &str, context: &Context, generation: u64) -> Compiled {
    let Some(certificate) = &source.certificate else {
        // Who is let in by an authorizer alone is not a principal of the registry, and no thing is attached to it.
        let context = Arc::new(Context { now: books.now(), ..context.clone() });
        let set = source.returned.clone().unwrap_or_default();
        let policies = SessionPolicies::new(Arc::new(set), context);
        return Compiled { generation, policies, exclusive_thing: None, propagated: None };
    };
    if !certificate.is_good(books) {
        // Whatever is still done in its name, such as the will of a connection that ends with it, is not allowed.
        let context = Arc::new(Context { now: books.now(), ..context.clone() });
        let policies = SessionPolicies::new(Arc::default(), context);
        return Compiled { generation, policies, exclusive_thing: None, propagated: None };
    }
    // Read before the books are, so that what is compiled of them is never remembered under a later one.
    let authorization = books.authorization_generation();
    let Attached { targets, context, exclusive_thing, propagated } = attached(books, certificate, thing, context);
    let context = Arc::new(context);
    let set_of = |targets: &[Arn]| {
        let targets: Vec<&str> = targets.iter().map(Arn::as_str).collect();
        books.policies.read(|policies| policies.policies_for(&targets))
    };
    let policies = match (&certificate.claim, &source.returned) {
        (None, None) => {
            let key = (authorization, targets);
            let known = books.compiled.get_or(&key, || {
                let policies = SessionPolicies::new(Arc::new(set_of(&key.1)), Arc::clone(&context));
                (key.clone(), policies)
            });
            known.for_another(context)
        }
        (claim, returned) => {
            let mut set = match claim {
                // A claim has no policies in the book; it may do what provisioning takes and nothing else.
                Some(template) => claim_policies(&books.scope, template),
                None => set_of(&targets),
            };
            set.policies.extend(returned.iter().flat_map(|returned| returned.policies.iter().cloned()));
            SessionPolicies::new(Arc::new(set), context)
        }
    };
    Compiled { generation, policies, exclusive_thing, propagated }
}

/// What a connection is through its certificate.
struct Attached {
    /// What its policies are attached to.
    targets: Vec<Arn>,
    context: Context,
    exclusive_thing: Option<ThingName>,
    propagated: Option<Arc<[(SmolStr, SmolStr)]>>,
}

/// What policies come through, and may know, and the thing that a certificate is attached to exclusively.
fn attached(books: &Books, certificate: &DeviceCertificate, thing: &str, context: &Context) -> Attached {
    let arn = books.scope.certificate(&certificate.id);
    // Policies come through the certificate, and through the groups of the attributed thing and all above them.
    let client_id = context.client_id.as_deref().unwrap_or_default();
    let (attributed, mut targets, propagated) = books.registry.read(|registry| {
        let attributed = registry.attribute(arn.as_str(), thing);
        let thing = attributed.as_ref().map(|attributed| &attributed.thing);
        let groups = thing.map(|thing| registry.groups_of(thing.as_str())).unwrap_or_default();
        let propagated = thing.map(|thing| registry.propagated(thing, client_id)).unwrap_or_default();
        (attributed, groups, propagated)
    });
    targets.push(arn);
    let exclusive_thing = attributed.as_ref().filter(|a| a.exclusive).map(|a| a.thing.clone());
    let thing = attributed.map(|attributed| {
        Arc::new(ThingFacts {
            name: attributed.thing.as_str().into(),
            type_name: attributed.facts.thing_type.map(|name| name.as_str().into()),
            attributes: attributed.facts.attributes.into_iter().collect(),
        })
    });
    let context = Context { thing, now: books.now(), ..context.clone() };
    let propagated = (!propagated.is_empty()).then(|| propagated.into());
    Attached { targets, context, exclusive_thing, propagated }
}

/// An MQTT connection.
pub(crate) struct Session {
    rights: Rights,
    /// Asks its authorizer again from time to time; ends with it.
    renewal: OnceLock<EndsWithSession>,
}

struct EndsWithSession(AbortHandle);

impl Drop for EndsWithSession {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Session {
    pub(crate) fn new(books: &Arc<Books>, notices: &Notices, attempt: &ConnectAttempt, source: Source) -> Self {
        let mut context = Context::new(books.scope.clone(), books.now());
        context.client_id = Some(attempt.client_id.clone());
        context.source_ip = Some(attempt.peer.remote.ip());
        context.domain_name.clone_from(&attempt.peer.server_name);
        context.connect = Some(ConnectFacts {
            persistent: attempt.persistent,
            last_will_topic: attempt.will.as_ref().map(|will| will.topic.clone()),
        });
        let (subject, thing) = (attempt.client_id.clone(), attempt.client_id.clone());
        let rights = Rights::new(books, notices, subject, source, thing, context);
        Self { rights, renewal: OnceLock::new() }
    }

    /// Hands over the task that renews its policies.
    pub(crate) fn renewed_by(&self, task: AbortHandle) {
        // There is one for a session; another would end at once.
        let _ = self.renewal.set(EndsWithSession(task));
    }

    /// The policies in force now, and the thing that the certificate is attached to exclusively.
    pub(crate) fn current(&self) -> (SessionPolicies, Option<ThingName>) {
        self.rights.with_current(|compiled| (compiled.policies.clone(), compiled.exclusive_thing.clone()))
    }
}

impl Renewable for Session {
    fn renew(&self, granted: &Granted) {
        self.rights.replace(|source| source.returned = Some(granted.policies.clone()));
    }

    fn revoke(&self) {
        self.rights.replace(|source| *source = Source::default());
    }
}

impl SessionGate for Session {
    fn publish(&self, topic: &str, retain: bool) -> bool {
        self.rights.may_publish(topic, retain)
    }

    fn subscribe(&self, filter: &str) -> bool {
        // AWS has the whole filter allowed, `$share/<name>/` included, and does not say whether a statement that denies the
        // filter behind that is about it. It would give the same messages, so a Deny of it counts.
        let plain = of_share(filter).map(|(_, plain)| plain);
        let denied = plain.is_some_and(|plain| {
            self.rights.with_current(|compiled| compiled.policies.decide(Action::Subscribe, plain))
                == Decision::ExplicitDeny
        });
        // The refusal is explained by the filter that is denied.
        self.rights.check(Action::Subscribe, plain.filter(|_| denied).unwrap_or(filter))
    }

    fn receive(&self, topic: &str) -> bool {
        self.rights.check(Action::Receive, topic)
    }

    fn propagated(&self) -> Option<Arc<[(SmolStr, SmolStr)]>> {
        self.rights.with_current(|compiled| compiled.propagated.clone())
    }

    fn generation(&self) -> u64 {
        self.rights.generation()
    }

    fn relies_on(&self, credential: &str) -> bool {
        let source = self.rights.source.read().unwrap_or_else(PoisonError::into_inner);
        source.certificate.as_ref().is_some_and(|certificate| certificate.id.as_str() == credential)
    }

    fn holds(&self) -> bool {
        let source = self.rights.source.read().unwrap_or_else(PoisonError::into_inner);
        source.certificate.as_ref().is_none_or(|certificate| certificate.is_good(&self.rights.books))
    }
}

/// A request over HTTPS; it has no client id.
pub struct HttpsSession {
    rights: Rights,
    principal: SmolStr,
}

impl HttpsSession {
    /// The rights of a principal for one request.
    #[must_use]
    pub fn new(
        books: &Arc<Books>,
        notices: &Notices,
        subject: &str,
        source: Source,
        remote: SocketAddr,
        server_name: Option<&str>,
    ) -> Self {
        Self::of_thing(books, notices, subject, source, remote, server_name, None)
    }

    /// The same of a device that says which thing it is.
    #[must_use]
    pub fn of_thing(
        books: &Arc<Books>,
        notices: &Notices,
        subject: &str,
        source: Source,
        remote: SocketAddr,
        server_name: Option<&str>,
        thing: Option<SmolStr>,
    ) -> Self {
        let mut context = Context::new(books.scope.clone(), books.now());
        context.source_ip = Some(remote.ip());
        context.domain_name = server_name.map(Into::into);
        let principal = source.certificate.as_ref().map_or(subject, |certificate| certificate.id.as_str());
        let (principal, subject) = (SmolStr::new(principal), SmolStr::new(subject));
        let rights = Rights::new(books, notices, subject, source, thing.unwrap_or_default(), context);
        Self { rights, principal }
    }

    /// The certificate's id, or the principal that the authorizer named.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Whether the device may publish to a topic, and have the message retained where `retain`.
    #[must_use]
    pub fn publish(&self, topic: &str, retain: bool) -> bool {
        self.rights.may_publish(topic, retain)
    }

    /// Whether the device may do something to a resource, named by the part of the ARN after its kind.
    #[must_use]
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.rights.check(action, name)
    }
}
