//! The one stream of events. What a change tells comes in the order in which changes are committed, for the store's one writer
//! sends it; what happens on connections comes as it happens.
//!
//! The stream is bounded, and nobody who sends ever waits with a lock in hand: a change asks for its [`Room`] before it locks
//! anything, and keeps it until its events have been delivered. So a slow consumer slows down those who change something.
//! What is told from where nothing can wait has a room of its own; when that is full, events are dropped, and the log says so.

use crate::outbox::Promise;
use drydock_core::Event;
use drydock_timers::{Kind, Timers, Work};
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many changes may be on their way: from the lock to the disk and to the consumers of their events.
const CHANGES: usize = 4096;
/// How many events beside them may wait for their consumers.
const OTHERS: usize = 65_536;

/// Where events are sent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stream {
    queue: mpsc::Sender<Sent>,
    changes: Arc<Semaphore>,
    others: Arc<Semaphore>,
    /// The work of telling events: an advance of the clock waits for it.
    telling: Kind,
}

/// Where events arrive.
#[derive(Debug)]
pub struct Arriving {
    queue: Receiver<Sent>,
    /// What is left of the one that arrived last. Its room is free when the last of its events has been worked on.
    current: Option<Sent>,
}

/// An event, and what was promised of it.
#[derive(Debug, PartialEq)]
pub struct Happened {
    /// What happened.
    pub event: Event,
    /// Whether the account is told, whatever happens.
    pub promise: Promise,
}

/// Events that belong together.
#[derive(Debug)]
struct Sent {
    /// The last comes first.
    events: Vec<Happened>,
    _room: OwnedSemaphorePermit,
    /// Ends when the last of them has been worked on.
    _work: Work,
}

/// Room for the events of one change.
#[derive(Debug)]
pub struct Room {
    queue: mpsc::Sender<Sent>,
    permit: OwnedSemaphorePermit,
    work: Work,
}

impl Room {
    /// Sends events, one after the other and with no other's in between. Does not wait.
    pub fn send(self, mut events: Vec<Happened>) {
        if events.is_empty() {
            return;
        }
        events.reverse();
        // The queue has a place for each permit. Only a gateway that is stopping has nobody at the other end.
        let _ = self.queue.try_send(Sent { events, _room: self.permit, _work: self.work });
    }
}

impl Stream {
    /// A stream and its end, by the gateway's clock.
    #[must_use]
    pub fn new(time: &Timers) -> (Self, Arriving) {
        let (queue, arriving) = mpsc::channel(CHANGES + OTHERS);
        let stream = Self {
            queue,
            changes: Arc::new(Semaphore::new(CHANGES)),
            others: Arc::new(Semaphore::new(OTHERS)),
            telling: time.kind("events"),
        };
        (stream, Arriving { queue: arriving, current: None })
    }

    /// Room for a change; waits while too many are on their way. `None` never happens as long as the stream is there.
    pub async fn room(&self) -> Option<Room> {
        let permit = Arc::clone(&self.changes).acquire_owned().await.ok()?;
        Some(Room { queue: self.queue.clone(), permit, work: self.telling.begin() })
    }

    /// Sends an event that belongs to no change.
    pub fn emit(&self, event: Event) {
        match Arc::clone(&self.others).try_acquire_owned() {
            Ok(permit) => {
                let room = Room { queue: self.queue.clone(), permit, work: self.telling.begin() };
                room.send(vec![Happened { event, promise: Promise::None }]);
            }
            Err(_) => tracing::error!(?event, "more happens than can be told: an event is dropped"),
        }
    }
}

impl Arriving {
    /// The next event; `None` when nobody can send any more.
    pub async fn next(&mut self) -> Option<Happened> {
        loop {
            if let Some(event) = self.current.as_mut().and_then(|current| current.events.pop()) {
                return Some(event);
            }
            self.current = None;
            self.current = Some(self.queue.recv().await?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemClock;
    use drydock_core::{CertificateId, Timestamp};
    use futures_util::FutureExt as _;
    use tokio::task::unconstrained;

    fn event(number: i64) -> Event {
        let certificate_id = CertificateId::new("0".repeat(64)).unwrap();
        Event::CertificateExpired { certificate_id, at: Timestamp(number) }
    }

    fn numbered(number: i64) -> Happened {
        Happened { event: event(number), promise: Promise::None }
    }

    #[tokio::test]
    async fn changes_wait_for_whoever_consumes_and_others_are_dropped() {
        let (stream, mut arriving) = Stream::new(&Timers::new(Arc::new(SystemClock)));
        for number in 0..CHANGES as i64 {
            stream.room().await.unwrap().send(vec![numbered(2 * number), numbered(2 * number + 1)]);
        }
        // Unconstrained: what is asked is whether there is room, not whether the task has run for long enough.
        assert!(unconstrained(stream.room()).now_or_never().is_none(), "too many are on their way");
        for number in 0..OTHERS as i64 + 1 {
            stream.emit(event(-number));
        }
        for number in 0..2 * CHANGES as i64 {
            assert_eq!(arriving.next().await, Some(numbered(number)));
        }
        for number in 0..OTHERS as i64 {
            assert_eq!(arriving.next().await, Some(numbered(-number)));
        }
        assert!(unconstrained(arriving.next()).now_or_never().is_none(), "there was no room for the last one");
        assert!(unconstrained(stream.room()).now_or_never().is_some());
        stream.room().await.unwrap().send(Vec::new());
        drop(stream);
        assert_eq!(arriving.next().await, None);
    }
}
