//! Parts that have things due again and again.

use crate::queue::{Key, Waiter};
use crate::{Name, Timers, Work};
use async_trait::async_trait;
use drydock_core::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

/// A part that has things due at times which only it knows.
#[async_trait]
pub trait Due: Send + Sync {
    /// Does what is due by `now`, and says when something is due next; `None` until it is [reminded](Reminder::by). Nothing ever
    /// is where a part does not say otherwise.
    async fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let _ = now;
        None
    }
}

/// When a part is asked next.
pub(crate) struct Asked {
    pub(crate) name: Name,
    place: Mutex<Option<Key>>,
    /// Its place among those who only look.
    looks: Mutex<Option<Key>>,
    /// The guard of being asked, until the part's task takes it.
    work: Mutex<Taken>,
    woken: Notify,
}

/// What a part's task takes when it is asked.
#[derive(Default)]
struct Taken {
    work: Option<Work>,
    /// The task is over: nobody takes anything any more, and a guard that stayed here would hold an advance of the clock up.
    is_over: bool,
}

impl Asked {
    pub(crate) fn wake(&self, work: Work) {
        *self.place.lock() = None;
        self.ask(work);
    }

    pub(crate) fn look(&self, work: Work) {
        *self.looks.lock() = None;
        self.ask(work);
    }

    fn ask(&self, work: Work) {
        let mut taken = self.work.lock();
        if taken.is_over {
            return;
        }
        taken.work = Some(work);
        drop(taken);
        self.woken.notify_one();
    }
}

/// A part's task, while there is one.
struct Running(Arc<Asked>);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.work.lock() = Taken { work: None, is_over: true };
    }
}

/// Has a part asked in time. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Reminder {
    timers: Timers,
    asked: Arc<Asked>,
}

impl Timers {
    /// A reminder for a part, which [`Reminder::run`] is to be called on.
    #[must_use]
    pub fn reminder(&self, name: impl Into<Name>) -> Reminder {
        let (place, looks, work, woken) = Default::default();
        Reminder { timers: self.clone(), asked: Arc::new(Asked { name: name.into(), place, looks, work, woken }) }
    }
}

impl Reminder {
    /// Has the part asked at a time, unless it is asked before that anyway. Counts at once: a clock that is advanced after this
    /// call does not go past `at`.
    pub fn by(&self, at: Timestamp) {
        let mut queue = self.timers.0.queue.lock();
        let mut place = self.asked.place.lock();
        if let Some(key) = *place {
            if key.0 <= at {
                return;
            }
            queue.remove(key);
        }
        let (key, is_first) = queue.add(at, Waiter::Part(Arc::downgrade(&self.asked)));
        *place = Some(key);
        drop((place, queue));
        if is_first {
            self.timers.look();
        }
    }

    /// Has the part look whether there is something to do: at a time while the clock runs by itself; at each stop of a clock that is
    /// advanced, before it goes on. So a part that does something every minute, but only where there is something to do, costs an
    /// advance of a year no stop a minute.
    pub fn look_by(&self, at: Timestamp) {
        let mut queue = self.timers.0.queue.lock();
        let mut place = self.asked.looks.lock();
        if let Some(key) = *place {
            queue.remove(key);
        }
        let (key, is_first) = queue.add_looking(at, Waiter::Looking(Arc::downgrade(&self.asked)));
        *place = Some(key);
        drop((place, queue));
        if is_first {
            self.timers.look();
        }
    }

    /// Asks the part whenever something is due, first now, for ever.
    pub fn run<D: Due + ?Sized>(self, part: Arc<D>) -> impl Future<Output = ()> + Send + use<D> {
        // Begun before the future is polled: a clock that is advanced behind this call waits for the first answer.
        let mut work = self.timers.work(self.asked.name.clone());
        // Others may hold the reminder for longer than this goes on.
        let running = Running(Arc::clone(&self.asked));
        async move {
            let _running = running;
            loop {
                let now = self.timers.now();
                if let Some(next) = part.due(now).await {
                    // What is said to be due already was to be done in this call: not asked again within the same millisecond.
                    self.by(next.max(now.plus_millis(1)));
                }
                drop(work);
                work = self.woken().await;
            }
        }
    }

    async fn woken(&self) -> Work {
        loop {
            if let Some(work) = self.asked.work.lock().work.take() {
                return work;
            }
            self.asked.woken.notified().await;
        }
    }
}
