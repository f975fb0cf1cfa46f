//! What devices ask of streams over MQTT. Answers go to the very connection that asked, whether it subscribed or not, and to
//! nobody else.
//!
//! Follows "Using AWS IoT MQTT-based file delivery in devices" of the developer guide.

use super::roles;
use crate::in_flight::Unanswered;
use crate::request::TopicRequest;
use bytes::Bytes;
use drydock_broker::{Message, Qos};
use drydock_core::event::ClientIdentity;
use drydock_core::{ReservedTopic, ThingName};
use drydock_host::Host;
use drydock_host::notice::{Notice, Tone, Topic, help};
use drydock_ota::messages;
use drydock_ota::request::{Format, Payload, Refusal, Refused};
use futures_util::{StreamExt, stream};
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// How many requests are worked on at a time: each holds 128 KB of a file, and what is written of it.
const CONCURRENCY: usize = 16;

/// What is asked of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Describe,
    Get,
}

/// A request that came as a message.
#[derive(Debug)]
pub(super) struct Request {
    operation: Operation,
    thing: SmolStr,
    stream: SmolStr,
    /// `None` where the topic names a format that there is not.
    format: Option<Format>,
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
            ReservedTopic::DescribeStream => Operation::Describe,
            ReservedTopic::GetStream => Operation::Get,
            _ => return Err(request),
        };
        let name = |at| request.name(at).map(SmolStr::new).unwrap_or_default();
        let (thing, stream, format) = (name(0), name(1), Format::of(&name(2)));
        let TopicRequest { topic, payload, client, .. } = request;
        Ok(Self { operation, thing, stream, format, topic, payload, client })
    }

    /// The format of the answer.
    fn format(&self) -> Format {
        self.format.unwrap_or(Format::Json)
    }

    fn reply_topic(&self, what: &str) -> String {
        format!("$aws/things/{}/streams/{}/{what}/{}", self.thing, self.stream, self.format().as_str())
    }
}

