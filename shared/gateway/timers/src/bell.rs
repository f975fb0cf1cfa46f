//! Waking others without losing sight of the work.

use crate::{Name, Timers, Work};
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// Wakes all who listen, each with a guard: from the ring on, not only from when a listener runs, its work is in progress.
#[derive(Debug)]
pub struct Bell {
    timers: Timers,
    name: Name,
    listening: Mutex<VecDeque<oneshot::Sender<Work>>>,
}

/// Somebody who listens.
#[derive(Debug)]
pub struct Ringing(oneshot::Receiver<Work>);

impl Bell {
    /// A bell; the work of those whom it wakes goes under a name.
    #[must_use]
    pub fn new(timers: &Timers, name: impl Into<Name>) -> Self {
        Self { timers: timers.clone(), name: name.into(), listening: Mutex::default() }
    }

    /// Listens from now on, for one ring.
    #[must_use]
    pub fn listen(&self) -> Ringing {
        let (waker, woken) = oneshot::channel();
        let mut listening = self.listening.lock();
        listening.retain(|listener| !listener.is_closed());
        listening.push_back(waker);
        Ringing(woken)
    }

    /// Wakes all who listen.
    pub fn ring(&self) {
        for listener in std::mem::take(&mut *self.listening.lock()) {
            // Whoever does not listen any more has nothing to do.
            drop(listener.send(self.timers.work(self.name.clone())));
        }
    }
}

impl Bell {
    /// Wakes the one who has listened longest.
    pub fn ring_one(&self) {
        let mut work = self.timers.work(self.name.clone());
        loop {
            let Some(listener) = self.listening.lock().pop_front() else { return };
            match listener.send(work) {
                Ok(()) => return,
                // That one does not listen any more: the next.
                Err(unheard) => work = unheard,
            }
        }
    }
}

impl Ringing {
    /// Waits for the ring; for ever where the bell is gone.
    pub async fn rung(self) -> Work {
        match self.0.await {
            Ok(work) => work,
            Err(_) => std::future::pending().await,
        }
    }
}
