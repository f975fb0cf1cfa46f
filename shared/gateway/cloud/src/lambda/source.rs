//! Event source mappings from SQS at work: a queue's messages, in batches, to a function. Follows "Using Lambda with Amazon SQS" and
//! "Implementing partial batch responses".

use super::error::LambdaError;
use super::invocation::Invoked;
use super::mapping::{Mapping, Running};
use super::{Function, Lambda};
use crate::context::lock;
use crate::error::CloudError;
use crate::notice::Notice;
use crate::sqs::Sqs;
use crate::sqs::message::{Attribute, Received, md5_of_attributes, md5_of_body};
use crate::sqs::queue::Queue;
use drydock_core::{Arn, Timestamp};
use drydock_timers::{Bell, Name, Work as Guard};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};

/// The invocations at a time of a mapping without `MaximumConcurrency`: the number of pollers that Lambda starts with.
const POLLERS: usize = 5;
/// Where a batch stops to grow: Lambda's limit of 6 MB, with room for what surrounds the bodies.
const BATCH_BYTES: usize = 5_000_000;

impl Lambda {
    /// Starts to read from a queue for a function, or changes how it does.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where the queue or function does not exist, or a setting is out of its limits.
    pub fn map(self: &Arc<Self>, sqs: &Arc<Sqs>, mapping: Mapping) -> Result<(), CloudError> {
        let running = start(self, sqs, &mapping)?;
        lock(&self.mappings).insert(mapping.id, running);
        Ok(())
    }
}

fn check(mapping: &Mapping, lambda: &Lambda, sqs: &Sqs) -> Result<(Arc<Queue>, Arc<Function>), String> {
    if mapping.queue.service() != "sqs" {
        return Err(format!("event sources of the service `{}` are not implemented", mapping.queue.service()));
    }
    if !(1..=10_000).contains(&mapping.batch_size) || mapping.window > 300 {
        return Err("the batch size must be 1 to 10,000, and the batching window 0 to 300 seconds".into());
    }
    if mapping.batch_size > 10 && mapping.window == 0 {
        return Err("a batch size greater than 10 needs `MaximumBatchingWindowInSeconds` of at least 1".into());
    }
    if mapping.max_concurrency.is_some_and(|most| !(2..=1000).contains(&most)) {
        return Err("`MaximumConcurrency` must be 2 to 1,000".into());
    }
    let queue = sqs.by_arn(&mapping.queue).map_err(|e| format!("`{}`: {}", mapping.queue, e.message))?;
    let function = lambda.function(&mapping.function).map_err(|e| e.to_string())?;
    let (visible, timeout) = (queue.visibility_timeout(), function.definition().timeout);
    if visible < timeout {
        return Err(format!(
            "Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds"
        ));
    }
    Ok((queue, function))
}

fn start(lambda: &Arc<Lambda>, sqs: &Arc<Sqs>, mapping: &Mapping) -> Result<Running, CloudError> {
    let (queue, _) =
        check(mapping, lambda, sqs).map_err(|why| CloudError::resource("event source mapping", &*mapping.id, why))?;
    let (stop, mut stopped) = oneshot::channel::<()>();
    if mapping.enabled {
        let places = Arc::new(Semaphore::new(mapping.max_concurrency.unwrap_or(POLLERS)));
        let freed = Arc::new(Bell::new(&lambda.context.timers, Name::new("event source mapping", mapping.id.as_str())));
        let work = Arc::new(Work { lambda: Arc::clone(lambda), sqs: Arc::clone(sqs), queue, mapping: mapping.clone() });
        lambda.context.spawn(async move {
            let mut guard = None;
            loop {
                let one_freed = freed.listen();
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    drop(guard.take());
                    guard = Some(one_freed.rung().await);
                    continue;
                };
                drop(one_freed);
                // What has been received is lost to others until its visibility timeout, so that only the wait for a first
                // message may be broken off.
                let first = tokio::select! {
                    first = work.receive(work.mapping.batch_size.min(10), Timestamp(i64::MAX), guard.take()) => first,
                    _ = &mut stopped => return,
                };
                let Some((first, received)) = first else { return };
                let (batch, gathered) = work.gather(first, received).await;
                let (task, freed) = (Arc::clone(&work), Arc::clone(&freed));
                work.lambda.context.spawn(async move {
                    let done = task.handle(batch, gathered).await;
                    drop(place);
                    freed.ring();
                    drop(done);
                });
            }
        });
    }
    Ok(Running { _stop: stop })
}

struct Work {
    lambda: Arc<Lambda>,
    sqs: Arc<Sqs>,
    queue: Arc<Queue>,
    mapping: Mapping,
}

impl Work {
    /// Messages as soon as there are some, none where there are none until a time; `None` where the queue is gone. The guard is
    /// that of the work with them.
    async fn receive(&self, max: usize, until: Timestamp, guard: Option<Guard>) -> Option<(Vec<Received>, Guard)> {
        match self.sqs.poll(&self.queue, max, None, until, guard).await {
            Ok(received) => Some(received),
            Err(error) => {
                self.failed(format!("the queue cannot be read any more: {error}"));
                None
            }
        }
    }

