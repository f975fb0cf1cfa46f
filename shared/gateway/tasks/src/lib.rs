//! The one holder of tasks. Whoever starts something that goes on beside others starts it through a [`Tasks`], so that it can be
//! ended with all of it: after [`Tasks::stop`] no task is left, and none begins any more.
//!
//! What a task is kept by is gone as soon as the task ends, however many begin and end; nothing has to be collected.

use pin_project_lite::pin_project;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;

/// How long a task that was dropped may hold its thread. One that computes or blocks cannot be dropped before it waits.
const LAST: Duration = Duration::from_secs(5);

/// The tasks of one owner. Cheap to clone; the clones are one. Tasks belong to the tokio runtime that they are spawned on.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    alive: Mutex<Alive>,
    stop: watch::Sender<bool>,
    /// Told whenever a task has ended.
    ended: Notify,
}

#[derive(Default)]
struct Alive {
    next: u64,
    tasks: HashMap<u64, Task>,
    /// How many of them are waited for.
    to_end: usize,
    /// Whether those are dropped, too.
    over: bool,
}

struct Task {
    /// `None` until the runtime has taken it.
    handle: Option<AbortHandle>,
    to_end: bool,
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// No tasks.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner { alive: Mutex::default(), stop: watch::Sender::new(false), ended: Notify::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Runs a task that a stop drops where it waits. `None`, and the task is dropped at once, where the stop has begun.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        self.begin(task, false)
    }

    /// Runs a task that a stop waits for, within its limit. What may take long has to look at [`stopped`](Self::stopped).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn_to_end(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        self.begin(task, true)
    }

    /// Runs a task that a stop drops where it waits, and gives what it comes to. It goes on where nobody waits for that any
    /// more. The receiver fails where the stop was first.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn_for<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        self.begin(
            async move {
                // Nobody may be waiting any more.
                let _ = done.send(task.await);
            },
            false,
        );
        result
    }

    fn begin(&self, task: impl Future<Output = ()> + Send + 'static, to_end: bool) -> Option<AbortHandle> {
        let id = {
            let mut alive = self.inner.alive();
            // Looked at under the lock that a stop takes after it was set: one of the two sees the other.
            if *self.inner.stop.borrow() {
                return None;
            }
            let id = alive.next;
            alive.next += 1;
            alive.to_end += usize::from(to_end);
            alive.tasks.insert(id, Task { handle: None, to_end });
            id
        };
        let ended = Ended { inner: Arc::clone(&self.inner), id };
        // Not under the lock: a runtime that shuts down drops the task here, which tells that it has ended.
        let handle = tokio::spawn(Holding { task, ended }).abort_handle();
        let mut alive = self.inner.alive();
        let (stopping, over) = (*self.inner.stop.borrow(), alive.over);
        if let Some(kept) = alive.tasks.get_mut(&id) {
            kept.handle = Some(handle.clone());
            if over || stopping && !to_end {
                drop(alive);
                handle.abort();
            }
        }
        Some(handle)
    }

    /// Whether a stop has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.inner.stop.borrow()
    }

    /// Completes once a stop has begun.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.inner.stop.subscribe();
        async move {
            // An error means that the holder is gone, and with it all tasks.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// How many tasks are alive.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.alive().tasks.len()
    }

    /// Completes when no task is alive that a stop would wait for.
    pub async fn idle(&self) {
        self.until(|alive| alive.to_end == 0).await;
    }

    /// Begins the stop: nothing can be spawned any more, and what is not waited for is dropped where it waits.
    pub fn close(&self) {
        self.inner.stop.send_replace(true);
        self.abort(|task| !task.to_end);
    }

    /// Stops: begins to, waits for those that are to come to their end no longer than `within`, drops the others. Gives how many
    /// had to be dropped that were to come to their end.
    pub async fn stop(&self, within: Duration) -> usize {
        self.close();
        let cut = match tokio::time::timeout(within, self.until(|alive| alive.tasks.is_empty())).await {
            Ok(()) => return 0,
            Err(_) => self.abort_all(),
        };
        if tokio::time::timeout(LAST, self.until(|alive| alive.tasks.is_empty())).await.is_err() {
            tracing::error!(tasks = self.count(), "tasks hold their threads and could not be ended");
        }
        cut
    }

    /// Drops all tasks where they wait, without waiting for that: what is left to somebody who cannot wait.
    pub fn abandon(&self) {
        self.inner.stop.send_replace(true);
        self.abort_all();
    }

    /// Drops all. Gives how many of them were to come to their end: the others were dropped before, and may just not be gone yet.
    fn abort_all(&self) -> usize {
        let cut = {
            let mut alive = self.inner.alive();
            alive.over = true;
            alive.to_end
        };
        self.abort(|_| true);
        cut
    }

    fn abort(&self, which: impl Fn(&Task) -> bool) {
        let hit = |task: &Task| which(task).then(|| task.handle.clone()).flatten();
        let handles: Vec<_> = self.inner.alive().tasks.values().filter_map(hit).collect();
        handles.iter().for_each(AbortHandle::abort);
    }

    async fn until(&self, holds: impl Fn(&Alive) -> bool) {
        loop {
            let ended = self.inner.ended.notified();
            tokio::pin!(ended);
            // Before it is looked at: an end in between is told to this one, too.
            ended.as_mut().enable();
            if holds(&self.inner.alive()) {
                return;
            }
            ended.await;
        }
    }
}

impl Inner {
    fn alive(&self) -> MutexGuard<'_, Alive> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pin_project! {
    /// A task, and what takes it out of its holder. An async block that awaits what it has captured would be twice as large as
    /// the task, which counts where there is one for each connection.
    struct Holding<F> {
        // Dropped in this order: the task is gone before it counts as ended, even where it never ran.
        #[pin]
        task: F,
        ended: Ended,
    }
}

impl<F: Future<Output = ()>> Future for Holding<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().task.poll(cx)
    }
}

/// Takes a task out of its holder when it ends, however it ends.
struct Ended {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let mut alive = self.inner.alive();
        if let Some(task) = alive.tasks.remove(&self.id) {
            alive.to_end -= usize::from(task.to_end);
        }
        drop(alive);
        self.inner.ended.notify_waiters();
    }
}
