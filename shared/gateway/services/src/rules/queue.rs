//! A queue: how many may run at a time, and how many may wait. Each rule has one of its own for its statement, and one for each of
//! its actions, so that what is slow or dead keeps nobody waiting but itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait in a queue. Beyond that they are turned away, and counted.
pub(super) const WAITING: usize = 16_384;

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A place in a queue.
pub(super) struct Place {
    queue: Arc<Queue>,
}

impl Queue {
    pub(super) fn new(running: usize) -> Arc<Self> {
        Arc::new(Self { running: Arc::new(Semaphore::new(running)), waiting: AtomicUsize::new(0) })
    }

    /// A place in the queue; nothing where as many wait as may.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        let taken = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| (waiting < WAITING).then_some(waiting + 1));
        taken.ok().map(|_| Place { queue: Arc::clone(self) })
    }
}

impl Place {
    /// Its turn, where nobody else has it.
    pub(super) fn turn_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.queue.running).try_acquire_owned().ok()
    }

    /// Waits for its turn, which lasts as long as what is returned. `None` where the gateway is stopping.
    pub(super) async fn turn(self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.queue.running).acquire_owned().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_queue_runs_some_lets_some_wait_and_turns_the_others_away() {
        let queue = Queue::new(1);
        let running = queue.place().unwrap().turn().await.unwrap();
        let mut waiting: Vec<Place> = std::iter::from_fn(|| queue.place()).collect();
        assert_eq!(waiting.len(), WAITING);
        drop(waiting.pop());
        let next = queue.place().unwrap();
        drop((waiting, running));
        assert!(next.turn().await.is_some());
    }
}
