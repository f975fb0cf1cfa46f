//! What every stand-in shares: configuration, time, the journal, and the tasks that run beside requests.

use crate::config::{CloudConfig, Notice};
use crate::journal::Journal;
use drydock_core::Timestamp;
use drydock_timers::Timers;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Shared by all stand-ins of one [`Cloud`](crate::Cloud).
pub(crate) struct Context {
    pub(crate) config: CloudConfig,
    pub(crate) timers: Timers,
    pub(crate) journal: Journal,
    tasks: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
}

impl Context {
    pub(crate) fn new(config: CloudConfig, journal: Journal) -> Self {
        let timers = config.timers.clone();
        Self { config, timers, journal, tasks: Mutex::new(JoinSet::new()), stop: watch::Sender::new(false) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.timers.now()
    }

    pub(crate) fn uuid(&self) -> String {
        self.config.ids.uuid().to_string()
    }

    pub(crate) fn tell(&self, notice: Notice) {
        self.config.observer.tell(notice);
    }

    /// Runs a task that shutting down drops wherever it waits.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped();
        self.spawn_to_end(async move {
            tokio::select! {
                biased;
                () = stopped => {}
                () = task => {}
            }
        });
    }

    /// Runs a task that shutting down waits for: it has to look at [`Self::stopped`] itself.
    pub(crate) fn spawn_to_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        if !self.is_stopping() {
            tasks.spawn(task);
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Completes once shutting down has begun.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error means that the sender is gone, and with it the stand-ins.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// Stops all tasks and waits for them.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        while tasks.join_next().await.is_some() {}
    }
}

/// Locks a mutex whose holders never leave it half-changed when they panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
