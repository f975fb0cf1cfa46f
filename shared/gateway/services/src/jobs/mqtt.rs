//! The MQTT API of jobs. Answers go to the very connection that asked, whether it subscribed or not, and to nobody else: neither
//! other subscribers nor rules see them.
//!
//! Follows "Jobs device MQTT API operations" of the developer guide.

use super::runner::Runner;
use crate::in_flight::Unanswered;
use crate::request::TopicRequest;
use bytes::Bytes;
use drydock_broker::{Message, Qos, Who};
use drydock_core::ReservedTopic;
use drydock_core::event::ClientIdentity;
use drydock_host::logs::failure;
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_jobs::device::{Named, Refusal, Refused};
use drydock_jobs::request::Payload;
use drydock_jobs::{Changed, messages};
use drydock_logging::{EventType, Status};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// How many requests may be on their way to the disk at a time.
const CONCURRENCY: usize = 256;

/// What is asked of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Get,
    StartNext,
    Describe,
    Update,
}

impl Operation {
    fn event(self) -> EventType {
        match self {
            Self::Get => EventType::GetPendingJobExecution,
            Self::StartNext => EventType::StartNextPendingJobExecution,
            Self::Describe => EventType::DescribeJobExecution,
            Self::Update => EventType::UpdateJobExecution,
        }
    }
}

/// A request that came as a message.
#[derive(Debug)]
pub(super) struct Request {
    operation: Operation,
    thing: SmolStr,
    job: SmolStr,
    namespace: Option<SmolStr>,
    topic: SmolStr,
    payload: Bytes,
    client: Option<Arc<ClientIdentity>>,
}

impl Request {
    /// The request that a message is, if it is one of this API.
    ///
    /// # Errors
    /// The request, where it is not.
    pub(super) fn of(request: TopicRequest) -> Result<Self, TopicRequest> {
        let operation = match request.asks() {
            ReservedTopic::GetPendingJobExecutions => Operation::Get,
            ReservedTopic::StartNextPendingJobExecution => Operation::StartNext,
            ReservedTopic::DescribeJobExecution => Operation::Describe,
            ReservedTopic::UpdateJobExecution => Operation::Update,
            _ => return Err(request),
        };
        let name = |at| request.name(at).map(SmolStr::new);
        let (thing, job, namespace) = (name(0).unwrap_or_default(), name(1).unwrap_or_default(), name(2));
        let TopicRequest { topic, payload, client, .. } = request;
        Ok(Self { operation, thing, job, namespace, topic, payload, client })
    }

    fn named(&self) -> Named<'_> {
        Named { thing: &self.thing, job: &self.job, namespace: self.namespace.as_deref() }
    }
}

/// Answers requests as long as the gateway runs: in the order that they came, though several may wait for the disk together.
pub(super) async fn serve(runner: Arc<Runner>, requests: Receiver<(Request, Unanswered)>) {
    let arriving = stream::unfold(requests, async |mut requests| Some((requests.recv().await?, requests)));
    let runner = &*runner;
    let answers = arriving.map(async |(request, unanswered)| {
        let answer = answer(runner, &request).await;
        (request, answer, unanswered)
    });
    let mut answers = answers.buffered(CONCURRENCY).boxed();
    while let Some((request, (result, token, changed), unanswered)) = answers.next().await {
        // Before: whoever has read the answer may ask again at once.
        drop(unanswered);
        reply(runner, &request, result, token.as_deref());
        // Seen on AWS: the answer comes before what follows from it.
        runner.tell(&changed);
    }
}

/// Rejects a request, as of a connection that has too many unanswered ones.
pub(super) fn throttle(runner: &Runner, request: &Request) {
    let token = Payload::read(&request.payload).and_then(|payload| payload.client_token()).unwrap_or_default();
    let refused = Refused::new(Refusal::RequestThrottled, "Too many requests");
    reply(runner, request, Err(refused), token.as_deref());
}

/// What a request comes to: the body of the answer, the client token, and the things that are to be told.
type Answer = (Result<Value, Refused>, Option<String>, Vec<Changed>);

async fn answer(runner: &Runner, request: &Request) -> Answer {
    let read = Payload::read(&request.payload).and_then(|payload| {
        let token = payload.client_token()?;
        Ok((payload, token))
    });
    let (payload, token) = match read {
        Ok(read) => read,
        Err(refused) => return (Err(refused), None, Vec::new()),
    };
    match carried_out(runner, request, &payload, token.as_deref()).await {
        Ok((body, changed)) => (Ok(body), token, changed),
        Err(refused) => (Err(refused), token, Vec::new()),
    }
}

