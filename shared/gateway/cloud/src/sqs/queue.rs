//! The messages of one queue. A message is in one ordered set under the time from which it is visible: now for one that
//! waits, later for one that is delayed or in flight.

use super::attributes::Attributes;
use super::error::{Code, SqsError};
use super::message::{Message, NewMessage, Received};
use super::record::{MESSAGES, QUEUES, QueueRecord, row};
use crate::cloudwatch::metric::{Metric, Unit};
use crate::context::{Context, lock};
use drydock_core::{Arn, Timestamp, Write};
use drydock_timers::{Bell, Name, Reminder};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The most messages in flight ("Amazon SQS standard queue quotas").
const MAX_IN_FLIGHT: usize = 120_000;
/// How often a queue is looked through for messages past their retention period; what is past it is never received.
const SWEEP_MS: i64 = 10_000;

/// A queue.
pub struct Queue {
    /// Its name.
    pub name: String,
    context: Arc<Context>,
    state: Mutex<State>,
    /// Wakes those who wait for a message.
    pub(crate) arrivals: Bell,
    /// For when a message becomes visible.
    visible: Reminder,
}

struct State {
    record: QueueRecord,
    messages: BTreeMap<u64, Message>,
    order: BTreeSet<(Timestamp, u64)>,
    next: u64,
    purged: Option<Timestamp>,
    swept: Timestamp,
    closed: bool,
}

/// What a receive took.
pub(crate) struct Taken {
    pub(crate) received: Vec<Received>,
    /// Messages that have been received too often, and the writes that take them out of this queue.
    pub(crate) dead: Vec<Message>,
    pub(crate) dead_writes: Vec<Write>,
}

impl State {
    fn insert(&mut self, seq: u64, message: Message) {
        self.order.insert((message.visible_at, seq));
        self.messages.insert(seq, message);
        self.next = self.next.max(seq + 1);
    }

    fn remove(&mut self, seq: u64) -> Option<Message> {
        let message = self.messages.remove(&seq)?;
        self.order.remove(&(message.visible_at, seq));
        Some(message)
    }

    fn in_flight(&self, now: Timestamp) -> usize {
        let hidden = self.order.range((now.plus_millis(1), 0)..);
        hidden.filter(|(_, seq)| self.messages.get(seq).is_some_and(|message| message.receipt.is_some())).count()
    }

    /// The message that a receipt handle is of, where the handle is that of its latest receive.
    fn held(&self, handle: &str) -> Result<Option<u64>, SqsError> {
        let seq = seq_of(handle).ok_or_else(|| {
            let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
            SqsError::new(Code::ReceiptHandleIsInvalid, message)
        })?;
        let held = self.messages.get(&seq).is_some_and(|message| message.receipt.as_deref() == Some(handle));
        Ok(held.then_some(seq))
    }
}

impl Queue {
    pub(crate) fn new(context: Arc<Context>, visible: Reminder, name: String, record: QueueRecord) -> Self {
        let state = State {
            record,
            messages: BTreeMap::new(),
            order: BTreeSet::new(),
            next: 1,
            purged: None,
            swept: Timestamp(i64::MIN),
            closed: false,
        };
        let arrivals = Bell::new(&context.timers, receiver(&name));
        Self { name, context, state: Mutex::new(state), arrivals, visible }
    }

    /// What somebody who receives goes by among the timers.
    pub(crate) fn receiver(&self) -> Name {
        receiver(&self.name)
    }

    /// Tells those who wait where there is a message to be had; when the next one becomes visible.
    pub(crate) fn look(&self, now: Timestamp) -> Option<Timestamp> {
        let (some, next) = {
            let state = lock(&self.state);
            let hidden = state.order.range((now.plus_millis(1), 0)..).next().map(|(at, _)| *at);
            (state.order.first().is_some_and(|(at, _)| *at <= now), hidden)
        };
        if some {
            self.arrivals.ring();
        }
        next
    }

    pub(crate) fn load(&self, seq: u64, message: Message) {
        lock(&self.state).insert(seq, message);
    }

    fn key(&self, seq: u64) -> String {
        format!("{}/{seq:020}", self.name)
    }

    fn put(&self, seq: u64, message: &Message) -> Result<Write, SqsError> {
        Ok(Write::put(MESSAGES, self.key(seq), row(message)?))
    }

