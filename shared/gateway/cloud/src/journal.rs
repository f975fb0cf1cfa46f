//! The stand-ins' own durable state: rows of JSON in one SQLite file, written by one thread that commits whatever has
//! gathered while it was busy with the commit before (group commit).
//!
//! The file is in WAL mode with `synchronous = FULL`: what a commit acknowledged survives `kill -9` and a power failure.
//! SQLite's exclusive locking mode keeps a second process off the directory.

use crate::error::CloudError;
use drydock_core::{CorruptRow, Write};
use rusqlite::{Connection, ErrorCode, params};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The most writes that one transaction takes in.
const GROUP: usize = 4096;
/// How many batches may wait for the writer: whoever has one more waits on its thread until a group is committed. The writer waits
/// for nobody, so that it always comes.
const WAITING: usize = 8192;

struct Batch {
    writes: Vec<Write>,
    done: Option<oneshot::Sender<Result<(), String>>>,
}

struct Writer {
    batches: mpsc::SyncSender<Box<Batch>>,
    thread: JoinHandle<()>,
}

/// The journal: a no-op without a data directory.
pub(crate) struct Journal {
    path: Option<PathBuf>,
    writer: Mutex<Option<Writer>>,
}

/// The rows that a journal held when it was opened.
pub(crate) struct Rows {
    connection: Option<Connection>,
}

impl Rows {
    /// The rows of one table with their keys, in the order of the keys.
    pub(crate) fn table<T: DeserializeOwned>(&self, table: &'static str) -> Result<Vec<(String, T)>, CloudError> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        let read = || -> rusqlite::Result<Vec<(String, String)>> {
            let mut select = connection.prepare("SELECT key, value FROM rows WHERE kind = ?1 ORDER BY key")?;
            select.query_map(params![table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let rows = read().map_err(|e| CloudError::Journal { path: table.into(), why: e.to_string() })?;
        rows.into_iter()
            .map(|(key, value)| match serde_json::from_str(&value) {
                Ok(value) => Ok((key, value)),
                Err(e) => Err(CorruptRow { table: table.into(), key, why: e.to_string() }.into()),
            })
            .collect()
    }
}

impl Journal {
    /// A journal that keeps nothing.
    pub(crate) fn memory() -> (Self, Rows) {
        (Self { path: None, writer: Mutex::new(None) }, Rows { connection: None })
    }

    /// Opens or creates the journal of a directory.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Rows), CloudError> {
        std::fs::create_dir_all(dir).map_err(|source| CloudError::DataDir { path: dir.into(), source })?;
        let path = dir.join("cloud.db");
        let failed = |e: rusqlite::Error| match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => CloudError::InUse { path: dir.into() },
            _ => CloudError::Journal { path: path.display().to_string(), why: e.to_string() },
        };
        let connection = Connection::open(&path).map_err(failed)?;
        connection
            .execute_batch(
                "PRAGMA busy_timeout = 0;
                 PRAGMA locking_mode = EXCLUSIVE;
                 PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 BEGIN IMMEDIATE;
                 CREATE TABLE IF NOT EXISTS rows (
                     kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)
                 ) WITHOUT ROWID;
                 COMMIT;",
            )
            .map_err(failed)?;
        Ok((Self { path: Some(path), writer: Mutex::new(None) }, Rows { connection: Some(connection) }))
    }

    /// Starts the writer, once the rows have been read.
    pub(crate) fn start(&self, rows: Rows) -> Result<(), CloudError> {
        let Some(connection) = rows.connection else { return Ok(()) };
        let (batches, gathered) = mpsc::sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("cloud-journal".into())
            .spawn(move || write(&connection, &gathered))
            .map_err(|e| self.failed(e.to_string()))?;
        *self.writer() = Some(Writer { batches, thread });
        Ok(())
    }

    /// Makes writes durable; returns once they are.
    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), CloudError> {
        self.begin(writes).await
    }

    /// Hands writes over now; what it gives resolves once they are durable.
    pub(crate) fn begin(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), CloudError>> + Send + use<> {
        let path = self.path.clone();
        let sent = if path.is_none() || writes.is_empty() {
            Ok(None)
        } else {
            let (done, answer) = oneshot::channel();
            self.send(Batch { writes, done: Some(done) }).map(|()| Some(answer))
        };
        async move {
            let Some(answer) = sent? else { return Ok(()) };
            match answer.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(why)) => Err(failed(path.as_ref(), why)),
                Err(_) => Err(CloudError::Closed),
            }
        }
    }

    /// Hands writes over without waiting: for what may be lost in a crash without breaking a promise. Writes stay in order.
    pub(crate) fn submit(&self, writes: Vec<Write>) {
        if self.path.is_some()
            && !writes.is_empty()
            && let Err(error) = self.send(Batch { writes, done: None })
        {
            tracing::debug!(%error, "a write came after the journal was closed");
        }
    }

    fn send(&self, batch: Batch) -> Result<(), CloudError> {
        let writer = self.writer();
        let writer = writer.as_ref().ok_or(CloudError::Closed)?;
        // The channel has the room of all that may wait from the beginning: of a pointer each.
        writer.batches.send(Box::new(batch)).map_err(|_| CloudError::Closed)
    }

    /// Writes what is left and closes the file.
    pub(crate) fn close(&self) {
        let writer = self.writer().take();
        if let Some(Writer { batches, thread }) = writer {
            drop(batches);
            if thread.join().is_err() {
                tracing::error!("the journal's writer panicked");
            }
        }
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: String) -> CloudError {
        failed(self.path.as_ref(), why)
    }
}

