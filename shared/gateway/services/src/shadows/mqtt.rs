//! The Device Shadow service: its MQTT API, and what is told of a shadow that changes, whoever changes it.
//!
//! The broker's tap hands the requests over, from clients and from rules alike. Replies are messages as others are: who may
//! receive them gets them, and rules see them. Follows "Device Shadow MQTT topics" and "Device Shadow error messages".

use super::operation::Operation;
use super::vain;
use crate::in_flight::Unanswered;
use crate::request::TopicRequest;
use bytes::Bytes;
use drydock_broker::Who;
use drydock_core::event::ClientIdentity;
use drydock_core::{ApiError, ErrorCode, ReservedTopic};
use drydock_host::Host;
use drydock_host::logs::failure;
use drydock_host::once::Once;
use drydock_logging::Status;
use drydock_shadow::{Address, Updated, client_token};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

/// How many requests may be on their way to the disk at a time.
const CONCURRENCY: usize = 256;

/// A request that came as a message.
#[derive(Debug)]
pub(super) struct Request {
    operation: Operation,
    address: Result<Address, ApiError>,
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
            ReservedTopic::GetThingShadow => Operation::Get,
            ReservedTopic::UpdateThingShadow => Operation::Update,
            ReservedTopic::DeleteThingShadow => Operation::Delete,
            _ => return Err(request),
        };
        let address = Address::new(request.name(0).unwrap_or_default(), request.name(1));
        let TopicRequest { topic, payload, client, .. } = request;
        Ok(Self { operation, address, topic, payload, client })
    }
}

/// The topic that requests of a shadow begin with.
fn prefix(address: &Address) -> String {
    match &address.name {
        Some(name) => format!("$aws/things/{}/shadow/name/{name}", address.thing),
        None => format!("$aws/things/{}/shadow", address.thing),
    }
}

/// What is to be told: topics, and the bodies of their messages.
type Told = Vec<(String, Value)>;

/// Answers requests as long as the gateway runs: in the order that they came, though several may wait for the disk together.
pub(super) async fn serve(host: Host, requests: Receiver<(Request, Unanswered)>) {
    let arriving = stream::unfold(requests, async |mut requests| Some((requests.recv().await?, requests)));
    let once = Once::default();
    let answers = arriving.map(async |(request, unanswered)| (answer(&host, &once, request).await, unanswered));
    let mut answers = answers.buffered(CONCURRENCY).boxed();
    while let Some((told, unanswered)) = answers.next().await {
        // Before: whoever has read the answer may ask again at once.
        drop(unanswered);
        tell(&host, &told);
    }
}

/// Rejects a request, as of a connection that has too many unanswered ones ("Device Shadow error messages").
pub(super) fn throttle(host: &Host, request: Request) {
    let error = ApiError::new(ErrorCode::ThrottlingException, "Too many requests");
    let token = client_token(&request.payload);
    log(
        host,
        request.operation,
        request.client.as_deref(),
        &request.topic,
        request.address.as_ref().ok(),
        Some(&error),
    );
    tell(host, &rejected(host, &request.topic, token.as_deref(), &error));
}

/// The message that a request is rejected with.
fn rejected(host: &Host, topic: &str, token: Option<&str>, error: &ApiError) -> Told {
    let mut body = json!({
        "code": error.code.status(),
        "message": error.message,
        "timestamp": host.books.now().millis() / 1000,
    });
    if let (Some(token), Some(members)) = (token, body.as_object_mut()) {
        members.insert("clientToken".to_owned(), json!(token));
    }
    vec![(format!("{topic}/rejected"), body)]
}

fn tell(host: &Host, told: &Told) {
    for (topic, body) in told {
        if let Err(error) = host.broker.tell(topic, || body.to_string().into()) {
            tracing::warn!(topic, %error, "a shadow's message could not be sent");
        }
    }
}