/// What a request comes to: the topic's level, and the payloads that are sent there.
type Answer = Result<(&'static str, Vec<Vec<u8>>), (Refused, Option<String>)>;

/// Answers requests as long as the gateway runs, in the order that they came. Files are read, and blocks written out, on threads
/// that wait for disks.
pub(super) async fn serve(host: Host, requests: Receiver<(Request, Unanswered)>) {
    let arriving = stream::unfold(requests, async |mut requests| Some((requests.recv().await?, requests)));
    let answers = arriving.map(|(request, unanswered)| {
        let of = host.clone();
        async move {
            let done = tokio::task::spawn_blocking(move || {
                let answer = answer(&of, &request);
                (request, answer)
            });
            (done.await, unanswered)
        }
    });
    let mut answers = answers.buffered(CONCURRENCY).boxed();
    while let Some((done, unanswered)) = answers.next().await {
        // Before: whoever has read the answer may ask again at once.
        drop(unanswered);
        match done {
            Ok((request, answer)) => reply(&host, &request, answer),
            Err(error) => tracing::error!(%error, "a request of a stream was not answered"),
        }
    }
}

/// Rejects a request, as of a connection that has too many unanswered ones.
pub(super) fn throttle(host: &Host, request: &Request) {
    reply(host, request, Err((Refused::new(Refusal::Throttled, "too many requests are unanswered"), None)));
}

fn answer(host: &Host, request: &Request) -> Answer {
    let named = request.format.is_some() && ThingName::new(&request.thing).is_ok() && is_stream(&request.stream);
    if !named {
        let why = "the topic does not name a thing, a stream, and json or cbor";
        return Err((Refused::new(Refusal::InvalidTopic, why), None));
    }
    let format = request.format();
    let payload = Payload::read(format, &request.payload).map_err(|refused| (refused, None))?;
    let token = payload.client_token().map_err(|refused| (refused, None))?;
    let done = match request.operation {
        Operation::Describe => {
            let described = host.books.ota.read(|book| book.description(&request.stream, format, token.as_deref()));
            described.map(|payload| ("description", vec![payload]))
        }
        Operation::Get => blocks(host, request, &payload, token.as_deref()).map(|blocks| ("data", blocks)),
    };
    done.map_err(|refused| (refused, token))
}

fn is_stream(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The blocks that are asked for, written out.
fn blocks(host: &Host, request: &Request, payload: &Payload, token: Option<&str>) -> Result<Vec<Vec<u8>>, Refused> {
    let get = payload.get()?;
    let delivery = host.books.ota.read(|book| book.delivery(&request.stream, &get))?;
    if let Some(why) = roles::untrusting(host, &delivery.role, &format!("stream/{}", request.stream)) {
        let why = format!("the role of the stream cannot be assumed: {why}");
        return Err(Refused::new(Refusal::Unauthorized, why));
    }
    let file = &delivery.file;
    let read = |block: u64| -> Result<Vec<u8>, Refused> {
        let (begins, length) = (delivery.begins(block), delivery.length(block));
        let found = host.cloud.s3().read_part(&file.bucket, &file.key, file.version.as_deref(), begins, length);
        let found = found.map_err(|error| {
            tracing::error!(%error, stream = %request.stream, "a file of a stream could not be read");
            Refused::new(Refusal::InternalError, "the file could not be read")
        })?;
        let (bytes, facts) = found
            .ok_or_else(|| Refused::new(Refusal::ResourceNotFound, "the object of the file is not there any more"))?;
        if facts.etag != file.etag {
            let why = "the object is another than when the stream was made: update the stream";
            return Err(Refused::new(Refusal::ETagMismatch, why));
        }
        Ok(bytes)
    };
    delivery
        .blocks
        .iter()
        .map(|block| {
            let bytes = read(*block)?;
            Ok(messages::block(request.format(), token, delivery.file_id, *block, bytes))
        })
        .collect()
}

fn reply(host: &Host, request: &Request, answer: Answer) {
    let (what, payloads) = match answer {
        Ok(answer) => answer,
        Err((refused, token)) => {
            tell(host, request, &refused);
            ("rejected", vec![messages::rejected(request.format(), token.as_deref(), &refused)])
        }
    };
    let Some(client) = &request.client else { return };
    let topic: SmolStr = request.reply_topic(what).into();
    for payload in payloads {
        // Devices ask again for what does not arrive, and a request may have more blocks than may be unacknowledged.
        let reply = Message::new(topic.clone(), payload).with_qos(Qos::AtMostOnce);
        // The device may have hung up, or its policies may not let it receive; the broker's gate tells of the latter.
        if let Err(error) = host.broker.answer(client, reply, true) {
            tracing::debug!(client = %client.client_id, %topic, %error, "an answer did not arrive");
            return;
        }
    }
}

/// To whoever watches, as a device that does not listen hears nothing.
fn tell(host: &Host, request: &Request, refused: &Refused) {
    host.told.notices.tell(|| Notice {
        at: host.books.now(),
        tone: Tone::Bad,
        topic: Topic::Stream,
        subject: request.client.as_ref().map(|client| client.client_id.to_string()).unwrap_or_default(),
        text: format!("`{}` rejected: {} {}", request.topic, refused.refusal.as_str(), refused.message),
        reasons: help(next_step(refused.refusal)),
    });
}

fn next_step(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::InvalidTopic => "ask on `$aws/things/THING/streams/STREAM/get/json`, or `describe`, or `cbor`",
        Refusal::InvalidJson | Refusal::InvalidCbor | Refusal::InvalidRequest => {
            "a request for blocks is {\"f\": 0, \"l\": 4096, \"o\": 0, \"n\": 4}: the file, a block's size, the first block and their number"
        }
        Refusal::Unauthorized => "the role's trust policy has to name the service iot.amazonaws.com",
        Refusal::BlockSizeOutOfBounds => "blocks have 256 to 131072 bytes",
        Refusal::OffsetOutOfBounds | Refusal::BlockCountLimitExceeded | Refusal::BlockBitmapLimitExceeded => {
            "ask for fewer blocks, beginning at an offset"
        }
        Refusal::ResourceNotFound => "ask `…/describe/json` for the files of the stream and their sizes",
        Refusal::VersionMismatch | Refusal::ETagMismatch => {
            "the file has changed: begin anew with the stream as `…/describe/json` tells of it"
        }
        Refusal::Throttled => "wait for answers before more is asked",
        Refusal::InternalError => "the cause is in the gateway's log",
    }
}
