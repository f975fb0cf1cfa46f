//! The task that wakes who is due while the clock runs by itself.

use crate::{Shared, Timers};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;

/// The longest stretch of the machine's time for which the clock is not looked at: it bounds how late anything is where the
/// machine's clock is set.
const LOOK: Duration = Duration::from_secs(1);

impl Timers {
    /// Ends the clock's own task, though others hold the clock still: from now on nobody is woken by the clock itself.
    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
        if let Some(driver) = self.0.driver.get() {
            driver.abort();
        }
    }

    /// Has the driver look at the clock and the queue; starts it with the first who waits.
    pub(crate) fn look(&self) {
        if !self.0.ended.load(Ordering::Acquire)
            && self.0.driver.get().is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            self.0.driver.get_or_init(|| runtime.spawn(drive(Arc::downgrade(&self.0))).abort_handle());
        }
        self.0.look.notify_one();
    }
}

/// Ends with the clock.
async fn drive(clock: Weak<Shared>) {
    loop {
        let Some(shared) = clock.upgrade() else { return };
        let wait = shared.wake_due();
        let look = Arc::clone(&shared.look);
        drop(shared);
        match wait {
            None => look.notified().await,
            Some(wait) => drop(tokio::time::timeout(wait.min(LOOK), look.notified()).await),
        }
    }
}

impl Shared {
    /// Wakes who is due, in order; how long the next one has to wait, where there is one and the clock goes there by itself.
    fn wake_due(&self) -> Option<Duration> {
        let mut queue = self.queue.lock();
        if queue.stepped {
            return None;
        }
        let now = self.face.now(self.machine.as_ref());
        while let Some((_, waiter)) = queue.take(now) {
            waiter.wake(&self.tracker);
        }
        while let Some(waiter) = queue.take_looking(now) {
            waiter.wake(&self.tracker);
        }
        self.face.wait(queue.first()?, self.machine.as_ref())
    }
}
