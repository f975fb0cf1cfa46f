//! Rules on messages. The [`RunnerTap`] sees every message on the broker's path: it looks up the rules that the topic reaches and
//! hands the message over. The [`Runner`] evaluates and acts, away from that path, so that a slow action slows nobody down: each
//! rule has a lane for its statement and one for each of its actions.

use super::act::{self, Acting};
use super::backlog::{Backlog, Pending};
use super::entries::Entries;
use super::outbound::Outbound;
use super::send;
use super::state::{Metric, States};
use super::watch::Watches;
use crate::requests::Requests;
use drydock_broker::{Broker, DropReason, Dropped, Happening, Inbound, Keep, Route, Tap, Telling, Who};
use drydock_cloud::Cloud;
use drydock_core::{Event, Ids, ReservedTopic, RuleName};
use drydock_host::books::Books;
use drydock_host::logs::{Logs, failure};
use drydock_host::notice::{Notice, Notices, Tone, Topic as About};
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
/// How many messages of an earlier run a rule works on at a time: well below what its lanes hold, so that they turn none away.
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
}

/// What the broker shows its messages to.
pub struct RunnerTap {
    queue: Arc<Queue>,
    backlog: Backlog,
    events: Stream,
    requests: Requests,
}

/// Where messages wait to be handed to their rules.
struct Queue {
    books: Arc<Books>,
    notices: Notices,
    logs: Logs,
    states: States,
    jobs: mpsc::Sender<Job>,
    kind: Kind,
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
        };
        let tap = Arc::new(RunnerTap { queue: Arc::new(queue), backlog: backlog.clone(), events, requests });
        let sender = send::Sender::new(Arc::clone(&books), cloud.clone(), outbound);
        let entries = Entries(logs);
        let heavy = Arc::new(Semaphore::new(act::HEAVY));
        let acting = Acting { books, cloud, sender, states, notices, watches, entries, kind, heavy, tasks };
        (Self { acting, jobs, backlog }, tap)
    }

    /// Starts to work once [`Backlog::resume`] says so; what rules republish goes to the broker.
    pub fn start(self, broker: Broker) {
        let Self { acting, mut jobs, backlog } = self;
        let acting = Arc::new(acting);
        let tasks = acting.tasks.clone();
        tasks.spawn(do_again(backlog.clone(), Arc::clone(&acting), broker.clone()));
        tasks.spawn(backlog.clone().keep_tidy());
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

    fn not_found(&self, inbound: &Inbound<'_>, not_found: &RuleNotFound) {
        let topic = inbound.message.topic.as_str();
        self.states.not_found();
        tracing::warn!(topic, "RuleNotFound: {not_found}");
        self.notices.tell(|| Notice {
            at: self.books.now(),
            tone: Tone::Bad,
            topic: About::Rule,
            subject: topic.to_owned(),
            text: format!("RuleNotFound: {not_found}"),
            reasons: Vec::new(),
        });
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
        match rules.matching(&inbound.message.topic) {
            Ok(matching) if matching.is_empty() => {}
            Ok(matching) => self.hand_over(matching, inbound, keep),
            Err(not_found) => self.queue.not_found(inbound, &not_found),
        }
        match inbound.reserved.map(|reserved| reserved.topic) {
            None => Route::Deliver,
            Some(ReservedTopic::BasicIngest) => Route::Consumed,
            Some(_) if self.requests.take(inbound) => Route::Consumed,
            Some(_) => Route::Deliver,
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
        }
    }

    fn refused(&self, client_id: &str, what: &str) {
        self.queue.notices.tell(|| Notice {
            at: self.queue.books.now(),
            tone: Tone::Bad,
            topic: About::Connection,
            subject: client_id.to_owned(),
            text: what.to_owned(),
            reasons: Vec::new(),
        });
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
