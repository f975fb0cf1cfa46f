//! Work in progress: what an advance of the clock waits for.

use crate::{ClockError, Timers};
use drydock_core::Timestamp;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// What waits or works, for people: what it is, and of whom, such as `Lambda retry` of `telemetry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What it is.
    pub what: &'static str,
    /// Whose, where there are several: a function, a client, a queue; otherwise empty.
    pub of: SmolStr,
}

impl Name {
    /// Something of somebody.
    pub fn new(what: &'static str, of: impl Into<SmolStr>) -> Self {
        Self { what, of: of.into() }
    }
}

impl From<&'static str> for Name {
    fn from(what: &'static str) -> Self {
        Self::new(what, SmolStr::default())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of.is_empty() { f.write_str(self.what) } else { write!(f, "{} ({})", self.what, self.of) }
    }
}

/// Who works at the moment.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// How many guards there are, of all kinds: the one number that says whether all is done. (Several would have to be read
    /// one after the other, and work that moves between them could be overlooked.)
    busy: AtomicUsize,
    /// Whether somebody waits for the last of them.
    watched: AtomicBool,
    idle: Notify,
    named: Mutex<BTreeMap<u64, Name>>,
    next: AtomicU64,
    kinds: Mutex<Vec<Arc<Count>>>,
}

#[derive(Debug)]
struct Count {
    what: &'static str,
    busy: AtomicUsize,
}

/// A kind of work that is begun so often that each piece is counted only, without a lock.
#[derive(Debug, Clone)]
pub struct Kind {
    tracker: Arc<Tracker>,
    count: Arc<Count>,
}

impl Kind {
    /// Begins a piece of it.
    pub fn begin(&self) -> Work {
        self.tracker.busy.fetch_add(1, Ordering::SeqCst);
        self.count.busy.fetch_add(1, Ordering::Relaxed);
        Work { tracker: Arc::clone(&self.tracker), of: Of::Kind(Arc::clone(&self.count)) }
    }
}

#[derive(Debug)]
enum Of {
    Named(u64),
    Kind(Arc<Count>),
}

/// Work in progress, until it is dropped. Whoever holds one and waits for a time of the gateway's clock has to drop it first:
/// the clock would otherwise wait for the work, and the work for the clock.
#[derive(Debug)]
#[must_use = "the work counts as done once this is dropped"]
pub struct Work {
    tracker: Arc<Tracker>,
    of: Of,
}

impl Drop for Work {
    fn drop(&mut self) {
        match &self.of {
            Of::Named(key) => drop(self.tracker.named.lock().remove(key)),
            Of::Kind(count) => drop(count.busy.fetch_sub(1, Ordering::Relaxed)),
        }
        if self.tracker.busy.fetch_sub(1, Ordering::SeqCst) == 1 && self.tracker.watched.load(Ordering::SeqCst) {
            self.tracker.idle.notify_waiters();
        }
    }
}

impl Tracker {
    pub(crate) fn begin(self: &Arc<Self>, name: Name) -> Work {
        self.busy.fetch_add(1, Ordering::SeqCst);
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.named.lock().insert(key, name);
        Work { tracker: Arc::clone(self), of: Of::Named(key) }
    }

    /// Who works, each with how often; the first hundred.
    fn workers(&self) -> Vec<String> {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for name in self.named.lock().values().take(10_000) {
            *names.entry(name.to_string()).or_default() += 1;
        }
        for count in self.kinds.lock().iter() {
            let busy = count.busy.load(Ordering::Relaxed);
            if busy > 0 {
                *names.entry(count.what.to_owned()).or_default() += busy;
            }
        }
        let shown = |(name, count): (String, usize)| if count == 1 { name } else { format!("{count} × {name}") };
        names.into_iter().take(100).map(shown).collect()
    }

    /// Waits until nothing is in progress, no longer than `patience` of the machine's time.
    pub(crate) async fn settled(&self, patience: Duration, at: Timestamp) -> Result<(), ClockError> {
        if self.busy.load(Ordering::SeqCst) == 0 {
            return Ok(());
        }
        self.watched.store(true, Ordering::SeqCst);
        let all_done = async {
            loop {
                let idle = self.idle.notified();
                tokio::pin!(idle);
                // Registered before the number is read, so that the last drop in between is not missed.
                idle.as_mut().enable();
                if self.busy.load(Ordering::SeqCst) == 0 {
                    return;
                }
                idle.await;
            }
        };
        let settled = tokio::time::timeout(patience, all_done).await;
        self.watched.store(false, Ordering::SeqCst);
        settled.map_err(|_| ClockError::Unsettled { at, patience, who: self.workers() })
    }
}

impl Timers {
    /// Begins a piece of work that an advance of the clock is to wait for.
    pub fn work(&self, name: impl Into<Name>) -> Work {
        self.0.tracker.begin(name.into())
    }

    /// A kind of work that is begun often.
    #[must_use]
    pub fn kind(&self, what: &'static str) -> Kind {
        let count = Arc::new(Count { what, busy: AtomicUsize::new(0) });
        self.0.tracker.kinds.lock().push(Arc::clone(&count));
        Kind { tracker: Arc::clone(&self.0.tracker), count }
    }
}

/// The work of somebody who rests now and then: while it waits for a time of the gateway's clock, or for somebody who does.
#[derive(Debug, Default)]
pub struct Resting(Mutex<Option<Work>>);

impl Resting {
    /// Somebody who works.
    #[must_use]
    pub fn new(work: Work) -> Self {
        Self(Mutex::new(Some(work)))
    }

    /// Rests until a time.
    pub async fn until(&self, timers: &Timers, name: impl Into<Name>, at: Timestamp) {
        let wait = timers.until(name, at);
        self.rest();
        self.go_on(wait.await);
    }

    /// Rests from now on. What is waited for has to be registered before.
    pub fn rest(&self) {
        self.take();
    }

    /// Works again.
    pub fn go_on(&self, work: Work) {
        *self.0.lock() = Some(work);
    }

    /// The work, which goes on elsewhere.
    pub fn take(&self) -> Option<Work> {
        self.0.lock().take()
    }
}
