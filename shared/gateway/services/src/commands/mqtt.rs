//! "UpdateCommandExecution", by which devices report over MQTT. Answers go to the very connection that reported, whether it
//! subscribed or not, and to nobody else: neither other subscribers nor rules see them.
//!
//! Follows "Commands topics" and "Update the result of a command execution" of the developer guide.

use super::runner::Runner;
use crate::in_flight::Unanswered;
use crate::request::TopicRequest;
use bytes::Bytes;
use drydock_broker::{Message, Qos, Who};
use drydock_commands::Target;
use drydock_commands::device::{Refusal, Refused, accepted, rejected};
use drydock_commands::report::{Format, Payload};
use drydock_core::ReservedTopic;
use drydock_core::event::ClientIdentity;
use drydock_host::logs::failure;
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_logging::{EventType, Status};
use futures_util::{StreamExt, stream};
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// How many reports may be on their way to the disk at a time.
const CONCURRENCY: usize = 256;

/// A report that came as a message.
#[derive(Debug)]
pub(super) struct Report {
    kind: SmolStr,
    device: SmolStr,
    execution: SmolStr,
    format: Format,
    topic: SmolStr,
    payload: Bytes,
    client: Option<Arc<ClientIdentity>>,
}

impl Report {
    /// The report that a message is, if it is one.
    ///
    /// # Errors
    /// The request, where it is not.
    pub(super) fn of(request: TopicRequest) -> Result<Self, TopicRequest> {
        let format = request.topic.rsplit('/').next().and_then(Format::of);
        let (ReservedTopic::CommandResponse, Some(format)) = (request.asks(), format) else { return Err(request) };
        let name = |at| request.name(at).map(SmolStr::new).unwrap_or_default();
        let (kind, device, execution) = (name(0), name(1), name(2));
        let TopicRequest { topic, payload, client, .. } = request;
        Ok(Self { kind, device, execution, format, topic, payload, client })
    }

    /// The topic of its answer.
    fn answer_topic(&self, outcome: &str) -> String {
        let format = self.format.as_str();
        let before = self.topic.strip_suffix(format).unwrap_or(&self.topic);
        format!("{before}{outcome}/{format}")
    }
}

/// Takes reports as long as the gateway runs: in the order that they came, though several may wait for the disk together.
pub(super) async fn serve(runner: Arc<Runner>, reports: Receiver<(Report, Unanswered)>) {
    let arriving = stream::unfold(reports, async |mut reports| Some((reports.recv().await?, reports)));
    let runner = &*runner;
    let answers = arriving.map(async |(report, unanswered)| {
        let (result, token) = answer(runner, &report).await;
        (report, result, token, unanswered)
    });
    let mut answers = answers.buffered(CONCURRENCY).boxed();
    while let Some((report, result, token, unanswered)) = answers.next().await {
        // Before: whoever has read the answer may report again at once.
        drop(unanswered);
        reply(runner, &report, result, token.as_deref());
    }
}

/// Rejects a report, as of a connection that has too many unanswered ones.
pub(super) fn throttle(runner: &Runner, report: &Report) {
    let token = Payload::read(report.format, &report.payload).and_then(|payload| payload.client_token());
    let refused = Refused::new(Refusal::RequestThrottled, "Too many requests");
    reply(runner, report, Err(refused), token.unwrap_or_default().as_deref());
}

/// What a report comes to, with its client token.
async fn answer(runner: &Runner, report: &Report) -> (Result<(), Refused>, Option<String>) {
    let read = Payload::read(report.format, &report.payload).and_then(|payload| {
        let token = payload.client_token()?;
        Ok((payload, token))
    });
    let (payload, token) = match read {
        Ok(read) => read,
        Err(refused) => return (Err(refused), None),
    };
    (carried_out(runner, report, &payload).await, token)
}

async fn carried_out(runner: &Runner, report: &Report, payload: &Payload) -> Result<(), Refused> {
    let target = Target::of_topic(&report.kind, &report.device);
    let nobody = || Refused::new(Refusal::InvalidTopic, "the topic names neither a thing nor a client");
    let target = target.ok_or_else(nobody)?;
    let said = payload.report()?;
    runner.change(|book, now| book.update_execution(&target, &report.execution, said, now)).await
}

fn reply(runner: &Runner, report: &Report, result: Result<(), Refused>, token: Option<&str>) {
    log(runner, report, result.as_ref().err());
    let (outcome, body) = match result {
        Ok(()) => ("accepted", accepted(&report.execution, token)),
        Err(refused) => ("rejected", rejected(&refused, &report.execution, token)),
    };
    // What rules and callers over HTTP publish has nobody who is answered.
    let Some(client) = &report.client else { return };
    let reply = Message::new(report.answer_topic(outcome), report.format.write(&body)).with_qos(Qos::AtLeastOnce);
    // The device may have hung up, or its policies may not let it receive; the broker's gate tells of the latter.
    if let Err(error) = runner.host.broker.answer(client, reply, true) {
        tracing::debug!(client = %client.client_id, topic = %report.topic, %error, "an answer did not arrive");
    }
}

/// To the logs, and to whoever watches, as a device that does not listen hears nothing.
fn log(runner: &Runner, report: &Report, refused: Option<&Refused>) {
    let told = &runner.host.told;
    let client = report.client.as_deref();
    let (client_id, principal) = client.map_or(("", ""), |client| (&client.client_id, &client.principal));
    let status = match refused {
        Some(refused) => {
            told.notices.tell(|| Notice {
                at: runner.host.books.now(),
                tone: Tone::Bad,
                topic: Topic::Command,
                subject: if client_id.is_empty() { "rule".to_owned() } else { client_id.to_owned() },
                text: format!("`{}` rejected: {} {}", report.topic, refused.refusal.as_str(), refused.message),
                reasons: help(next_step(refused.refusal)),
            });
            failure(refused.refusal.as_str(), refused.message.clone())
        }
        None => Status::Success,
    };
    told.logs.tell(EventType::UpdateCommandExecution, Who { client_id, principal, remote: None }, status, |entry| {
        let entry = entry.with("protocol", "MQTT").with("topicName", report.topic.as_str());
        let entry = entry.with("executionId", report.execution.as_str());
        entry.with_some("clientId", Some(client_id).filter(|id| !id.is_empty()))
    });
}

fn next_step(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidTopic | Refusal::ResourceNotFound => {
            "answer on the topic of the request, with `response/json` or `response/cbor` in the place of `request`"
        }
        Refusal::InvalidJson => "the payload is a JSON object, or publish CBOR to `response/cbor`",
        Refusal::InvalidRequest => {
            "the form of a report is {\"status\": \"SUCCEEDED\", \"statusReason\": {\"reasonCode\": \"OK\"}, \"result\": {\"name\": {\"s\": \"text\"}}}"
        }
        Refusal::InvalidStateTransition | Refusal::TerminalStateReached => {
            "what the device has ended stays so, and what has timed out can only be ended: start the command anew"
        }
        Refusal::RequestThrottled => "wait for answers before more is reported",
        Refusal::InternalError => "the cause is in the gateway's log",
    }
}
