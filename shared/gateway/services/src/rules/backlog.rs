//! The messages of QoS 1 that rules have not ended with: one that was acknowledged reaches the actions of the rules that it
//! matched, at least once, whatever happens to the process.
//!
//! Such a message is a row, in the commit that its acknowledgement waits for, until the actions of every rule that it matched
//! have ended: done, or failed for good and told to the error action, or turned away because too many wait. What is there when
//! the gateway starts is handed to the rules of the same names again. A rule that is gone or disabled by then does nothing, one
//! that was replaced acts as it is then. Nobody was promised anything of a message of QoS 0: it leaves no row.

mod row;

use drydock_core::{CorruptRow, Scope, Write};
use drydock_host::deletions::Deletions;
use drydock_rules::{CompiledRule, Message};
use drydock_store::{Store, StoreError};
use row::Row;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

/// Messages that rules have not ended with, by number.
const TABLE: &str = "rule_backlog";

/// The messages that rules have not ended with. Cheap to clone.
#[derive(Clone)]
pub struct Backlog {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    scope: Scope,
    /// The number of the next message.
    next: AtomicU64,
    /// Messages whose rules have not ended.
    open: AtomicUsize,
    /// Told when there is none left.
    none_open: Notify,
    /// Rows of messages whose rules have ended.
    ended: Deletions,
    /// Goes up when everything is forgotten: what was added before is not done any more.
    generation: AtomicU64,
    /// Whether nothing counts as ended any more: what fails now does so because the gateway stops.
    stopped: AtomicBool,
    earlier: Mutex<Vec<Earlier>>,
    /// Whether what rules act upon is there.
    ready: watch::Sender<bool>,
}

/// A message of an earlier run: its number, and the names of its rules.
type Earlier = (u64, Vec<SmolStr>, Arc<Message>);

/// A message in the backlog.
struct Entry {
    backlog: Backlog,
    number: u64,
    generation: u64,
    /// Rules that have not ended.
    left: AtomicUsize,
}

/// A message that was added, for its rules to take their parts.
pub(super) struct Pending(Arc<Entry>);