    /// What the queue is set to, and its tags.
    pub(crate) fn settings(&self) -> (Attributes, BTreeMap<String, String>) {
        let state = lock(&self.state);
        (state.record.attributes.clone(), state.record.tags.clone())
    }

    pub(crate) fn default_wait(&self) -> u32 {
        lock(&self.state).record.attributes.wait
    }

    /// The queue's visibility timeout in seconds.
    pub fn visibility_timeout(&self) -> u32 {
        lock(&self.state).record.attributes.visibility
    }

    pub(crate) fn dead_letter_target(&self) -> Option<String> {
        lock(&self.state).record.attributes.redrive.as_ref().map(|redrive| redrive.target.clone())
    }

    /// Whether every attribute given has the value given already.
    pub(crate) fn has_attributes(&self, given: &BTreeMap<String, String>) -> bool {
        let now = self.settings().0;
        let mut set = now.clone();
        given.iter().all(|(name, value)| set.set(name, value).is_ok()) && set == now
    }

    /// Whether the queue's `RedriveAllowPolicy` lets a queue use it for its dead letters.
    pub fn allows_redrive_from(&self, source: &str) -> bool {
        let state = lock(&self.state);
        let policy = state.record.attributes.kept.get("RedriveAllowPolicy");
        let Some(policy) = policy.and_then(|text| serde_json::from_str::<Value>(text).ok()) else { return true };
        match policy.get("redrivePermission").and_then(Value::as_str) {
            Some("denyAll") => false,
            Some("byQueue") => policy
                .get("sourceQueueArns")
                .and_then(Value::as_array)
                .is_some_and(|arns| arns.iter().any(|arn| arn == source)),
            _ => true,
        }
    }

    /// How many messages are visible, in flight and delayed, and the age of the oldest in seconds, as CloudWatch has them; `None`
    /// where there is no message.
    #[expect(clippy::cast_precision_loss, reason = "counts and ages are below 2^53")]
    pub(crate) fn measure(&self, now: Timestamp) -> Option<[f64; 4]> {
        let state = lock(&self.state);
        let oldest = state.messages.values().map(|message| message.sent).min()?;
        let in_flight = state.in_flight(now);
        let hidden = state.order.range((now.plus_millis(1), 0)..).count();
        let (visible, delayed) = (state.messages.len() - hidden, hidden - in_flight);
        let age = now.since(oldest).max(0) as f64 / 1000.0;
        Some([visible as f64, in_flight as f64, delayed as f64, age.floor()])
    }

