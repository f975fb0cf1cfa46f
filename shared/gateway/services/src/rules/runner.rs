//! Rules on messages. The [`RunnerTap`] sees every message on the broker's path: it looks up the rules that the topic reaches and
//! hands the message over. The [`Runner`] evaluates and acts, away from that path, so that a slow action slows nobody down: each
//! rule has a queue for its statement and one for each of its actions.

use super::act::{self, Acting};
use super::backlog::{Backlog, Pending};
use super::entries::Entries;
use super::outbound::Outbound;
use super::send;
use super::state::{Metric, States};
use super::unheard::Unheard;
use super::watch::Watches;
use crate::requests::Requests;
use drydock_broker::{Broker, DropReason, Dropped, Happening, Inbound, Keep, Remark, Route, Tap, Telling, Who};
use drydock_cloud::Cloud;
use drydock_core::{Event, Ids, ReservedTopic, RuleName};
use drydock_host::books::Books;
use drydock_host::logs::{Logs, failure};
use drydock_host::notice::{Notice, Notices, Tone, Topic as About, help};
use drydock_host::once::Once;
use drydock_host::stream::Stream;
use drydock_logging::EventType;
use drydock_rules::{CompiledRule, Matching, Message, MqttProperties, RuleNotFound};
use drydock_tasks::Tasks;
use drydock_timers::{Kind, Work};
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

/// How many messages may wait to be handed to their rules. Beyond that a message's rules are throttled, as AWS throttles them.
const QUEUE: usize = 65_536;
/// How many messages of an earlier run a rule works on at a time: well below what its queues hold, so that they turn none away.
const AGAIN: usize = 1024;

/// A message and the rules that it reached.
struct Job {
    rules: Vec<Arc<CompiledRule>>,
    message: Arc<Message>,
    /// Until they are handed over.
    work: Work,
    /// What is kept of it, where it is of QoS 1.
    pending: Option<Pending>,
}

/// Evaluates rules and runs their actions.
pub struct Runner {
    acting: Acting,
    jobs: mpsc::Receiver<Job>,
    backlog: Backlog,
    unheard: Arc<Unheard>,
}

/// What the broker shows its messages to.
pub struct RunnerTap {
    queue: Arc<Queue>,
    backlog: Backlog,
    events: Stream,
    requests: Requests,
    unheard: Arc<Unheard>,
    /// What was told of messages that did not arrive.
    dropped: Once,
}

/// Where messages wait to be handed to their rules.
struct Queue {
    books: Arc<Books>,
    notices: Notices,
    logs: Logs,
    states: States,
    jobs: mpsc::Sender<Job>,
    kind: Kind,
    /// What was told of rules that are not there.
    missing: Once,
}

impl Runner {
    /// A runner, and the tap that feeds it. Events that the broker tells go to `events`, requests of services to `requests`; what
    /// is done for a message is a task of `tasks`.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the gateway that rules reach, made once beside them"
    )]
    pub fn new(
        books: Arc<Books>,
        cloud: Cloud,
        outbound: Outbound,
        (notices, watches, logs): (Notices, Watches, Logs),
        backlog: Backlog,
        events: Stream,
        requests: Requests,
        tasks: Tasks,
    ) -> (Self, Arc<RunnerTap>) {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let states = States::default();
        let kind = books.time.kind("topic rules");
        let queue = Queue {
            books: Arc::clone(&books),
            notices: notices.clone(),
            logs: logs.clone(),
            states: states.clone(),
            jobs: sender,
            kind: kind.clone(),
            missing: Once::default(),
        };
        let unheard = Arc::new(Unheard::new(Arc::clone(&books), notices.clone()));
        let tap = Arc::new(RunnerTap {
            queue: Arc::new(queue),
            backlog: backlog.clone(),
            events,
            requests,
            unheard: Arc::clone(&unheard),
            dropped: Once::default(),
        });
        let sender = send::Sender::new(Arc::clone(&books), cloud.clone(), outbound);
        let entries = Entries(logs);
        let heavy = Arc::new(Semaphore::new(act::HEAVY));
        let acting = Acting { books, cloud, sender, states, notices, watches, entries, kind, heavy, tasks };
        (Self { acting, jobs, backlog, unheard }, tap)
    }

    /// Starts to work once [`Backlog::resume`] says so; what rules republish goes to the broker.
    pub fn start(self, broker: Broker) {
        let Self { acting, mut jobs, backlog, unheard } = self;
        let acting = Arc::new(acting);
        let tasks = acting.tasks.clone();
        tasks.spawn(do_again(backlog.clone(), Arc::clone(&acting), broker.clone()));
        tasks.spawn(backlog.clone().keep_tidy());
        tasks.spawn(unheard.run());
        tasks.spawn(async move {
            backlog.ready().await;
            while let Some(Job { rules, message, work, pending }) = jobs.recv().await {
                for rule in rules {
                    act::begin(&acting, &broker, rule, &message, pending.as_ref().map(Pending::part));
                }
                drop(work);
            }
        });
    }
}