/// One rule's part of a message. Dropped before it is done it stays in the backlog, unless what went wrong is a panic: that would
/// come again at each start.
pub(super) struct Part {
    entry: Arc<Entry>,
    /// Lasts as long as the part.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl Backlog {
    /// The tables of a backlog, for who empties an account.
    pub const TABLES: &'static [&'static str] = &[TABLE];

    /// Reads what an earlier run left.
    ///
    /// # Errors
    /// Where the store cannot be read, or a row does not read back.
    pub fn open(store: &Store, scope: &Scope) -> Result<Self, StoreError> {
        let mut earlier = Vec::new();
        store.load(scope, TABLE, |key, value| {
            let corrupt = |why: String| CorruptRow { table: TABLE.to_owned(), key: key.to_owned(), why };
            let number = u64::from_str_radix(key, 16).map_err(|error| corrupt(error.to_string()))?;
            let mut row: Row = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
            let rules = std::mem::take(&mut row.rules);
            let message = row.message(&scope.account).map_err(|error| corrupt(error.to_string()))?;
            earlier.push((number, rules, Arc::new(message)));
            Ok::<_, StoreError>(())
        })?;
        let next = earlier.last().map_or(0, |(number, ..)| number + 1);
        let inner = Inner {
            store: store.clone(),
            scope: scope.clone(),
            next: AtomicU64::new(next),
            open: AtomicUsize::new(0),
            none_open: Notify::new(),
            ended: Deletions::new(store, scope, TABLE),
            generation: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            earlier: Mutex::new(earlier),
            ready: watch::Sender::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Lets rules begin, now that what they act upon is there: with what an earlier run left, too.
    pub fn resume(&self) {
        self.inner.ready.send_replace(true);
    }

    /// Waits until rules may begin.
    pub(super) async fn ready(&self) {
        // Its sender is here: it cannot be gone.
        let _ = self.inner.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Adds a message and the rules that it matched: the row that is to be durable before the message is acknowledged.
    pub(super) fn add(&self, message: &Message, rules: &[Arc<CompiledRule>]) -> (Write, Pending) {
        let entry = self.entry(self.inner.next.fetch_add(1, Ordering::Relaxed), rules.len());
        // Rows hold text, numbers and lists only, which always have a JSON form.
        let row = serde_json::to_string(&Row::of(message, rules)).unwrap_or_default();
        (Write::put(TABLE, key(entry.number), row), Pending(entry))
    }

    fn entry(&self, number: u64, rules: usize) -> Arc<Entry> {
        self.inner.open.fetch_add(1, Ordering::Relaxed);
        let generation = self.inner.generation.load(Ordering::Acquire);
        Arc::new(Entry { backlog: self.clone(), number, generation, left: AtomicUsize::new(rules) })
    }

    /// Adds the deletions that are due to some writes.
    pub fn tidy(&self, writes: &mut Vec<Write>) {
        self.inner.ended.ride(writes);
    }

    /// Writes down deletions that found nothing to ride on, for ever.
    pub(super) async fn keep_tidy(self) {
        self.inner.ended.keep_writing().await;
    }

    /// Forgets all messages, here and on disk.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.void();
        self.inner.store.clear(&self.inner.scope, Self::TABLES).await
    }

    /// Forgets all messages here, when the account on disk has become another.
    pub fn void(&self) {
        self.inner.generation.fetch_add(1, Ordering::AcqRel);
        self.earlier().clear();
    }

    fn earlier(&self) -> MutexGuard<'_, Vec<Earlier>> {
        self.inner.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets rules end for a while, then keeps what they have not done for the next start. To be called when no more messages come,
    /// and before what rules act upon goes.
    pub async fn stop(&self, at_most: Duration) {
        let all = async {
            loop {
                let none_open = self.inner.none_open.notified();
                if self.inner.open.load(Ordering::Acquire) == 0 {
                    return;
                }
                none_open.await;
            }
        };
        let rules_run = *self.inner.ready.borrow();
        if rules_run && tokio::time::timeout(at_most, all).await.is_err() && self.inner.store.is_durable() {
            let messages = self.inner.open.load(Ordering::Acquire);
            tracing::info!(messages, "rules have not ended with some messages: they go on at the next start");
        }
        self.inner.stopped.store(true, Ordering::Release);
        self.inner.ended.write();
    }

    /// The messages of an earlier run, of each rule in their order; once.
    pub(super) fn take_earlier(&self) -> BTreeMap<SmolStr, Vec<(Arc<Message>, Part)>> {
        let earlier = std::mem::take(&mut *self.earlier());
        if !earlier.is_empty() {
            tracing::info!(messages = earlier.len(), "messages of an earlier run are handed to their rules");
        }
        let mut of_rules: BTreeMap<SmolStr, Vec<(Arc<Message>, Part)>> = BTreeMap::new();
        for (number, rules, message) in earlier {
            let pending = Pending(self.entry(number, rules.len()));
            for rule in rules {
                of_rules.entry(rule).or_default().push((Arc::clone(&message), pending.part()));
            }
        }
        of_rules
    }
}

impl Pending {
    /// One rule's part; to be taken once for each rule.
    pub(super) fn part(&self) -> Part {
        Part { entry: Arc::clone(&self.0), turn: None }
    }
}

impl Part {
    /// Whether the backlog was forgotten meanwhile.
    pub(super) fn is_void(&self) -> bool {
        self.entry.generation != self.entry.backlog.inner.generation.load(Ordering::Acquire)
    }

    /// The rule has ended with the message, and has nothing left to do for it.
    pub(super) fn done(self) {
        self.entry.part_done();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.entry.part_done();
        }
    }
}

impl Entry {
    fn part_done(&self) {
        let inner = &self.backlog.inner;
        if self.left.fetch_sub(1, Ordering::AcqRel) != 1 || inner.stopped.load(Ordering::Acquire) {
            return;
        }
        inner.ended.add(key(self.number));
        if inner.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            inner.none_open.notify_waiters();
        }
    }
}

fn key(number: u64) -> String {
    format!("{number:016x}")
}
