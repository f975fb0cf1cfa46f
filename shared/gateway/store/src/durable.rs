//! A rulebook behind a lock, in step with the disk.

use crate::change::{Part, Record};
use crate::commit::Commit;
use crate::error::StoreError;
use crate::order::Entry;
use crate::store::Store;
use crate::writer::Lane;
use drydock_core::{Rulebook, Scope};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A rulebook whose commands are answered when their writes are on disk. [`change`](crate::change()) runs commands on it.
///
/// A command decides under the lock and hands its writes in under the lock, so that the order on disk is the order of the
/// decisions; the wait for the disk is outside of it. Readers therefore may see a change a moment before it is durable; who
/// was answered never loses it. Where a commit fails, this command and all that were decided after it are answered with the
/// error, and the rulebook goes back to what is on disk.
///
/// Rulebooks are locked in the order in which they were opened: inside a read only a later one may be read. A test that breaks
/// this panics.
#[derive(Debug)]
pub struct Durable<R> {
    pub(crate) store: Store,
    pub(crate) scope: Scope,
    pub(crate) lane: Arc<Lane>,
    /// Where it stands in the order of locks.
    place: u32,
    /// Goes up when memory has gone back to what is on disk.
    reloads: Arc<AtomicU64>,
    state: Mutex<State<R>>,
}

#[derive(Debug)]
pub(crate) struct State<R> {
    pub(crate) rulebook: R,
    /// Goes up at each return to what is on disk.
    pub(crate) epoch: u64,
    /// Memory is ahead of the disk, and going back has not succeeded yet: no command runs until it has.
    pub(crate) stale: bool,
}

/// A rulebook's state, locked. The lock is given back before the thread's note of it goes.
#[derive(Debug)]
pub(crate) struct Locked<'a, R> {
    state: MutexGuard<'a, State<R>>,
    _entry: Entry,
}

impl<R> Deref for Locked<'_, R> {
    type Target = State<R>;

    fn deref(&self) -> &State<R> {
        &self.state
    }
}

impl<R> DerefMut for Locked<'_, R> {
    fn deref_mut(&mut self) -> &mut State<R> {
        &mut self.state
    }
}

impl<R: Rulebook> Durable<R> {
    /// Fills an empty rulebook with its rows of a scope. It is locked after all that were opened on the store before it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a row does not read back, and whatever the disk answers.
    pub fn open(store: &Store, scope: &Scope, rulebook: R) -> Result<Self, StoreError> {
        Self::open_counted(store, scope, rulebook, Arc::default())
    }

    /// The same with a counter that goes up whenever changes were taken back: what was derived from the rulebook in between,
    /// and is kept, has to be derived anew.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_counted(
        store: &Store,
        scope: &Scope,
        mut rulebook: R,
        reloads: Arc<AtomicU64>,
    ) -> Result<Self, StoreError> {
        for table in R::TABLES {
            store.load(scope, table, |key, value| rulebook.load(table, key, value).map_err(StoreError::from))?;
        }
        Ok(Self {
            store: store.clone(),
            scope: scope.clone(),
            lane: Arc::default(),
            place: store.next_place(),
            reloads,
            state: Mutex::new(State { rulebook, epoch: 1, stale: false }),
        })
    }

    /// Asks the rulebook.
    pub fn read<T>(&self, ask: impl FnOnce(&R) -> T) -> T {
        ask(&self.lock().rulebook)
    }

    /// Resolves when all that was seen before is on disk, or is not going to be: for a reader whose answer has to hold.
    pub fn flush(&self) -> Commit {
        self.store.flush()
    }

    /// Opens it for a change.
    pub(crate) fn part(&self, record: Rc<Record>) -> Part<'_, R> {
        Part::new(self, self.lock(), record)
    }

    /// Goes back to what is on disk where memory is ahead of it. Everything submitted in this epoch has failed or is going to,
    /// for the writer voids a lane from its first failure on, so what is read here is what stays.
    pub(crate) fn refresh(&self, state: &mut State<R>) -> Result<(), StoreError> {
        if !state.stale {
            return Ok(());
        }
        // What was submitted before a change broke off is good and has to be on disk first; how this ends does not matter.
        let _ = self.store.flush().wait();
        // Read first, replace after: while the disk cannot be read, readers keep the last state there was.
        let mut rows: Vec<(&'static str, String, String)> = Vec::new();
        for table in R::TABLES {
            self.store.load(&self.scope, table, |key, value| {
                rows.push((table, key.to_owned(), value.to_owned()));
                Ok::<(), StoreError>(())
            })?;
        }
        state.rulebook.clear();
        for (table, key, value) in rows {
            state.rulebook.load(table, &key, &value)?;
        }
        state.epoch += 1;
        state.stale = false;
        self.reloads.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    pub(crate) fn lock(&self) -> Locked<'_, R> {
        let entry = Entry::new(self.place);
        let state = self.state.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            // A command panicked half-way: what it left behind counts for nothing.
            tracing::error!("a command has panicked");
            self.state.clear_poison();
            let mut state = poisoned.into_inner();
            state.stale = true;
            state
        });
        Locked { state, _entry: entry }
    }
}

/// Rows by table and key.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;