/// Hands the messages that an earlier run had not done to their rules again: each rule's in their order, and no rule's behind
/// another's.
async fn do_again(backlog: Backlog, acting: Arc<Acting>, broker: Broker) {
    backlog.ready().await;
    let enabled = acting.books.enabled_rules();
    let each = backlog.take_earlier().into_iter().map(|(name, messages)| {
        let rule = RuleName::new(&name).ok().and_then(|name| enabled.get(&name));
        let (acting, broker, turns) = (&acting, &broker, Arc::new(Semaphore::new(AGAIN)));
        async move {
            let Some(rule) = rule else {
                tracing::warn!(%name, messages = messages.len(), "a rule is gone or disabled: what it had not done is not done");
                messages.into_iter().for_each(|(_, part)| part.done());
                return;
            };
            for (message, mut part) in messages {
                // The semaphore is never closed.
                part.turn = Arc::clone(&turns).acquire_owned().await.ok();
                act::begin(acting, broker, Arc::clone(rule), &message, Some(part));
            }
        }
    });
    join_all(each).await;
}

impl RunnerTap {
    /// What is counted of each rule.
    #[must_use]
    pub fn states(&self) -> &States {
        &self.queue.states
    }

    /// Hands a message to the rules that it reached.
    fn hand_over(&self, rules: Matching<'_>, inbound: &Inbound<'_>, keep: &mut Keep<'_>) {
        let Queue { books, states, .. } = &*self.queue;
        for rule in &rules {
            states.of(&rule.name).count(Metric::TopicMatch);
        }
        let message = Arc::new(message(books, inbound));
        let rules = rules.into_iter().cloned().collect();
        let mut job = Job { rules, message, work: self.queue.kind.begin(), pending: None };
        if keep.is_wanted() {
            let (row, pending) = self.backlog.add(&job.message, &job.rules);
            job.pending = Some(pending);
            let queue = Arc::clone(&self.queue);
            keep.put(row, move || queue.put(job));
        } else {
            self.queue.put(job);
        }
    }
}

impl RunnerTap {
    /// Tells once of each client and reason.
    fn tell_dropped(&self, dropped: &Dropped<'_>) {
        let Some((why, step)) = words(dropped.reason) else { return };
        let Queue { books, notices, .. } = &*self.queue;
        if notices.wanted() && self.dropped.is_first((dropped.client_id, dropped.reason), books.now()) {
            let what = if dropped.inbound { "message to" } else { "message on" };
            notices.tell(|| Notice {
                at: books.now(),
                tone: if dropped.reason == DropReason::Expired { Tone::Aside } else { Tone::Bad },
                topic: About::Message,
                subject: dropped.client_id.to_owned(),
                text: format!("{what} `{}` dropped: {why}", dropped.topic),
                reasons: help(step),
            });
        }
    }
}