async fn carried_out(
    runner: &Runner,
    request: &Request,
    payload: &Payload,
    token: Option<&str>,
) -> Result<(Value, Vec<Changed>), Refused> {
    let now = || runner.host.books.now();
    let named = request.named();
    match request.operation {
        Operation::Get => {
            let found = runner.ask(|jobs, context| jobs.pending_of(named.thing, None, context))?;
            Ok((messages::pending(&found, now(), token), Vec::new()))
        }
        Operation::Describe => {
            let (number, with_document) = payload.describe()?;
            let found = runner.ask(|jobs, context| jobs.describe_for_device(named, number, with_document, context))?;
            Ok((messages::execution(found, now(), token), Vec::new()))
        }
        Operation::StartNext => {
            let start = payload.start()?;
            let change = runner.change(|jobs, context| jobs.start_next(named.thing, None, start, context));
            let (found, changed) = change.await?;
            Ok((messages::execution(found, now(), token), changed))
        }
        Operation::Update => {
            let update = payload.update()?;
            let change = runner.change(|jobs, context| jobs.update_execution(named, update, context));
            let (done, changed) = change.await?;
            Ok((messages::updated(done, now(), token), changed))
        }
    }
}

fn reply(runner: &Runner, request: &Request, result: Result<Value, Refused>, token: Option<&str>) {
    log(runner, request, result.as_ref().err());
    let (outcome, body) = match result {
        Ok(body) => ("accepted", body),
        Err(refused) => ("rejected", messages::rejected(&refused, runner.host.books.now(), token)),
    };
    // What rules and callers over HTTP publish has nobody who is answered.
    let Some(client) = &request.client else { return };
    let reply = Message::new(format!("{}/{outcome}", request.topic), body.to_string()).with_qos(Qos::AtLeastOnce);
    // The device may have hung up, or its policies may not let it receive; the broker's gate tells of the latter.
    if let Err(error) = runner.host.broker.answer(client, reply, true) {
        tracing::debug!(client = %client.client_id, topic = %request.topic, %error, "an answer did not arrive");
    }
}

/// "Jobs log entries", and to whoever watches, as a device that does not listen hears nothing.
fn log(runner: &Runner, request: &Request, refused: Option<&Refused>) {
    let told = &runner.host.told;
    let client = request.client.as_deref();
    let (client_id, principal) = client.map_or(("", ""), |client| (&client.client_id, &client.principal));
    let status = match refused {
        Some(refused) => {
            told.notices.tell(|| Notice {
                at: runner.host.books.now(),
                tone: Tone::Bad,
                topic: Topic::Job,
                subject: if client_id.is_empty() { "rule".to_owned() } else { client_id.to_owned() },
                text: format!("`{}` rejected: {} {}", request.topic, refused.refusal.as_str(), refused.message),
                reasons: help(next_step(refused.refusal)),
            });
            failure(refused.refusal.as_str(), refused.message.clone())
        }
        None => Status::Success,
    };
    told.logs.tell(request.operation.event(), Who { client_id, principal, remote: None }, status, |entry| {
        let entry = entry.with("protocol", "MQTT").with("topicName", request.topic.as_str());
        let entry = entry.with_some("jobId", Some(request.job.as_str()).filter(|job| !job.is_empty()));
        entry.with_some("clientId", Some(client_id).filter(|id| !id.is_empty()))
    });
}

fn next_step(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidTopic | Refusal::ResourceNotFound => {
            "ask with the name of the thing and the id of a job that is pending on it: publish to `…/jobs/get` for the list"
        }
        Refusal::InvalidJson => "the payload is a JSON object: {} at least",
        Refusal::InvalidRequest => {
            "the form of an update is {\"status\": \"IN_PROGRESS\", \"statusDetails\": {\"name\": \"text\"}}"
        }
        Refusal::InvalidStateTransition | Refusal::TerminalStateReached => {
            "what has ended stays so: ask for the next job on `…/jobs/start-next`"
        }
        Refusal::VersionMismatch => {
            "describe the execution, and update it with the `versionNumber` that it has now, or with none"
        }
        Refusal::RequestThrottled => "wait for answers before more is asked",
        Refusal::InternalError => "the cause is in the gateway's log",
    }
}