    /// Whether there is no message.
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.state).messages.is_empty()
    }

    /// Counts something that was done so many times, for CloudWatch.
    fn count(&self, name: &str, times: usize) {
        if let Ok(times) = u32::try_from(times)
            && times > 0
        {
            let metric = Metric::new("AWS/SQS", name, &[("QueueName", self.name.as_str())]);
            self.context.meter.note(metric, Unit::COUNT, f64::from(times));
        }
    }

    /// Replaces attributes and tags.
    pub(crate) async fn replace(&self, attributes: Attributes, tags: BTreeMap<String, String>) -> Result<(), SqsError> {
        let write = {
            let mut state = lock(&self.state);
            if state.record.attributes == attributes && state.record.tags == tags {
                return Ok(());
            }
            state.record.attributes = attributes;
            state.record.tags = tags;
            state.record.modified = self.context.now();
            Write::put(QUEUES, self.name.clone(), row(&state.record)?)
        };
        self.context.journal.commit(vec![write]).await?;
        self.arrivals.ring();
        Ok(())
    }

    /// Sends messages; returns their ids in order, once they are durable.
    ///
    /// # Errors
    /// What is wrong with a message: then none is sent.
    pub async fn send(&self, messages: Vec<NewMessage>) -> Result<Vec<String>, SqsError> {
        let now = self.context.now();
        let account = self.context.config.scope.account.to_string();
        let (mut stored, mut writes, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        {
            let mut state = lock(&self.state);
            if state.closed {
                return Err(SqsError::no_queue());
            }
            for message in messages {
                message.check(&state.record.attributes)?;
                let delay = i64::from(message.delay.unwrap_or(state.record.attributes.delay));
                let id = self.context.uuid();
                ids.push(id.clone());
                let message = Message {
                    id,
                    body: message.body,
                    attributes: message.attributes,
                    trace_header: message.trace_header,
                    sender: account.clone(),
                    sent: now,
                    visible_at: now.plus_millis(delay * 1000),
                    first_received: None,
                    receives: 0,
                    receipt: None,
                    dead_letter_source: None,
                };
                let seq = state.next;
                state.next += 1;
                writes.push(self.put(seq, &message)?);
                stored.push((seq, message));
            }
        }
        self.context.journal.commit(writes).await?;
        {
            let mut state = lock(&self.state);
            for (seq, message) in stored {
                if message.visible_at > now {
                    self.visible.by(message.visible_at);
                }
                state.insert(seq, message);
            }
        }
        self.count("NumberOfMessagesSent", ids.len());
        self.arrivals.ring();
        Ok(ids)
    }

    /// Takes in a message of another queue, whose dead-letter queue this is: it keeps its id and the time it was sent.
    pub(crate) fn adopt(&self, mut message: Message, source: &str) -> Result<Vec<Write>, SqsError> {
        let mut state = lock(&self.state);
        message.visible_at = self.context.now();
        message.receipt = None;
        message.first_received = None;
        message.receives = 0;
        message.dead_letter_source = Some(source.into());
        let seq = state.next;
        let write = self.put(seq, &message)?;
        state.insert(seq, message);
        Ok(vec![write])
    }

    pub(crate) fn take(
        &self,
        max: usize,
        visibility: Option<u32>,
        redrive: bool,
        now: Timestamp,
    ) -> Result<Taken, SqsError> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(SqsError::no_queue());
        }
        let mut writes = self.expire(&mut state, now);
        let attributes = &state.record.attributes;
        let oldest = now.plus_millis(-i64::from(attributes.retention) * 1000);
        let hidden_for = i64::from(visibility.unwrap_or(attributes.visibility)) * 1000;
        let max_receives = attributes.redrive.as_ref().filter(|_| redrive).map(|redrive| redrive.max_receives);
        let mut taken = Taken { received: Vec::new(), dead: Vec::new(), dead_writes: Vec::new() };
        let visible: Vec<u64> =
            state.order.range(..=(now, u64::MAX)).map(|(_, seq)| *seq).take(max.saturating_mul(2)).collect();
        // Counting is only worth it where there are that many messages at all.
        if state.messages.len() > MAX_IN_FLIGHT && state.in_flight(now) + max > MAX_IN_FLIGHT {
            let message = "Too many messages in flight: delete some, or wait until they are visible again";
            return Err(SqsError::new(Code::OverLimit, message));
        }
        for seq in visible {
            if taken.received.len() == max {
                break;
            }
            let Some(mut message) = state.remove(seq) else { continue };
            if message.sent < oldest {
                writes.push(Write::delete(MESSAGES, self.key(seq)));
                continue;
            }
            if max_receives.is_some_and(|max| message.receives >= max) {
                taken.dead_writes.push(Write::delete(MESSAGES, self.key(seq)));
                taken.dead.push(message);
                continue;
            }
            message.receives += 1;
            message.first_received.get_or_insert(now);
            message.visible_at = now.plus_millis(hidden_for);
            message.receipt = Some(format!("{seq:x}.{}", self.context.config.ids.uuid().simple()));
            taken.received.push(message.received());
            writes.push(self.put(seq, &message)?);
            state.insert(seq, message);
        }
        drop(state);
        if !taken.received.is_empty() {
            self.visible.by(now.plus_millis(hidden_for));
        }
        self.count("NumberOfMessagesReceived", taken.received.len());
        self.context.journal.submit(writes);
        Ok(taken)
    }

    /// Drops what has been kept longer than the retention period; looks through the queue once in a while only.
    fn expire(&self, state: &mut State, now: Timestamp) -> Vec<Write> {
        if now.since(state.swept) < SWEEP_MS {
            return Vec::new();
        }
        state.swept = now;
        let oldest = now.plus_millis(-i64::from(state.record.attributes.retention) * 1000);
        // Dead letters came in later than they were sent, so the order of the messages says little about their age.
        let old: Vec<u64> =
            state.messages.iter().filter(|(_, message)| message.sent < oldest).map(|(seq, _)| *seq).collect();
        for seq in &old {
            state.remove(*seq);
        }
        old.into_iter().map(|seq| Write::delete(MESSAGES, self.key(seq))).collect()
    }

    /// Deletes the messages of receipt handles; answers each handle.
    ///
    /// # Errors
    /// Where the deletion cannot be made durable.
    pub async fn delete(&self, handles: &[String]) -> Result<Vec<Result<(), SqsError>>, SqsError> {
        let (mut answers, mut writes) = (Vec::new(), Vec::new());
        {
            let mut state = lock(&self.state);
            for handle in handles {
                answers.push(state.held(handle).map(|held| {
                    if let Some(seq) = held {
                        state.remove(seq);
                        writes.push(Write::delete(MESSAGES, self.key(seq)));
                    }
                }));
            }
        }
        self.count("NumberOfMessagesDeleted", writes.len());
        self.context.journal.commit(writes).await?;
        Ok(answers)
    }

    /// Hides the message of a receipt handle for some seconds from now; 0 shows it at once.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid`, `MessageNotInflight`.
    pub fn change_visibility(&self, handle: &str, seconds: u32) -> Result<(), SqsError> {
        if seconds > 43_200 {
            let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
            return Err(SqsError::parameter("VisibilityTimeout", seconds, reason));
        }
        let now = self.context.now();
        let write = {
            let mut state = lock(&self.state);
            let held = state.held(handle)?;
            let in_flight = held.filter(|seq| state.messages.get(seq).is_some_and(|m| m.visible_at > now));
            let Some((seq, mut message)) = in_flight.and_then(|seq| Some((seq, state.remove(seq)?))) else {
                let message = "Message does not exist or is not available for visibility timeout change.";
                return Err(SqsError::new(Code::MessageNotInflight, message));
            };
            message.visible_at = now.plus_millis(i64::from(seconds) * 1000);
            let write = self.put(seq, &message)?;
            self.visible.by(message.visible_at);
            state.insert(seq, message);
            write
        };
        self.context.journal.submit(vec![write]);
        self.arrivals.ring();
        Ok(())
    }

    /// Deletes all messages ("PurgeQueue"): once a minute.
    ///
    /// # Errors
    /// `PurgeQueueInProgress`.
    pub async fn purge(&self) -> Result<(), SqsError> {
        let now = self.context.now();
        let writes = {
            let mut state = lock(&self.state);
            if state.purged.is_some_and(|at| now.since(at) < 60_000) {
                let message = format!("Only one PurgeQueue operation on {} is allowed every 60 seconds.", self.name);
                return Err(SqsError::new(Code::PurgeQueueInProgress, message));
            }
            state.purged = Some(now);
            self.empty(&mut state)
        };
        self.context.journal.commit(writes).await?;
        Ok(())
    }

    /// Closes a queue that is deleted; returns the writes that delete its messages.
    pub(crate) fn close(&self) -> Vec<Write> {
        let mut state = lock(&self.state);
        state.closed = true;
        let writes = self.empty(&mut state);
        drop(state);
        self.arrivals.ring();
        writes
    }

    fn empty(&self, state: &mut State) -> Vec<Write> {
        state.order.clear();
        std::mem::take(&mut state.messages).into_keys().map(|seq| Write::delete(MESSAGES, self.key(seq))).collect()
    }

    /// All attributes as `GetQueueAttributes` shows them.
    pub fn attributes(&self, arn: &Arn) -> BTreeMap<String, String> {
        let now = self.context.now();
        let mut state = lock(&self.state);
        let expired = self.expire(&mut state, now);
        let in_flight = state.in_flight(now);
        let hidden = state.order.range((now.plus_millis(1), 0)..).count();
        let mut texts = state.record.attributes.to_texts();
        texts.insert("QueueArn".into(), arn.as_str().into());
        texts.insert("CreatedTimestamp".into(), state.record.created.seconds().to_string());
        texts.insert("LastModifiedTimestamp".into(), state.record.modified.seconds().to_string());
        texts.insert("ApproximateNumberOfMessages".into(), (state.messages.len() - hidden).to_string());
        texts.insert("ApproximateNumberOfMessagesDelayed".into(), (hidden - in_flight).to_string());
        texts.insert("ApproximateNumberOfMessagesNotVisible".into(), in_flight.to_string());
        drop(state);
        self.context.journal.submit(expired);
        texts
    }
}

/// What somebody who receives from a queue goes by among the timers.
fn receiver(queue: &str) -> Name {
    Name::new("SQS receive", queue)
}

/// The number of the message in a receipt handle.
fn seq_of(handle: &str) -> Option<u64> {
    let (seq, token) = handle.split_once('.')?;
    (token.len() == 32).then(|| u64::from_str_radix(seq, 16).ok())?
}
