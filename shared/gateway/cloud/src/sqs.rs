//! SQS: standard queues, as functions, rules, topics and event source mappings use them.
//!
//! - [`error`]: the errors of the API, for both spellings that SDKs know.
//! - [`attributes`]: the attributes of a queue with their limits, and the redrive policy.
//! - [`message`]: a message, its attributes and its MD5 sums.
//! - [`queue`]: the messages of one queue: what is visible when, in flight, delayed or expired. `record`: what is kept of it.
//! - [`api`]: the operations over AWS JSON 1.0.
//!
//! Follows the Amazon SQS API reference and "Amazon SQS message quotas". FIFO queues are refused by name. A message that
//! was acknowledged to its sender survives `kill -9`, and one whose deletion was acknowledged does not come back; what was
//! received shortly before a crash may be received again, as on AWS.

pub mod api;
pub mod attributes;
pub mod error;
pub mod message;
pub mod queue;
mod record;

pub use error::SqsError;
pub use message::{Attribute, NewMessage, Received};

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use async_trait::async_trait;
use attributes::Attributes;
use drydock_core::{Arn, Timestamp, Write};
use drydock_timers::{Due, Reminder, Work};
use error::Code;
use message::Message;
use queue::Queue;
use record::{MESSAGES, QUEUES, QueueRecord, row};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// SQS.
pub const SERVICE: Service = Service::new(&Facts {
    name: "sqs",
    title: "Amazon SQS",
    targets: &["AmazonSQS"],
    most: Facts::LARGE,
    ..Facts::PLAIN
});

/// All queues of the account and region.
pub struct Sqs {
    pub(crate) context: Arc<Context>,
    /// For when a message becomes visible that is delayed or in flight.
    visible: Reminder,
    queues: Mutex<BTreeMap<String, Arc<Queue>>>,
}

impl Sqs {
    pub(crate) fn open(context: Arc<Context>, rows: &Rows) -> Result<Self, CloudError> {
        let visible = context.timers.reminder("SQS message becomes visible");
        let mut queues = BTreeMap::new();
        for (name, record) in rows.table::<QueueRecord>(QUEUES)? {
            queues.insert(name.clone(), Arc::new(Queue::new(Arc::clone(&context), visible.clone(), name, record)));
        }
        for (key, message) in rows.table::<Message>(MESSAGES)? {
            let queue = key.split_once('/').and_then(|(name, seq)| Some((queues.get(name)?, seq.parse().ok()?)));
            if let Some((queue, seq)) = queue {
                queue.load(seq, message);
            }
        }
        Ok(Self { context, visible, queues: Mutex::new(queues) })
    }

