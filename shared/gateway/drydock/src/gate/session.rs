//! What one device may do: its policies, compiled once, and compiled anew when something that they depend on changes.

use super::DeviceCertificate;
use crate::books::Books;
use crate::notice::{Notice, Notices, Tone, Topic as About};
use drydock_broker::{ConnectAttempt, SessionGate};
use drydock_core::{Arn, ThingName};
use drydock_policy::{Action, ConnectFacts, Context, SessionPolicies, ThingFacts};
use smol_str::SmolStr;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

/// A device's rights, for as long as its connection lives.
struct Rights {
    books: Arc<Books>,
    notices: Notices,
    /// Who a refusal is told of: the client id, or over HTTPS the certificate.
    subject: SmolStr,
    certificate: DeviceCertificate,
    /// The thing that it is where the certificate is attached to none exclusively: its client id, or the thing it names.
    thing: SmolStr,
    context: Context,
    compiled: RwLock<Compiled>,
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
        certificate: DeviceCertificate,
        thing: SmolStr,
        mut context: Context,
    ) -> Self {
        context.certificate = Some(Arc::clone(&certificate.facts));
        let compiled = RwLock::new(compile(books, &certificate, &thing, &context));
        Self { books: Arc::clone(books), notices: notices.clone(), subject, certificate, thing, context, compiled }
    }

    /// The policies in force now.
    fn current(&self) -> Compiled {
        let generation = self.books.authorization_generation();
        {
            let compiled = self.compiled.read().unwrap_or_else(PoisonError::into_inner);
            let turned = compiled.policies.decide_again_at().is_some_and(|at| at <= self.books.now());
            if compiled.generation == generation && !turned {
                return compiled.clone();
            }
        }
        let fresh = compile(&self.books, &self.certificate, &self.thing, &self.context);
        self.compiled.write().unwrap_or_else(PoisonError::into_inner).clone_from(&fresh);
        fresh
    }

    fn check(&self, action: Action, name: &str) -> bool {
        let policies = self.current().policies;
        let allowed = policies.allows(action, name);
        if !allowed {
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

/// Compiles the policies that apply to a certificate's connection at this moment.
fn compile(books: &Books, certificate: &DeviceCertificate, thing: &str, context: &Context) -> Compiled {
    // Read before the books are: what changes in between makes this one stale at once, never wrongly fresh.
    let generation = books.authorization_generation();
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
    let targets: Vec<&str> = targets.iter().map(Arn::as_str).collect();
    let set = Arc::new(match &certificate.claim {
        // A claim has no policies in the book; it may do what provisioning takes and nothing else.
        Some(template) => crate::provisioning::claim_policies(&books.scope, template),
        None => books.policies.read(|policies| policies.policies_for(&targets)),
    });
    let context = Context { thing, now: books.now(), ..context.clone() };
    let policies = SessionPolicies::new(set, Arc::new(context));
    let propagated = (!propagated.is_empty()).then(|| propagated.into());
    Compiled { generation, policies, exclusive_thing, propagated }
}

/// An MQTT connection with a certificate.
pub(super) struct Session(Rights);

impl Session {
    pub(super) fn new(
        books: &Arc<Books>,
        notices: &Notices,
        attempt: &ConnectAttempt,
        certificate: DeviceCertificate,
    ) -> Self {
        let mut context = Context::new(books.scope.clone(), books.now());
        context.client_id = Some(attempt.client_id.clone());
        context.source_ip = Some(attempt.peer.remote.ip());
        context.domain_name.clone_from(&attempt.peer.server_name);
        context.connect = Some(ConnectFacts {
            persistent: attempt.persistent,
            last_will_topic: attempt.will.as_ref().map(|will| will.topic.clone()),
        });
        let (subject, thing) = (attempt.client_id.clone(), attempt.client_id.clone());
        Self(Rights::new(books, notices, subject, certificate, thing, context))
    }

    /// The policies in force now, and the thing that the certificate is attached to exclusively.
    pub(super) fn current(&self) -> (SessionPolicies, Option<ThingName>) {
        let Compiled { policies, exclusive_thing, .. } = self.0.current();
        (policies, exclusive_thing)
    }
}

impl SessionGate for Session {
    fn publish(&self, topic: &str, retain: bool) -> bool {
        self.0.may_publish(topic, retain)
    }

    fn subscribe(&self, filter: &str) -> bool {
        self.0.check(Action::Subscribe, filter)
    }

    fn receive(&self, topic: &str) -> bool {
        self.0.check(Action::Receive, topic)
    }

    fn propagated(&self) -> Option<Arc<[(SmolStr, SmolStr)]>> {
        self.0.current().propagated
    }

    fn generation(&self) -> u64 {
        self.0.books.authorization_generation()
    }
}

/// A request over HTTPS with a certificate; it has no client id.
pub struct HttpsSession(Rights);

impl HttpsSession {
    /// The rights of a certificate for one request.
    #[must_use]
    pub fn new(
        books: &Arc<Books>,
        notices: &Notices,
        certificate: DeviceCertificate,
        remote: SocketAddr,
        server_name: Option<&str>,
    ) -> Self {
        Self::of_thing(books, notices, certificate, remote, server_name, None)
    }

    /// The same of a device that says which thing it is.
    #[must_use]
    pub fn of_thing(
        books: &Arc<Books>,
        notices: &Notices,
        certificate: DeviceCertificate,
        remote: SocketAddr,
        server_name: Option<&str>,
        thing: Option<SmolStr>,
    ) -> Self {
        let mut context = Context::new(books.scope.clone(), books.now());
        context.source_ip = Some(remote.ip());
        context.domain_name = server_name.map(Into::into);
        let subject = SmolStr::new(super::short(&certificate.id));
        Self(Rights::new(books, notices, subject, certificate, thing.unwrap_or_default(), context))
    }

    /// The certificate's id.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.0.certificate.id.as_str()
    }

    /// Whether the device may publish to a topic, and have the message retained where `retain`.
    #[must_use]
    pub fn publish(&self, topic: &str, retain: bool) -> bool {
        self.0.may_publish(topic, retain)
    }

    /// Whether the device may do something to a resource, named by the part of the ARN after its kind.
    #[must_use]
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.0.check(action, name)
    }
}
