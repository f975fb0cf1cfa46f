//! Batches of messages that go out as one request ("Batching HTTP action messages" in the guide).
//!
//! The first message of a batch leads it: it waits until the batch is full or its time is over, sends it, and tells the others
//! how it went.

use bytes::Bytes;
use drydock_rules::Batch;
use drydock_timers::{Bell, Resting, Ringing, Timers, Work};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// What messages share a batch by: the rule and its action, where it goes to, and the topic unless topics are mixed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) rule: String,
    pub(super) action: usize,
    pub(super) target: String,
    pub(super) topic: Option<String>,
}

/// A message's share: its pieces, each a message or a point.
pub(super) struct Share<H> {
    pub(super) pieces: Vec<Bytes>,
    /// What the request has besides: that of the last message counts.
    pub(super) head: H,
}

/// How a message takes part in its batch.
pub(super) enum Part<H> {
    /// It has to send these and then [`Closed::tell`] the others.
    Lead(Closed<H>),
    /// Somebody else has sent it.
    Follow(Result<(), String>),
}

/// How it went, and the guard of the work that goes on with that.
type Told = (Result<(), String>, Work);

/// What messages that wait for their batch go by among the timers.
const NAME: &str = "rule action batch";

/// A batch that is complete.
pub(super) struct Closed<H> {
    pub(super) pieces: Vec<Bytes>,
    pub(super) head: Option<H>,
    others: Vec<oneshot::Sender<Told>>,
}

impl<H> Closed<H> {
    /// Tells the others how it went.
    pub(super) fn tell(self, time: &Timers, result: &Result<(), String>) {
        for other in self.others {
            // Who no longer waits need not know.
            let _ = other.send((result.clone(), time.work(NAME)));
        }
    }
}

struct Open<H> {
    content: Arc<Mutex<Closed<H>>>,
    bytes: usize,
    count: usize,
    full: Bell,
}

/// The batches that are open.
pub(super) struct Batches<H> {
    open: Mutex<HashMap<Key, Open<H>>>,
}

impl<H> Default for Batches<H> {
    fn default() -> Self {
        Self { open: Mutex::default() }
    }
}

impl<H> Batches<H> {
    /// Adds a message; returns once its batch is closed, or sent by another. The work of the message rests meanwhile.
    pub(super) async fn add(
        &self,
        (time, work): (&Timers, &Resting),
        key: Key,
        share: Share<H>,
        limits: Batch,
    ) -> Part<H> {
        let size: usize = share.pieces.iter().map(|piece| piece.len() + 1).sum();
        let (content, full) = match self.join(time, &key, share, size, limits) {
            Joined::Followed(answer) => {
                let stopped = || Err("the gateway stopped before the batch was sent".to_owned());
                work.rest();
                let Ok((result, goes_on)) = answer.await else { return Part::Follow(stopped()) };
                work.go_on(goes_on);
                return Part::Follow(result);
            }
            Joined::Began(content, full) => (content, full),
        };
        let over = time.until(NAME, time.now().plus_millis(i64::try_from(limits.open_ms).unwrap_or(i64::MAX)));
        work.rest();
        // Either is an end of the batch.
        work.go_on(tokio::select! {
            goes_on = full.rung() => goes_on,
            goes_on = over => goes_on,
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&key).is_some_and(|batch| Arc::ptr_eq(&batch.content, &content)) {
            open.remove(&key);
        }
        drop(open);
        let mut content = content.lock().unwrap_or_else(PoisonError::into_inner);
        Part::Lead(Closed {
            pieces: std::mem::take(&mut content.pieces),
            head: content.head.take(),
            others: std::mem::take(&mut content.others),
        })
    }

    fn join(&self, time: &Timers, key: &Key, share: Share<H>, size: usize, limits: Batch) -> Joined<H> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = open.get_mut(key) {
            let count = batch.count + share.pieces.len();
            if count <= limits.size && batch.bytes + size <= limits.bytes {
                let (tell, told) = oneshot::channel();
                let mut content = batch.content.lock().unwrap_or_else(PoisonError::into_inner);
                content.pieces.extend(share.pieces);
                content.head = Some(share.head);
                content.others.push(tell);
                drop(content);
                batch.count = count;
                batch.bytes += size;
                if count == limits.size {
                    batch.full.ring();
                    open.remove(key);
                }
                return Joined::Followed(told);
            }
            batch.full.ring();
        }
        let full = Bell::new(time, NAME);
        let told = full.listen();
        let count = share.pieces.len();
        let content = Closed { pieces: share.pieces, head: Some(share.head), others: Vec::new() };
        let content = Arc::new(Mutex::new(content));
        if count < limits.size && size < limits.bytes {
            let batch = Open { content: Arc::clone(&content), bytes: size, count, full };
            open.insert(key.clone(), batch);
        } else {
            open.remove(key);
            full.ring();
        }
        Joined::Began(content, told)
    }
}

enum Joined<H> {
    Began(Arc<Mutex<Closed<H>>>, Ringing),
    Followed(oneshot::Receiver<Told>),
}
