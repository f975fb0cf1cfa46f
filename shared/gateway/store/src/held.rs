//! A rulebook behind a lock, in step with the disk.

use crate::error::StoreError;
use crate::store::Store;
use crate::writer::{Lane, Work};
use drydock_core::{Done, Event, Rulebook, Scope, Write};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A rulebook whose commands are answered when their writes are on disk.
///
/// A command decides under the lock and hands its writes in under the lock, so that the order on disk is the order of the
/// decisions; the wait for the disk is outside of it. Readers therefore may see a change a moment before it is durable; who
/// was answered never loses it. Where a commit fails, this command and all that were decided after it are answered with the
/// error, and the rulebook goes back to what is on disk.
#[derive(Debug)]
pub struct Held<R> {
    store: Store,
    scope: Scope,
    lane: Arc<Lane>,
    state: Mutex<State<R>>,
}

#[derive(Debug)]
struct State<R> {
    rulebook: R,
    /// Goes up at each return to what is on disk.
    epoch: u64,
    /// Memory is ahead of the disk, and going back has not succeeded yet: no command runs until it has.
    stale: bool,
}

impl<R: Rulebook> Held<R> {
    /// Fills an empty rulebook with its rows of a scope.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a row does not read back, and whatever the disk answers.
    pub fn open(store: &Store, scope: &Scope, mut rulebook: R) -> Result<Self, StoreError> {
        for table in R::TABLES {
            store.load(scope, table, |key, value| rulebook.load(table, key, value).map_err(StoreError::from))?;
        }
        Ok(Self {
            store: store.clone(),
            scope: scope.clone(),
            lane: Arc::default(),
            state: Mutex::new(State { rulebook, epoch: 1, stale: false }),
        })
    }

    /// Asks the rulebook.
    pub fn read<T>(&self, ask: impl FnOnce(&R) -> T) -> T {
        ask(&self.lock().rulebook)
    }

    /// Runs a command, and gives its answer and its events once its writes are on disk. A command that fails must leave the
    /// rulebook as it was.
    ///
    /// # Errors
    /// The command's own, or the [`StoreError`] where the change could not be saved: the rulebook is then as if the command had
    /// never been.
    pub async fn apply<T, E: From<StoreError>>(
        &self,
        command: impl FnOnce(&mut R) -> Result<Done<T>, E>,
    ) -> Result<(T, Vec<Event>), E> {
        let (reply, events, commit, epoch) = {
            let mut state = self.lock();
            self.refresh(&mut state)?;
            let Done { reply, writes, events } = command(&mut state.rulebook)?;
            if writes.is_empty() {
                return Ok((reply, events));
            }
            let lane = Some((Arc::clone(&self.lane), state.epoch));
            (reply, events, self.store.send(|| Work::Rows(self.scope.clone(), writes), lane), state.epoch)
        };
        self.settle(commit.await, epoch)?;
        Ok((reply, events))
    }

    /// Forgets the rulebook's state, in memory and on disk.
    ///
    /// # Errors
    /// Whatever the disk answers; the rulebook is then as it was.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let (commit, epoch) = {
            let mut state = self.lock();
            self.refresh(&mut state)?;
            state.rulebook.clear();
            let lane = Some((Arc::clone(&self.lane), state.epoch));
            (self.store.send(|| Work::Clear(self.scope.clone(), R::TABLES), lane), state.epoch)
        };
        self.settle(commit.await, epoch)
    }

    /// Puts these rows in the place of the rulebook's state, in memory and on disk.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a row does not read back, and whatever the disk answers; the rulebook is then as it was.
    pub async fn replace(&self, tables: &Tables) -> Result<(), StoreError> {
        let (commit, epoch) = {
            let mut state = self.lock();
            self.refresh(&mut state)?;
            state.rulebook.clear();
            let mut writes = Vec::new();
            for table in R::TABLES {
                for (key, value) in tables.get(*table).into_iter().flatten() {
                    if let Err(error) = state.rulebook.load(table, key, value) {
                        state.stale = true;
                        self.refresh(&mut state)?;
                        return Err(error.into());
                    }
                    writes.push(Write::put(table, key.as_str(), value.clone()));
                }
            }
            let lane = Some((Arc::clone(&self.lane), state.epoch));
            (self.store.send(|| Work::Replace(self.scope.clone(), R::TABLES, writes), lane), state.epoch)
        };
        self.settle(commit.await, epoch)
    }

    /// Takes in how a commit ended.
    fn settle(&self, result: Result<(), StoreError>, epoch: u64) -> Result<(), StoreError> {
        let Err(error) = result else { return Ok(()) };
        let mut state = self.lock();
        // Of all the commands that failed together, the first one here goes back for all of them.
        if state.epoch == epoch {
            state.stale = true;
            if let Err(again) = self.refresh(&mut state) {
                tracing::error!(error = %again, "the state cannot be read back; changes are refused until it can");
            }
        }
        Err(error)
    }

    /// Goes back to what is on disk where memory is ahead of it. Everything submitted in this epoch has failed or is going to,
    /// for the writer voids a lane from its first failure on, so what is read here is what stays.
    fn refresh(&self, state: &mut State<R>) -> Result<(), StoreError> {
        if !state.stale {
            return Ok(());
        }
        // What was submitted before a command panicked is good and has to be on disk first; how this ends does not matter.
        let _ = self.store.send(|| Work::Rows(self.scope.clone(), Vec::new()), None).wait();
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
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            // A command panicked half-way. Where there is a disk to go back to, what it left behind counts for nothing.
            tracing::error!("a command has panicked");
            self.state.clear_poison();
            let mut state = poisoned.into_inner();
            state.stale = self.store.is_durable();
            state
        })
    }
}

/// Rows by table and key.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// What a [`Kept`] rulebook does in its time.
type Doing<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A [`Held`] rulebook, whichever it is.
pub trait Kept: Send + Sync {
    /// Its tables, in the order they are loaded in.
    fn tables(&self) -> &'static [&'static str];

    /// See [`Held::replace`].
    fn replace<'a>(&'a self, tables: &'a Tables) -> Doing<'a>;

    /// See [`Held::wipe`].
    fn wipe(&self) -> Doing<'_>;
}

impl<R: Rulebook> Kept for Held<R> {
    fn tables(&self) -> &'static [&'static str] {
        R::TABLES
    }

    fn replace<'a>(&'a self, tables: &'a Tables) -> Doing<'a> {
        Box::pin(Held::replace(self, tables))
    }

    fn wipe(&self) -> Doing<'_> {
        Box::pin(Held::wipe(self))
    }
}