    /// Fills a batch until it is full or its window is over.
    async fn gather(&self, mut batch: Vec<Received>, mut guard: Guard) -> (Vec<Received>, Guard) {
        let timers = &self.lambda.context.timers;
        let until = timers.now().plus_millis(i64::from(self.mapping.window) * 1000);
        let size = |batch: &[Received]| batch.iter().map(|message| message.body.len()).sum::<usize>();
        while batch.len() < self.mapping.batch_size && size(&batch) < BATCH_BYTES && timers.now() < until {
            let max = (self.mapping.batch_size - batch.len()).min(10);
            match self.receive(max, until, Some(guard)).await {
                Some((more, woken)) => {
                    batch.extend(more);
                    guard = woken;
                }
                None => return (batch, timers.work("event source mapping")),
            }
        }
        (batch, guard)
    }

    /// Hands a batch to the function, and deletes what it took.
    async fn handle(&self, batch: Vec<Received>, guard: Guard) -> Guard {
        let config = &self.lambda.context.config;
        let records: Vec<Value> =
            batch.iter().map(|message| record(message, &self.mapping.queue, &config.scope.region)).collect();
        let event = json!({"Records": records}).to_string();
        let (invoked, guard) = self.invoke(event, guard).await;
        let taken = match invoked {
            Ok(invoked) => match invoked.error_text() {
                Some(why) => Err(why),
                None if self.mapping.report_failures => failures(&invoked.payload, &batch),
                None => Ok(Vec::new()),
            },
            Err(error) => Err(error.to_string()),
        };
        match taken {
            Ok(failed) => {
                let handles: Vec<String> = batch
                    .iter()
                    .filter(|message| !failed.contains(&message.id))
                    .map(|message| message.receipt.clone())
                    .collect();
                if let Err(error) = self.queue.delete(&handles).await {
                    self.failed(format!("messages that were handled could not be deleted: {error}"));
                }
                if !failed.is_empty() {
                    self.failed(format!(
                        "the function reported {} of {} messages as failed",
                        failed.len(),
                        batch.len()
                    ));
                }
            }
            Err(why) => self.failed(why),
        }
        guard
    }

    /// Invokes the function; where it is busy, waits for a place as long as the messages are hidden.
    async fn invoke(&self, event: String, mut guard: Guard) -> (Result<Invoked, LambdaError>, Guard) {
        let context = &self.lambda.context;
        let until = context.now().plus_millis(i64::from(self.queue.visibility_timeout()) * 1000);
        loop {
            match self.lambda.invoke(&self.mapping.function, event.clone().into()).await {
                Err(LambdaError::Throttled) if context.now() < until => {
                    guard = self.lambda.place(&self.mapping.function, guard, until).await;
                }
                other => return (other, guard),
            }
        }
    }

    fn failed(&self, why: String) {
        self.lambda.context.tell(Notice::DeliveryFailed {
            from: self.mapping.queue.to_string(),
            to: self.mapping.function.clone(),
            why,
        });
    }
}

/// The ids that the function reported as failed. An answer that does not hold what it should means that all have failed.
fn failures(payload: &[u8], batch: &[Received]) -> Result<Vec<String>, String> {
    let wrong = || "the function's answer is not a valid batch response: every message counts as failed".to_owned();
    let answer: Value =
        if payload.is_empty() { Value::Null } else { serde_json::from_slice(payload).map_err(|_| wrong())? };
    let listed = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong()),
    };
    listed
        .iter()
        .map(|item| {
            let id = item.get("itemIdentifier").and_then(Value::as_str).ok_or_else(wrong)?;
            if batch.iter().any(|message| message.id == id) { Ok(id.to_owned()) } else { Err(wrong()) }
        })
        .collect()
}

/// A message as the function gets it ("Example Amazon SQS message event").
fn record(message: &Received, queue: &Arn, region: &str) -> Value {
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": message.system,
        "messageAttributes": attributes(&message.attributes),
        "md5OfBody": md5_of_body(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.as_str(),
        "awsRegion": region,
    });
    if let (Some(md5), Value::Object(map)) = (md5_of_attributes(&message.attributes), &mut record) {
        map.insert("md5OfMessageAttributes".into(), md5.into());
    }
    record
}

fn attributes(attributes: &BTreeMap<String, Attribute>) -> Map<String, Value> {
    attributes
        .iter()
        .map(|(name, attribute)| {
            let mut value = json!({
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": attribute.data_type,
            });
            if let Value::Object(map) = &mut value {
                if let Some(text) = &attribute.string_value {
                    map.insert("stringValue".into(), text.clone().into());
                }
                if let Some(bytes) = &attribute.binary_value {
                    map.insert("binaryValue".into(), bytes.clone().into());
                }
            }
            (name.clone(), value)
        })
        .collect()
}