fn failed(path: Option<&PathBuf>, why: String) -> CloudError {
    let path = path.map_or_else(|| "memory".into(), |path| path.display().to_string());
    CloudError::Journal { path, why }
}

fn write(connection: &Connection, gathered: &mpsc::Receiver<Box<Batch>>) {
    while let Ok(first) = gathered.recv() {
        let mut count = first.writes.len();
        let mut batches = vec![first];
        while count < GROUP {
            let Ok(batch) = gathered.try_recv() else { break };
            count += batch.writes.len();
            batches.push(batch);
        }
        let result = apply(connection, &batches).map_err(|e| e.to_string());
        if let Err(why) = &result {
            tracing::error!(why, "the journal could not commit");
        }
        for done in batches.into_iter().filter_map(|batch| batch.done) {
            // Nobody waits any more where the caller was dropped.
            let _ = done.send(result.clone());
        }
    }
}

fn apply(connection: &Connection, batches: &[Box<Batch>]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut put =
            connection.prepare_cached("INSERT OR REPLACE INTO rows (kind, key, value) VALUES (?1, ?2, ?3)")?;
        let mut delete = connection.prepare_cached("DELETE FROM rows WHERE kind = ?1 AND key = ?2")?;
        for write in batches.iter().flat_map(|batch| &batch.writes) {
            match &write.value {
                Some(value) => put.execute(params![write.table, write.key, value])?,
                None => delete.execute(params![write.table, write.key])?,
            };
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_committed_is_there_again_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, rows) = Journal::open(dir.path()).unwrap();
        journal.start(rows).unwrap();
        journal.submit(vec![Write::put("t", "b", "1".into()), Write::put("t", "a", "2".into())]);
        journal.commit(vec![Write::delete("t", "b"), Write::put("u", "c", "3".into())]).await.unwrap();
        journal.close();
        let (_journal, rows) = Journal::open(dir.path()).unwrap();
        assert_eq!(rows.table::<i32>("t").unwrap(), vec![("a".to_owned(), 2)]);
        assert_eq!(rows.table::<i32>("u").unwrap(), vec![("c".to_owned(), 3)]);
    }

    #[test]
    fn a_directory_belongs_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Journal::open(dir.path()).unwrap();
        let Err(error) = Journal::open(dir.path()) else { panic!("opened twice") };
        assert!(matches!(error, CloudError::InUse { .. }), "{error}");
    }

    #[test]
    fn a_row_that_is_not_readable_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (_journal, rows) = Journal::open(dir.path()).unwrap();
        rows.connection.as_ref().unwrap().execute("INSERT INTO rows VALUES ('t', 'k', '{')", []).unwrap();
        let error = rows.table::<i32>("t").unwrap_err().to_string();
        assert!(error.starts_with("row `k` of table `t` cannot be read"), "{error}");
    }
}
