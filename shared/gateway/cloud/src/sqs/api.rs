//! The SQS API over AWS JSON 1.0, with the header that tells SDKs the older error codes.

use super::error::{Code, SqsError};
use super::message::{Attribute, NewMessage, md5_of_attributes, md5_of_body};
use super::queue::Queue;
use super::{Received, SERVICE, Sqs};
use crate::error::CloudError;
use crate::stand_in::{Parcel, Refusal, Service, StandIn};
use crate::wire::{self, json};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_core::Arn;
use drydock_timers::Reminder;
use http::{Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most bytes of all messages of a batch together.
const MAX_BATCH_BYTES: usize = 1_048_576;

type Answer = Result<Value, SqsError>;

#[async_trait]
impl StandIn for Sqs {
    fn service(&self) -> Service {
        SERVICE
    }

    async fn handle(self: Arc<Self>, request: Request<Bytes>, _request_id: &str) -> Response<Bytes> {
        answer(&self, &request).await
    }

    fn refusal(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        json::refusal(refusal)
    }

    /// A message for a queue.
    async fn take(self: Arc<Self>, to: &Arn, parcel: Parcel) -> Result<(), String> {
        let queue = self.by_arn(to).map_err(|e| e.to_string())?;
        let message = NewMessage { body: parcel.body, attributes: parcel.attributes, ..NewMessage::default() };
        queue.send(vec![message]).await.map(|_| ()).map_err(|e| e.to_string())
    }

    fn check(&self, to: &Arn, _sender: (&'static str, &Arn)) -> Result<(), String> {
        self.by_arn(to).map(drop).map_err(|error| error.to_string())
    }

    fn reminder(&self) -> Option<Reminder> {
        Some(self.visible.clone())
    }

    async fn reset(&self) -> Result<(), CloudError> {
        self.clear().await
    }
}

async fn answer(sqs: &Sqs, request: &Request<Bytes>) -> Response<Bytes> {
    let form = request.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        // Clients of before the JSON protocol read XML.
        let message =
            "the older query protocol of SQS is not implemented by this gateway: use a client of 2023-11 or later";
        return wire::query::error("http://queue.amazonaws.com/doc/2012-11-05/", 501, "NotImplemented", message, "");
    }
    let answer = match json::operation(request, &["AmazonSQS."]) {
        Some(operation) => dispatch(sqs, operation, request.body()).await,
        None => {
            let message = "the request names no operation in `X-Amz-Target: AmazonSQS.…`; the older query protocol of SQS \
                           is not implemented by this gateway";
            Err(SqsError::new(Code::UnknownOperation, message))
        }
    };
    match answer {
        Ok(Value::Null) => wire::response(200, json::CONTENT_TYPE, Bytes::new()),
        Ok(body) => wire::response(200, json::CONTENT_TYPE, body.to_string()),
        Err(error) => {
            let body = json!({"__type": error.code.shape(), "message": error.message}).to_string();
            let mut response = wire::response(error.code.status(), json::CONTENT_TYPE, body);
            let fault = if error.code.status() < 500 { "Sender" } else { "Receiver" };
            wire::set_header(&mut response, "x-amzn-query-error", &format!("{};{fault}", error.code.query()));
            response
        }
    }
}

async fn dispatch(sqs: &Sqs, operation: &str, body: &[u8]) -> Answer {
    match operation {
        "ChangeMessageVisibility" => change_visibility(sqs, &read(body)?),
        "ChangeMessageVisibilityBatch" => change_visibility_batch(sqs, read(body)?),
        "CreateQueue" => create(sqs, read(body)?).await,
        "DeleteMessage" => delete(sqs, read(body)?).await,
        "DeleteMessageBatch" => delete_batch(sqs, read(body)?).await,
        "DeleteQueue" => {
            let queue = by_url(sqs, body)?;
            sqs.delete(&queue).await?;
            Ok(Value::Null)
        }
        "GetQueueAttributes" => get_attributes(sqs, &read(body)?),
        "GetQueueUrl" => get_url(sqs, &read(body)?),
        "ListDeadLetterSourceQueues" => list_sources(sqs, body),
        "ListQueueTags" => Ok(json!({"Tags": by_url(sqs, body)?.settings().1})),
        "ListQueues" => list(sqs, &read(body)?),
        "PurgeQueue" => {
            by_url(sqs, body)?.purge().await?;
            Ok(Value::Null)
        }
        "ReceiveMessage" => receive(sqs, read(body)?).await,
        "SendMessage" => send(sqs, read(body)?).await,
        "SendMessageBatch" => send_batch(sqs, read(body)?).await,
        "SetQueueAttributes" => {
            let input: SetAttributes = read(body)?;
            let queue = sqs.by_url(&input.queue_url)?;
            sqs.set_attributes(&queue, &input.attributes).await?;
            Ok(Value::Null)
        }
        "TagQueue" => tag(sqs, read(body)?).await,
        "UntagQueue" => untag(sqs, read(body)?).await,
        "AddPermission"
        | "RemovePermission"
        | "StartMessageMoveTask"
        | "CancelMessageMoveTask"
        | "ListMessageMoveTasks" => {
            let message = format!("the SQS operation `{operation}` is not implemented by this gateway");
            Err(SqsError::new(Code::NotImplemented, message))
        }
        other => Err(SqsError::new(Code::UnknownOperation, format!("SQS has no operation `{other}`"))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| {
        let text = e.to_string();
        if text.starts_with("missing field") {
            let field = text.split('`').nth(1).unwrap_or_default();
            SqsError::new(Code::MissingParameter, format!("The request must contain the parameter {field}."))
        } else {
            SqsError::new(Code::SerializationException, text)
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ByUrl {
    queue_url: String,
}

fn by_url(sqs: &Sqs, body: &[u8]) -> Result<Arc<Queue>, SqsError> {
    sqs.by_url(&read::<ByUrl>(body)?.queue_url)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags")]
    tags: BTreeMap<String, String>,
}

async fn create(sqs: &Sqs, input: Create) -> Answer {
    let queue = sqs.create(&input.queue_name, &input.attributes, input.tags).await?;
    Ok(json!({"QueueUrl": sqs.url(&queue.name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUrl {
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

fn get_url(sqs: &Sqs, input: &GetUrl) -> Answer {
    if input.owner.as_ref().is_some_and(|owner| *owner != sqs.context.config.scope.account) {
        return Err(SqsError::no_queue());
    }
    let queue = sqs.queue(&input.queue_name)?;
    Ok(json!({"QueueUrl": sqs.url(&queue.name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// Pages are cut after a name; the token is that name.
fn list(sqs: &Sqs, input: &List) -> Answer {
    let prefix = input.queue_name_prefix.as_deref().unwrap_or_default();
    let after = input.next_token.as_deref().unwrap_or_default();
    let names: Vec<String> = sqs
        .list()
        .iter()
        .map(|queue| queue.name.clone())
        .filter(|name| name.starts_with(prefix) && name.as_str() > after)
        .collect();
    let max = input.max_results.unwrap_or(1000).clamp(1, 1000);
    let mut answer = json!({"QueueUrls": names.iter().take(max).map(|name| sqs.url(name)).collect::<Vec<_>>()});
    if let (true, Some(_), Some(last)) = (names.len() > max, input.max_results, names.get(max - 1)) {
        insert(&mut answer, "NextToken", last.clone());
    }
    Ok(answer)
}

fn list_sources(sqs: &Sqs, body: &[u8]) -> Answer {
    let target = by_url(sqs, body)?;
    let arn = sqs.arn(&target.name);
    let sources = sqs.list().into_iter().filter(|queue| queue.dead_letter_target().as_deref() == Some(arn.as_str()));
    Ok(json!({"queueUrls": sources.map(|queue| sqs.url(&queue.name)).collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

fn get_attributes(sqs: &Sqs, input: &GetAttributes) -> Answer {
    const KNOWN: [&str; 4] = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"];
    let queue = sqs.by_url(&input.queue_url)?;
    let mut all = queue.attributes(&sqs.arn(&queue.name));
    if !input.attribute_names.iter().any(|name| name == "All") {
        if let Some(unknown) =
            input.attribute_names.iter().find(|name| !all.contains_key(*name) && !KNOWN.contains(&name.as_str()))
        {
            return Err(SqsError::new(Code::InvalidAttributeName, format!("Unknown Attribute {unknown}.")));
        }
        all.retain(|name, _| input.attribute_names.contains(name));
    }
    Ok(if all.is_empty() { json!({}) } else { json!({"Attributes": all}) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAttributes {
    queue_url: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    queue_url: String,
    tags: BTreeMap<String, String>,
}

async fn tag(sqs: &Sqs, input: Tag) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    let (attributes, mut tags) = queue.settings();
    tags.extend(input.tags);
    queue.replace(attributes, tags).await?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Untag {
    queue_url: String,
    tag_keys: Vec<String>,
}

async fn untag(sqs: &Sqs, input: Untag) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    let (attributes, mut tags) = queue.settings();
    tags.retain(|key, _| !input.tag_keys.contains(key));
    queue.replace(attributes, tags).await?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_body: String,
    delay_seconds: Option<u32>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, Attribute>,
    message_deduplication_id: Option<String>,
}

impl Message {
    fn into_new(self) -> Result<NewMessage, SqsError> {
        if self.message_deduplication_id.is_some() {
            let reason = "The request includes a parameter that is not valid for this queue type.";
            return Err(SqsError::parameter("MessageDeduplicationId", "given", reason));
        }
        let mut trace_header = None;
        for (name, attribute) in self.message_system_attributes {
            if name != "AWSTraceHeader" {
                let message = format!("Message system attribute name '{name}' is invalid.");
                return Err(SqsError::new(Code::InvalidParameterValue, message));
            }
            trace_header = attribute.string_value;
        }
        Ok(NewMessage {
            body: self.message_body,
            attributes: self.message_attributes,
            trace_header,
            delay: self.delay_seconds,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Send {
    queue_url: String,
    #[serde(flatten)]
    message: Message,
}

/// What is answered about a message that was sent, but its id.
fn sent(message: &NewMessage) -> Value {
    let mut answer = json!({"MD5OfMessageBody": md5_of_body(&message.body)});
    if let Some(md5) = md5_of_attributes(&message.attributes) {
        insert(&mut answer, "MD5OfMessageAttributes", md5);
    }
    if let Some(header) = &message.trace_header {
        let attributes = BTreeMap::from([("AWSTraceHeader".to_owned(), Attribute::string(header))]);
        insert(&mut answer, "MD5OfMessageSystemAttributes", md5_of_attributes(&attributes).unwrap_or_default());
    }
    answer
}

async fn send(sqs: &Sqs, input: Send) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    let message = input.message.into_new()?;
    let mut answer = sent(&message);
    let ids = queue.send(vec![message]).await?;
    if let Some(id) = ids.into_iter().next() {
        insert(&mut answer, "MessageId", id);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<T> {
    queue_url: String,
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
struct Entry<T> {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    item: T,
}

/// Checks a batch: 1 to 10 entries with distinct, valid ids.
fn check_batch<T>(entries: &[Entry<T>]) -> Result<(), SqsError> {
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return Err(SqsError::new(Code::EmptyBatchRequest, message));
    }
    if entries.len() > 10 {
        let message = format!("Maximum number of entries per request are 10. You have sent {}.", entries.len());
        return Err(SqsError::new(Code::TooManyEntriesInBatchRequest, message));
    }
    let mut seen = BTreeSet::new();
    for Entry { id, .. } in entries {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=80).contains(&id.len()) || !id.chars().all(valid) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be \
                           at most 80 letters long.";
            return Err(SqsError::new(Code::InvalidBatchEntryId, message));
        }
        if !seen.insert(id) {
            return Err(SqsError::new(Code::BatchEntryIdsNotDistinct, format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

/// The answer to a batch: what went well, and what did not and why.
#[derive(Default)]
struct BatchAnswer {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl BatchAnswer {
    fn add(&mut self, id: String, result: Answer) {
        match result {
            Ok(Value::Null) => self.successful.push(json!({"Id": id})),
            Ok(mut answer) => {
                insert(&mut answer, "Id", id);
                self.successful.push(answer);
            }
            Err(e) => {
                let sender = e.code.status() < 500;
                self.failed
                    .push(json!({"Id": id, "Code": e.code.query(), "Message": e.message, "SenderFault": sender}));
            }
        }
    }

    fn into_json(self) -> Value {
        let mut answer = json!({"Successful": self.successful});
        if let (Value::Object(map), false) = (&mut answer, self.failed.is_empty()) {
            map.insert("Failed".into(), self.failed.into());
        }
        answer
    }
}

async fn send_batch(sqs: &Sqs, input: Batch<Message>) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    check_batch(&input.entries)?;
    let limits = queue.settings().0;
    let mut answer = BatchAnswer::default();
    let (mut good, mut size) = (Vec::new(), 0);
    for Entry { id, item } in input.entries {
        match item.into_new().and_then(|message| message.check(&limits).map(|()| message)) {
            Ok(message) => {
                size += message.size();
                good.push((id, message));
            }
            Err(error) => answer.add(id, Err(error)),
        }
    }
    if size > MAX_BATCH_BYTES {
        let message =
            format!("Batch requests cannot be longer than {MAX_BATCH_BYTES} bytes. You have sent {size} bytes.");
        return Err(SqsError::new(Code::BatchRequestTooLong, message));
    }
    let answers: Vec<(String, Value)> = good.iter().map(|(id, message)| (id.clone(), sent(message))).collect();
    let ids = queue.send(good.into_iter().map(|(_, message)| message).collect()).await?;
    for ((id, mut sent), message_id) in answers.into_iter().zip(ids) {
        insert(&mut sent, "MessageId", message_id);
        answer.add(id, Ok(sent));
    }
    Ok(answer.into_json())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
    queue_url: String,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u32>,
    wait_time_seconds: Option<u32>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

async fn receive(sqs: &Sqs, input: Receive) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    let max = input.max_number_of_messages.unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(SqsError::parameter("MaxNumberOfMessages", max, "Must be between 1 and 10, if provided."));
    }
    if let Some(wait) = input.wait_time_seconds.filter(|wait| *wait > 20) {
        return Err(SqsError::parameter("WaitTimeSeconds", wait, "Must be >= 0 and <= 20, if provided."));
    }
    if let Some(visibility) = input.visibility_timeout.filter(|visibility| *visibility > 43_200) {
        return Err(SqsError::parameter("VisibilityTimeout", visibility, "Must be between 0 and 43200, if provided."));
    }
    let received = sqs.receive(&queue, max, input.visibility_timeout, input.wait_time_seconds).await?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let system: Vec<&String> = input.attribute_names.iter().chain(&input.message_system_attribute_names).collect();
    let messages: Vec<Value> =
        received.into_iter().map(|message| shown(message, &system, &input.message_attribute_names)).collect();
    Ok(json!({"Messages": messages}))
}

/// A received message with the attributes that were asked for.
fn shown(message: Received, system: &[&String], attributes: &[String]) -> Value {
    let mut answer = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": md5_of_body(&message.body),
        "Body": message.body,
    });
    let wanted = |name: &str| system.iter().any(|asked| *asked == "All" || *asked == name);
    let system: Map<String, Value> = message
        .system
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut own = message.attributes;
    own.retain(|name, _| {
        attributes.iter().any(|asked| match asked.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => asked == "All" || asked == name,
        })
    });
    if let Value::Object(map) = &mut answer {
        if !system.is_empty() {
            map.insert("Attributes".into(), system.into());
        }
        if let Some(md5) = md5_of_attributes(&own) {
            map.insert("MD5OfMessageAttributes".into(), md5.into());
            map.insert("MessageAttributes".into(), json!(own));
        }
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handle {
    receipt_handle: String,
    visibility_timeout: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnMessage {
    queue_url: String,
    #[serde(flatten)]
    handle: Handle,
}

async fn delete(sqs: &Sqs, input: OnMessage) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    let answers = queue.delete(&[input.handle.receipt_handle]).await?;
    answers.into_iter().next().unwrap_or(Ok(())).map(|()| Value::Null)
}

async fn delete_batch(sqs: &Sqs, input: Batch<Handle>) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    check_batch(&input.entries)?;
    let (ids, handles): (Vec<_>, Vec<_>) =
        input.entries.into_iter().map(|entry| (entry.id, entry.item.receipt_handle)).unzip();
    let mut answer = BatchAnswer::default();
    for (id, result) in ids.into_iter().zip(queue.delete(&handles).await?) {
        answer.add(id, result.map(|()| Value::Null));
    }
    Ok(answer.into_json())
}

fn change(queue: &Queue, handle: &Handle) -> Answer {
    let Some(seconds) = handle.visibility_timeout else {
        let message = "The request must contain the parameter VisibilityTimeout.";
        return Err(SqsError::new(Code::MissingParameter, message));
    };
    queue.change_visibility(&handle.receipt_handle, seconds).map(|()| Value::Null)
}

fn change_visibility(sqs: &Sqs, input: &OnMessage) -> Answer {
    change(&*sqs.by_url(&input.queue_url)?, &input.handle)
}

fn change_visibility_batch(sqs: &Sqs, input: Batch<Handle>) -> Answer {
    let queue = sqs.by_url(&input.queue_url)?;
    check_batch(&input.entries)?;
    let mut answer = BatchAnswer::default();
    for entry in input.entries {
        answer.add(entry.id, change(&queue, &entry.item));
    }
    Ok(answer.into_json())
}

fn insert(answer: &mut Value, name: &str, text: String) {
    if let Value::Object(map) = answer {
        map.insert(name.into(), text.into());
    }
}