    /// The queue of a name.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn queue(&self, name: &str) -> Result<Arc<Queue>, SqsError> {
        lock(&self.queues).get(name).cloned().ok_or_else(SqsError::no_queue)
    }

    /// The queue of an ARN in this account and region.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub fn by_arn(&self, arn: &Arn) -> Result<Arc<Queue>, SqsError> {
        if *arn == self.arn(arn.resource()) { self.queue(arn.resource()) } else { Err(SqsError::no_queue()) }
    }

    /// The queue of a URL: its last two segments are the account and the name, its host does not matter.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, or `InvalidAddress` where the text is not a queue's URL.
    pub fn by_url(&self, url: &str) -> Result<Arc<Queue>, SqsError> {
        let mut segments = url.trim_end_matches('/').rsplit('/');
        match (segments.next(), segments.next()) {
            (Some(name), Some(account)) if account == self.context.config.scope.account => self.queue(name),
            (Some(_), Some(_)) => Err(SqsError::no_queue()),
            _ => {
                let message = format!("The address {url} is not valid for this endpoint.");
                Err(SqsError::new(Code::InvalidAddress, message))
            }
        }
    }

    /// The ARN of a queue's name.
    pub fn arn(&self, name: &str) -> Arn {
        self.context.config.scope.arn("sqs", name)
    }

    /// The URL of a queue's name.
    pub fn url(&self, name: &str) -> String {
        let config = &self.context.config;
        format!("{}/{}/{name}", config.endpoint, config.scope.account)
    }

    /// All queues, by name.
    pub fn list(&self) -> Vec<Arc<Queue>> {
        lock(&self.queues).values().cloned().collect()
    }

    /// Creates a queue ("CreateQueue"). One of the same name and attributes is returned as it is.
    ///
    /// # Errors
    /// `QueueNameExists` where it exists with other attributes, or what is wrong with the name or an attribute.
    pub async fn create(
        &self,
        name: &str,
        given: &BTreeMap<String, String>,
        tags: BTreeMap<String, String>,
    ) -> Result<Arc<Queue>, SqsError> {
        attributes::check_name(name, given)?;
        let mut attributes = Attributes::default();
        for (attribute, value) in given {
            attributes.set(attribute, value)?;
        }
        self.check_redrive(name, &attributes)?;
        let now = self.context.now();
        let record = QueueRecord { attributes, tags, created: now, modified: now };
        let row = Write::put(QUEUES, name, row(&record)?);
        let queue = {
            let mut queues = lock(&self.queues);
            if let Some(queue) = queues.get(name) {
                return if queue.has_attributes(given) {
                    Ok(Arc::clone(queue))
                } else {
                    let message =
                        "A queue already exists with the same name and a different value for attribute(s) given";
                    Err(SqsError::new(Code::QueueNameExists, message))
                };
            }
            let queue = Arc::new(Queue::new(Arc::clone(&self.context), self.visible.clone(), name.to_owned(), record));
            queues.insert(name.to_owned(), Arc::clone(&queue));
            queue
        };
        self.context.journal.commit(vec![row]).await?;
        Ok(queue)
    }

    /// Makes a queue be as a template's `AWS::SQS::Queue` describes it, whether it exists or not. The properties are those
    /// of CloudFormation with all intrinsic functions resolved.
    ///
    /// # Errors
    /// [`CloudError::Resource`] naming the property that is unknown or wrong.
    pub async fn ensure(&self, name: &str, properties: &serde_json::Value) -> Result<Arc<Queue>, CloudError> {
        let wrong = |why: String| CloudError::resource("queue", name, why);
        let (given, tags) = attributes::from_properties(properties).map_err(wrong)?;
        match self.queue(name) {
            Ok(queue) => {
                let mut attributes = Attributes::default();
                for (attribute, value) in &given {
                    attributes.set(attribute, value).map_err(|e| wrong(e.message))?;
                }
                self.check_redrive(name, &attributes).map_err(|e| wrong(e.message))?;
                queue.replace(attributes, tags).await.map_err(|e| wrong(e.message))?;
                Ok(queue)
            }
            Err(_) => self.create(name, &given, tags).await.map_err(|e| wrong(e.message)),
        }
    }

    /// Changes attributes ("SetQueueAttributes").
    ///
    /// # Errors
    /// What is wrong with an attribute.
    pub async fn set_attributes(&self, queue: &Queue, given: &BTreeMap<String, String>) -> Result<(), SqsError> {
        let (mut attributes, tags) = queue.settings();
        for (attribute, value) in given {
            attributes.set(attribute, value)?;
        }
        self.check_redrive(&queue.name, &attributes)?;
        queue.replace(attributes, tags).await
    }

    /// A redrive policy has to name a queue that allows it; the queue need not exist yet, as on AWS it does.
    fn check_redrive(&self, name: &str, attributes: &Attributes) -> Result<(), SqsError> {
        let Some(redrive) = &attributes.redrive else { return Ok(()) };
        let wrong = |why: &str| {
            let message = format!("Value {} for parameter RedrivePolicy is invalid. Reason: {why}", redrive.to_json());
            Err(SqsError::new(Code::InvalidParameterValue, message))
        };
        let Some(target) = Arn::parse(&redrive.target) else { return wrong("Invalid dead letter target ARN.") };
        if target == self.arn(name) {
            return wrong("The dead letter target is the queue itself.");
        }
        match self.by_arn(&target) {
            Ok(target) if target.allows_redrive_from(self.arn(name).as_str()) => Ok(()),
            Ok(_) => wrong("The redrive allow policy of the dead letter queue denies this queue."),
            Err(_) => wrong("Dead letter target does not exist."),
        }
    }

    /// Deletes a queue and its messages.
    pub(crate) async fn delete(&self, queue: &Queue) -> Result<(), SqsError> {
        lock(&self.queues).remove(&queue.name);
        let mut writes = queue.close();
        writes.push(Write::delete(QUEUES, queue.name.clone()));
        self.context.journal.commit(writes).await?;
        Ok(())
    }

    /// Deletes every queue.
    pub(crate) async fn clear(&self) -> Result<(), CloudError> {
        for queue in self.list() {
            self.delete(&queue).await.map_err(|e| CloudError::resource("queue", &*queue.name, e.message))?;
        }
        Ok(())
    }

    /// Receives messages ("ReceiveMessage"): up to `max`, hidden for `visibility` seconds (the queue's default where
    /// `None`), waiting up to `wait` seconds (the queue's default where `None`). A message that was received as often as
    /// the redrive policy allows goes to the dead-letter queue instead.
    ///
    /// # Errors
    /// `QueueDoesNotExist` where the queue is deleted meanwhile, `OverLimit` at 120,000 messages in flight.
    pub async fn receive(
        &self,
        queue: &Queue,
        max: usize,
        visibility: Option<u32>,
        wait: Option<u32>,
    ) -> Result<Vec<Received>, SqsError> {
        let wait = i64::from(wait.unwrap_or_else(|| queue.default_wait()));
        let until = self.context.now().plus_millis(wait * 1000);
        self.poll(queue, max, visibility, until, None).await.map(|(received, _)| received)
    }

    /// The same until a time, and with the guard of the work with what was received. The work that the caller has rests while
    /// there is nothing.
    pub(crate) async fn poll(
        &self,
        queue: &Queue,
        max: usize,
        visibility: Option<u32>,
        until: Timestamp,
        work: Option<Work>,
    ) -> Result<(Vec<Received>, Work), SqsError> {
        let timers = &self.context.timers;
        let mut work = work.unwrap_or_else(|| timers.work(queue.receiver()));
        loop {
            // Before the queue is looked at: what arrives in between is heard.
            let arrival = queue.arrivals.listen();
            let now = self.context.now();
            let dead_letters = queue.dead_letter_target().and_then(|arn| self.by_arn(&Arn::parse(&arn)?).ok());
            let taken = queue.take(max, visibility, dead_letters.is_some(), now)?;
            if let (Some(target), false) = (&dead_letters, taken.dead.is_empty()) {
                let mut writes = taken.dead_writes;
                for message in taken.dead {
                    writes.extend(target.adopt(message, self.arn(&queue.name).as_str())?);
                }
                self.context.journal.commit(writes).await?;
                target.arrivals.ring();
            }
            if !taken.received.is_empty() || now >= until {
                return Ok((taken.received, work));
            }
            // Who waits for ever has no time in the queue of timers.
            let over = (until != Timestamp(i64::MAX)).then(|| timers.until(queue.receiver(), until));
            drop(work);
            work = match over {
                None => arrival.rung().await,
                Some(over) => tokio::select! {
                    work = arrival.rung() => work,
                    work = over => work,
                },
            };
        }
    }
}

#[async_trait]
impl Due for Sqs {
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        self.list().iter().filter_map(|queue| queue.look(now)).min()
    }
}
