//! Waiting on the gateway's clock, which can be stopped, moved and sped up.

use drydock_core::{Clock, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest stretch of real time that a waiter sleeps without looking at the clock again: what bounds its lateness when
/// the clock runs faster than real time. A jump of the clock wakes it at once.
const LOOK: Duration = Duration::from_secs(1);

/// The gateway's clock and the waiters on it.
#[derive(Clone)]
pub(crate) struct Timers {
    clock: Arc<dyn Clock>,
    moved: Arc<Notify>,
}

impl Timers {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, moved: Arc::new(Notify::new()) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Wakes every waiter to look at the clock.
    pub(crate) fn clock_moved(&self) {
        self.moved.notify_waiters();
    }

    /// Waits until the clock shows `time`.
    pub(crate) async fn until(&self, time: Timestamp) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let left = time.since(self.clock.now());
            let Ok(left) = u64::try_from(left) else { return };
            if left == 0 {
                return;
            }
            let nap = Duration::from_millis(left).min(LOOK);
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = moved => {}
            }
        }
    }
}

/// A span of real time in the clock's milliseconds.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
