//! What every stand-in shares: configuration, time, the journal, and the tasks that run beside requests.

use crate::cloudwatch::meter::Meter;
use crate::config::CloudConfig;
use crate::journal::Journal;
use crate::notice::Notice;
use drydock_core::Timestamp;
use drydock_tasks::Tasks;
use drydock_timers::Timers;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long shutting down waits for processes and their tasks to end.
const ENDING: Duration = Duration::from_secs(10);

/// Shared by all stand-ins of one [`Cloud`](crate::Cloud).
pub(crate) struct Context {
    pub(crate) config: CloudConfig,
    pub(crate) timers: Timers,
    pub(crate) journal: Journal,
    pub(crate) tasks: Tasks,
    /// What is counted, for CloudWatch.
    pub(crate) meter: Arc<Meter>,
}

impl Context {
    pub(crate) fn new(config: CloudConfig, journal: Journal) -> Self {
        let timers = config.timers.clone();
        Self { meter: Arc::new(Meter::new(&timers)), config, timers, journal, tasks: Tasks::new() }
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
        self.tasks.spawn(task);
    }

    /// Runs a task that shutting down waits for: it has to look at [`Self::stopped`] itself.
    pub(crate) fn spawn_to_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_to_end(task);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.tasks.is_stopping()
    }

    /// Completes once shutting down has begun.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.tasks.stopped()
    }

    /// Stops all tasks and waits for them.
    pub(crate) async fn stop(&self) {
        let cut = self.tasks.stop(ENDING).await;
        if cut > 0 {
            tracing::warn!(tasks = cut, "work of the stand-ins was cut short");
        }
    }
}

/// Locks a mutex whose holders never leave it half-changed when they panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
