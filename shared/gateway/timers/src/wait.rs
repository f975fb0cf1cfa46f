//! Waiting once for a time.

use crate::queue::{Key, Waiter};
use crate::{Name, Shared, Timers, Work};
use drydock_core::Timestamp;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// A place in the queue, given back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.queue.lock().remove(self.key);
    }
}

/// One wait.
struct Wait {
    woken: oneshot::Receiver<Work>,
    place: Place,
}

impl Timers {
    fn wait(&self, name: Name, at: Timestamp) -> Wait {
        let (waker, woken) = oneshot::channel();
        let (key, is_first) = self.0.queue.lock().add(at, Waiter::Once(name, waker));
        if is_first {
            self.look();
        }
        Wait { woken, place: Place { shared: Arc::clone(&self.0), key } }
    }

    /// Waits until the clock shows a time. What is returned is to be held until what was due is done and the next wait, where
    /// there is one, is registered: an advance of the clock waits for that. Cancelled by dropping it.
    pub fn until<N: Into<Name>>(&self, name: N, at: Timestamp) -> impl Future<Output = Work> + Send + use<N> {
        let (timers, name) = (self.clone(), name.into());
        // Registered before the future is polled: who drops its work behind this call leaves no gap between the two.
        let wait = (at > timers.now()).then(|| timers.wait(name.clone(), at));
        async move {
            let Some(wait) = wait else { return timers.work(name) };
            match wait.woken.await {
                Ok(work) => work,
                // The queue never drops a waiter that it has not woken.
                Err(_) => timers.work(name),
            }
        }
    }
}

/// The alarm of something that is polled, such as a connection: set to one time, and moved when that comes earlier.
#[derive(Default)]
pub struct Alarm(Option<Wait>);

impl Alarm {
    /// Ready when `due` may have come; the caller looks at the clock again then. A later `due` than the one that the alarm is
    /// set to does not move it: it goes off early and is set again, so that something that is pushed back again and again, as
    /// the end of a connection's keep-alive is by every packet, costs nothing.
    pub fn poll(
        &mut self,
        timers: &Timers,
        name: impl FnOnce() -> Name,
        due: Timestamp,
        cx: &mut Context<'_>,
    ) -> Poll<Work> {
        let wait = match &mut self.0 {
            Some(wait) if wait.place.key.0 <= due => wait,
            set => set.insert(timers.wait(name(), due)),
        };
        let woken = ready!(Pin::new(&mut wait.woken).poll(cx));
        self.0 = None;
        // The queue never drops a waiter that it has not woken.
        Poll::Ready(woken.unwrap_or_else(|_| timers.work("a lost alarm")))
    }
}