async fn answer(host: &Host, once: &Once, request: Request) -> Told {
    let Request { operation, address, topic, payload, client } = request;
    let token = client_token(&payload);
    let with_token = |mut body: Value| {
        if let (Some(token), Some(members)) = (&token, body.as_object_mut()) {
            members.insert("clientToken".to_owned(), json!(token));
        }
        body
    };
    let result = match (&address, operation) {
        (Err(error), _) => Err(error.clone()),
        (Ok(address), Operation::Get) => {
            get(host, address).map(|body| vec![(format!("{topic}/accepted"), with_token(body))])
        }
        (Ok(address), Operation::Update) => {
            let updated = apply(host, address, &payload).await;
            updated.map(|updated| {
                vain::no_delta(host, once, client.as_deref().map(|client| client.client_id.as_str()), &topic, &updated);
                updates(address, updated)
            })
        }
        (Ok(address), Operation::Delete) => {
            remove(host, address).await.map(|body| vec![(format!("{topic}/accepted"), with_token(body))])
        }
    };
    log(host, operation, client.as_deref(), &topic, address.as_ref().ok(), result.as_ref().err());
    result.unwrap_or_else(|error| rejected(host, &topic, token.as_deref(), &error))
}

/// "GetThingShadow".
///
/// # Errors
/// As [`drydock_shadow::Shadows::get`].
pub fn get(host: &Host, address: &Address) -> Result<Value, ApiError> {
    let books = &host.books;
    books.shadows.read(|book| book.get(address, books.now()))
}

/// "UpdateThingShadow": answers what its `accepted` message has, and tells everybody of the change.
///
/// # Errors
/// As [`drydock_shadow::Shadows::update`].
pub async fn update(host: &Host, address: &Address, request: &[u8]) -> Result<Value, ApiError> {
    let updated = apply(host, address, request).await?;
    let accepted = updated.accepted.clone();
    tell_update(host, address, updated);
    Ok(accepted)
}

/// Tells everybody of a change that was made.
pub fn tell_update(host: &Host, address: &Address, updated: Updated) {
    tell(host, &updates(address, updated));
}

/// "DeleteThingShadow": answers what its `accepted` message has, and tells everybody of it.
///
/// # Errors
/// As [`drydock_shadow::Shadows::delete`].
pub async fn delete(host: &Host, address: &Address) -> Result<Value, ApiError> {
    let body = remove(host, address).await?;
    tell(host, &vec![(format!("{}/delete/accepted", prefix(address)), body.clone())]);
    Ok(body)
}

async fn apply(host: &Host, address: &Address, request: &[u8]) -> Result<Updated, ApiError> {
    let books = &host.books;
    books.apply(&books.shadows, |book| book.update(address, request, books.now())).await
}

async fn remove(host: &Host, address: &Address) -> Result<Value, ApiError> {
    let books = &host.books;
    books.apply(&books.shadows, |book| book.delete(address, books.now())).await
}

/// The messages that follow an update.
fn updates(address: &Address, updated: Updated) -> Told {
    let prefix = prefix(address);
    let topic = |kind: &str| format!("{prefix}/update/{kind}");
    let mut told = vec![(topic("accepted"), updated.accepted), (topic("documents"), updated.documents)];
    told.extend(updated.delta.map(|delta| (topic("delta"), delta)));
    told
}

/// "Device shadow log entries".
fn log(
    host: &Host,
    operation: Operation,
    client: Option<&ClientIdentity>,
    topic: &str,
    address: Option<&Address>,
    error: Option<&ApiError>,
) {
    let status = match error {
        Some(error) => {
            vain::rejected(host, operation, client.map(|client| client.client_id.as_str()), topic, error);
            failure(error.code.as_str(), error.message.clone())
        }
        None => Status::Success,
    };
    let (client_id, principal) = client.map_or(("", ""), |client| (&client.client_id, &client.principal));
    host.told.logs.tell(operation.event(), Who { client_id, principal, remote: None }, status, |entry| {
        let entry = entry
            .with("protocol", "MQTT")
            .with_some("deviceShadowName", address.map(Address::called))
            .with("topicName", topic);
        entry.with_some("clientId", Some(client_id).filter(|id| !id.is_empty()))
    });
}