impl Queue {
    fn put(&self, job: Job) {
        match self.jobs.try_send(job) {
            Err(mpsc::error::TrySendError::Full(job)) => self.throttled(&job),
            // The gateway is stopping.
            Err(mpsc::error::TrySendError::Closed(_)) | Ok(()) => {}
        }
    }

    fn throttled(&self, job: &Job) {
        for rule in &job.rules {
            self.states.of(&rule.name).count(Metric::RuleExecutionThrottled);
            let why = format!("{QUEUE} messages wait for rules already");
            Entries(self.logs.clone()).throttled(&rule.name, &job.message, &why);
            tracing::warn!(rule = %rule.name, topic = %job.message.topic, "a rule was throttled: {QUEUE} messages wait already");
            self.notices.tell(|| Notice {
                at: self.books.now(),
                tone: Tone::Bad,
                topic: About::Rule,
                subject: rule.name.to_string(),
                text: format!("throttled: {QUEUE} messages wait for rules already"),
                reasons: Vec::new(),
            });
            if let Some(pending) = &job.pending {
                pending.part().done();
            }
        }
    }

    /// What may have been meant by the name of a rule that does not run.
    fn meant_rule(&self, name: &str) -> String {
        self.books.rules.read(|rules| {
            if rules.has_rule(name) {
                return format!("the rule `{name}` is disabled: enable it (EnableTopicRule)");
            }
            let nearest = rules.names().min_by_key(|known| strsim::osa_distance(known.as_str(), name));
            nearest.map_or_else(
                || "there is no rule: make one".to_owned(),
                |known| format!("the nearest rule is `{known}`"),
            )
        })
    }

    fn not_found(&self, inbound: &Inbound<'_>, not_found: &RuleNotFound) {
        let topic = inbound.message.topic.as_str();
        self.states.not_found();
        tracing::warn!(topic, "RuleNotFound: {not_found}");
        // What may have been meant is looked for once a name, not for each of a device's messages.
        if self.notices.wanted() && self.missing.is_first(&not_found.0, self.books.now()) {
            self.notices.tell(|| Notice {
                at: self.books.now(),
                tone: Tone::Bad,
                topic: About::Rule,
                subject: topic.to_owned(),
                text: format!("RuleNotFound: {not_found}"),
                reasons: help(&self.meant_rule(&not_found.0)),
            });
        }
        let (client_id, principal) = match (inbound.client, inbound.caller) {
            (Some(client), _) => (client.client_id.as_str(), client.principal.as_str()),
            (None, caller) => ("", caller.map_or("", |caller| caller.principal.as_str())),
        };
        let who = Who { client_id, principal, remote: None };
        let rule = not_found.0.as_str();
        self.logs.tell(EventType::RuleNotFound, who, failure("RuleNotFound", not_found.to_string()), |entry| {
            entry
                .with("clientId", client_id)
                .with("topicName", topic)
                .with("ruleName", rule)
                .with("principalId", principal)
        });
    }
}

impl Tap for RunnerTap {
    fn publish(&self, inbound: &Inbound<'_>, keep: &mut Keep<'_>) -> Route {
        let rules = self.queue.books.enabled_rules();
        let mut route = Route::Deliver;
        match rules.matching(&inbound.message.topic) {
            Ok(matching) if matching.is_empty() => route = Route::DeliverAlone,
            Ok(matching) => self.hand_over(matching, inbound, keep),
            Err(not_found) => self.queue.not_found(inbound, &not_found),
        }
        match inbound.reserved.map(|reserved| reserved.topic) {
            None => route,
            Some(ReservedTopic::BasicIngest) => Route::Consumed,
            Some(_) if self.requests.take(inbound) => Route::Consumed,
            Some(_) => route,
        }
    }

