//! The one thread that writes. It takes whatever has been submitted since it last looked and commits it as one group, so
//! that one sync to the disk serves everybody who waits.

use crate::error::StoreError;
use drydock_core::{Scope, Write};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// The most jobs in one group: a bound on how long the first of them waits.
const GROUP_JOBS: usize = 1024;

/// What one submission asks for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Puts and deletes rows.
    Rows(Scope, Vec<Write>),
    /// Deletes every row of some tables of a scope, then puts and deletes rows.
    Replace(Scope, Vec<&'static str>, Vec<Write>),
    /// Deletes everything.
    Wipe,
}

/// The order of the submissions of one owner. When one of them fails, the later ones, which were decided on top of it, must
/// fail too, until the owner has gone back to what is on disk and begun a new epoch.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Submissions of this epoch and of earlier ones are void; 0 where none are. Written by the writer alone.
    failed: AtomicU64,
}

/// An owner that a submission was decided on.
#[derive(Debug, Clone)]
pub struct Member {
    pub(crate) lane: Arc<Lane>,
    /// The owner's epoch at the time of the submission.
    pub(crate) epoch: u64,
    /// Whether the submission changes it; otherwise it was only looked at.
    pub(crate) changed: bool,
}

/// What is called when a submission is committed.
pub(crate) type Tell = Box<dyn FnOnce() + Send>;

/// A submission on its way.
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) members: Vec<Member>,
    pub(crate) tell: Option<Tell>,
    pub(crate) done: oneshot::Sender<Result<(), StoreError>>,
}

impl Job {
    /// Whether it was decided on top of a change that was not saved.
    fn superseded(&self) -> bool {
        self.members.iter().any(|of| of.epoch <= of.lane.failed.load(Ordering::Acquire))
    }

    fn finish(self, result: Result<(), StoreError>) {
        match &result {
            Ok(()) => {
                if let Some(tell) = self.tell {
                    tell();
                }
            }
            Err(_) => {
                for of in self.members.iter().filter(|of| of.changed) {
                    of.lane.failed.fetch_max(of.epoch, Ordering::AcqRel);
                }
            }
        }
        // Nobody waits any more where the request was dropped; the write stands all the same.
        let _ = self.done.send(result);
    }
}

/// Runs until it is told to end, or every sender is gone.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    scopes: HashMap<Scope, i64>,
}

impl Writer {
    pub(crate) fn new(connection: Connection, path: PathBuf) -> Self {
        Self { connection, path, scopes: HashMap::new() }
    }

    pub(crate) fn run(mut self, jobs: &Receiver<Option<Box<Job>>>) {
        let mut open = true;
        while open && let Ok(Some(first)) = jobs.recv() {
            let mut group = vec![*first];
            while group.len() < GROUP_JOBS
                && let Ok(next) = jobs.try_recv()
            {
                let Some(next) = next else {
                    open = false;
                    break;
                };
                group.push(*next);
            }
            self.commit(group);
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            tracing::warn!(%error, "the write-ahead log was not folded into the state file; it is folded at the next start");
        }
    }

    /// Commits a group; where that fails, each job on its own, so that one that cannot be saved harms no other.
    fn commit(&mut self, group: Vec<Job>) {
        let (void, group): (Vec<Job>, Vec<Job>) = group.into_iter().partition(Job::superseded);
        for job in void {
            job.finish(Err(StoreError::Superseded));
        }
        if group.is_empty() {
            return;
        }
        let alone = group.len() == 1;
        match self.apply(&group) {
            Ok(()) => group.into_iter().for_each(|job| job.finish(Ok(()))),
            Err(error) => {
                // A scope that was added in this group is gone again.
                self.scopes.clear();
                let error = StoreError::sqlite("committing to", &self.path, error);
                if alone {
                    tracing::error!(%error, "a change was not saved");
                    group.into_iter().for_each(|job| job.finish(Err(error.clone())));
                } else {
                    group.into_iter().for_each(|job| self.commit(vec![job]));
                }
            }
        }
    }

    fn apply(&mut self, group: &[Job]) -> rusqlite::Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for job in group {
            match &job.work {
                Work::Rows(_, writes) if writes.is_empty() => {}
                Work::Rows(scope, writes) => {
                    let scope = scope_id(&tx, &mut self.scopes, scope)?;
                    put(&tx, scope, writes)?;
                }
                Work::Replace(scope, tables, writes) => {
                    let scope = scope_id(&tx, &mut self.scopes, scope)?;
                    clear(&tx, scope, tables)?;
                    put(&tx, scope, writes)?;
                }
                Work::Wipe => {
                    tx.execute_batch("DELETE FROM row")?;
                }
            }
        }
        tx.commit()
    }
}

fn clear(tx: &Transaction<'_>, scope: i64, tables: &[&str]) -> rusqlite::Result<()> {
    for table in tables {
        tx.prepare_cached("DELETE FROM row WHERE scope = ?1 AND tbl = ?2")?.execute(params![scope, table])?;
    }
    Ok(())
}

fn put(tx: &Transaction<'_>, scope: i64, writes: &[Write]) -> rusqlite::Result<()> {
    for write in writes {
        match &write.value {
            Some(value) => tx
                .prepare_cached("INSERT OR REPLACE INTO row (scope, tbl, key, value) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![scope, write.table, write.key, value])?,
            None => tx
                .prepare_cached("DELETE FROM row WHERE scope = ?1 AND tbl = ?2 AND key = ?3")?
                .execute(params![scope, write.table, write.key])?,
        };
    }
    Ok(())
}

fn scope_id(tx: &Transaction<'_>, known: &mut HashMap<Scope, i64>, scope: &Scope) -> rusqlite::Result<i64> {
    if let Some(id) = known.get(scope) {
        return Ok(*id);
    }
    let (account, region) = (scope.account.as_str(), scope.region.as_str());
    let found = tx
        .query_row("SELECT id FROM scope WHERE account = ?1 AND region = ?2", [account, region], |row| row.get(0))
        .optional()?;
    let id = match found {
        Some(id) => id,
        None => {
            tx.execute("INSERT INTO scope (account, region) VALUES (?1, ?2)", [account, region])?;
            tx.last_insert_rowid()
        }
    };
    known.insert(scope.clone(), id);
    Ok(id)
}