    fn told(&self, telling: &mut Telling<'_>, keep: &mut Keep<'_>) -> Route {
        let rules = self.queue.books.enabled_rules();
        // Services tell nothing on the topics of Basic Ingest, which alone can miss their rule.
        if let Ok(matching) = rules.matching(telling.topic())
            && !matching.is_empty()
            && let Some(message) = telling.message()
        {
            let inbound = Inbound { message, reserved: None, client: None, caller: None, protocol: None };
            self.hand_over(matching, &inbound, keep);
        }
        Route::Deliver
    }

    fn event(&self, event: Event) {
        self.events.emit(event);
    }

    fn happened(&self, who: Who<'_>, what: Happening<'_>) {
        self.queue.logs.happened(who, what);
    }

    fn dropped(&self, dropped: &Dropped<'_>) {
        self.queue.logs.dropped(dropped);
        // What a policy refuses was told with its reasons already.
        if dropped.reason != DropReason::NotAuthorized {
            tracing::debug!(
                client = dropped.client_id,
                topic = dropped.topic,
                reason = dropped.reason.as_str(),
                "a message was dropped"
            );
            self.tell_dropped(dropped);
        }
    }

    fn remark(&self, remark: &Remark<'_>) {
        self.queue.notices.tell(|| {
            let known = (!remark.client_id.is_empty()).then(|| remark.client_id.to_owned());
            let remote = || remark.remote.map(|remote| remote.to_string());
            Notice {
                at: self.queue.books.now(),
                tone: if remark.refused { Tone::Bad } else { Tone::Aside },
                topic: About::Connection,
                subject: known.or_else(remote).unwrap_or_default(),
                text: remark.what.to_owned(),
                reasons: help(remark.help),
            }
        });
    }

    fn unheard(&self, inbound: &Inbound<'_>) {
        self.unheard.note(inbound);
    }
}

/// Why a message did not arrive, in words, and what to do about it; `None` where it was told already.
fn words(reason: DropReason) -> Option<(&'static str, &'static str)> {
    let limits = "send less often, or raise the limit: see `drydock limits`";
    match reason {
        DropReason::QueueFull => Some((
            "as many messages wait for it as may",
            "have it connect more often and acknowledge sooner, or let messages expire",
        )),
        DropReason::Throttled => {
            Some(("more messages a second than AWS IoT takes of a connection or an account", limits))
        }
        DropReason::Expired => Some(("its Message Expiry Interval passed", "")),
        DropReason::TooLarge => {
            Some(("it is larger than the Maximum Packet Size of the client", "have the client take larger packets"))
        }
        DropReason::RetriesExceeded => {
            Some(("no PUBACK came for it", "have the client acknowledge what it receives with QoS 1"))
        }
        DropReason::RetainedQuota => Some((
            "the account has as many retained messages as it may, so it is not retained",
            "delete some: publish an empty payload with RETAIN",
        )),
        DropReason::NotAuthorized | DropReason::QosNotSupported => None,
    }
}

/// A message of the broker as the rules see it.
fn message(books: &Books, inbound: &Inbound<'_>) -> Message {
    let published = inbound.message;
    let mut message =
        Message::new(published.topic.clone(), published.payload.clone(), books.scope.account.clone(), books.now());
    if let Some(client) = inbound.client {
        message.client_id = Some(client.client_id.clone());
        message.principal = Some(client.principal.clone());
        message.source_ip = Some(client.ip);
        message.trace_id = Some(books.ids.uuid().to_string().into());
    }
    if let Some(caller) = inbound.caller {
        message.principal = Some(caller.principal.clone());
        message.source_ip = Some(caller.ip);
    }
    if let Some(properties) = &published.properties {
        message.mqtt = MqttProperties {
            utf8: properties.payload_is_utf8,
            content_type: properties.content_type.as_ref().map(ToString::to_string),
            response_topic: properties.response_topic.as_ref().map(ToString::to_string),
            correlation_data: properties.correlation_data.clone(),
            message_expiry: None,
            user_properties: properties.user.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        };
    }
    message
}
