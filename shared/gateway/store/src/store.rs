//! The store: a data directory, its lock, its file and its writer.

use crate::commit::Commit;
use crate::error::StoreError;
use crate::lock::DirLock;
use crate::memory::Memory;
use crate::schema;
use crate::writer::{Job, Member, Tell, Work, Writer};
use drydock_core::{Scope, Write};
use rusqlite::{Connection, OpenFlags, params};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The name of the state file in the data directory.
const FILE: &str = "drydock.sqlite";
/// How many submissions may wait for the writer: whoever has one more waits on its thread until a group is committed. The writer
/// waits for nobody, so that it always comes.
const WAITING: usize = 16_384;
/// How long a write waits for somebody else who has the file open, for example a person with the `sqlite3` shell.
const BUSY: Duration = Duration::from_secs(5);

/// How to open a store.
#[derive(Debug, Clone, Default)]
pub struct Options {
    max_pages: Option<u32>,
}

impl Options {
    /// The most pages of 4 KiB that the state file may take; more is refused with [`StoreError::Full`]. No limit but the disk's
    /// by default.
    #[must_use]
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// Opens the store in a data directory, which is made where it is missing; `None` keeps everything in memory only.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has the directory, [`StoreError::Foreign`] and [`StoreError::TooNew`] where the
    /// file is not for this version, and whatever the disk answers.
    pub fn open(&self, directory: Option<&Path>) -> Result<Store, StoreError> {
        let Some(directory) = directory else {
            return Ok(Store { inner: Arc::new(Inner::new(None)) });
        };
        let lock = DirLock::take(directory)?;
        let path = directory.join(FILE);
        let connection = self.connect(&path)?;
        let (sender, receiver) = sync_channel(WAITING);
        let writer = Writer::new(connection, path.clone());
        let thread = std::thread::Builder::new()
            .name("drydock-store".into())
            .spawn(move || {
                // Given back when the file is closed, whoever holds the store then.
                let _lock = lock;
                writer.run(&receiver);
            })
            .map_err(|e| StoreError::Directory { path: directory.to_path_buf(), source: Arc::new(e) })?;
        let file = File { path, jobs: sender, writer: Mutex::new(Some(thread)), closed: AtomicBool::new(false) };
        Ok(Store { inner: Arc::new(Inner::new(Some(file))) })
    }

    fn connect(&self, path: &Path) -> Result<Connection, StoreError> {
        let failed = |e| StoreError::sqlite("opening", path, e);
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        // In WAL mode `NORMAL` syncs only at checkpoints: a power cut would take back what was acknowledged. `FULL` syncs
        // the log at each commit; group commit is what makes that cheap.
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        // The log is cut back after a burst instead of keeping its greatest size for ever.
        connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024).map_err(failed)?;
        if let Some(pages) = self.max_pages {
            connection.pragma_update(None, "max_page_count", pages).map_err(failed)?;
        }
        schema::prepare(&mut connection, path)?;
        Ok(connection)
    }
}

/// Durable state. A handle that is cheap to clone; the last one to go waits for what was submitted.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: Option<File>,
    /// In the place of the file.
    memory: Memory,
    /// How many rulebooks were opened.
    places: AtomicU32,
}

impl Inner {
    fn new(file: Option<File>) -> Self {
        Self { file, memory: Memory::default(), places: AtomicU32::new(0) }
    }
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    /// `None` ends the writer.
    jobs: SyncSender<Option<Box<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    closed: AtomicBool,
}

impl Store {
    /// The format of the file and of the rows in it.
    pub const FORMAT: u32 = schema::FORMAT;

    /// Opens the store in a data directory; `None` keeps everything in memory only.
    ///
    /// # Errors
    /// See [`Options::open`].
    pub fn open(directory: Option<&Path>) -> Result<Self, StoreError> {
        Options::default().open(directory)
    }

    /// How to open a store with a limit.
    #[must_use]
    pub fn options() -> Options {
        Options::default()
    }

    /// Whether anything outlives the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.inner.file.is_some()
    }

    /// Writes what was submitted, closes the file and gives the directory back, though others hold the store still: what they
    /// submit or read from now on is refused with [`StoreError::Closed`]. A store in memory stays as it is.
    pub async fn close(&self) {
        if self.inner.file.is_none() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let closed = tokio::task::spawn_blocking(move || {
            if let Some(file) = &inner.file {
                file.end();
                file.join();
            }
        });
        if let Err(error) = closed.await {
            tracing::error!(%error, "the state was not closed");
        }
    }

    /// Begins to close and does not wait for the end of it.
    pub fn abandon(&self) {
        if let Some(file) = &self.inner.file {
            file.end();
        }
    }

    /// Hands in writes, as one unit. The order of the calls is the order in which they are applied.
    pub fn submit(&self, scope: &Scope, writes: Vec<Write>) -> Commit {
        if writes.is_empty() {
            return Commit::ready(Ok(()));
        }
        self.send(|| Work::Rows(scope.clone(), writes), Vec::new(), None)
    }

    /// Resolves when all that was submitted before is on disk, or is not going to be. It submits nothing itself.
    pub fn flush(&self) -> Commit {
        self.send(|| Work::Rows(Scope::new("", ""), Vec::new()), Vec::new(), None)
    }

    /// Forgets every row of some tables of a scope, after what was submitted before.
    pub fn clear(&self, scope: &Scope, tables: &'static [&'static str]) -> Commit {
        self.send(|| Work::Replace(scope.clone(), tables.to_vec(), Vec::new()), Vec::new(), None)
    }

    /// Forgets every row of every scope, after what was submitted before.
    pub fn wipe(&self) -> Commit {
        self.send(|| Work::Wipe, Vec::new(), None)
    }

    /// Where the next rulebook stands in the order of locks.
    pub(crate) fn next_place(&self) -> u32 {
        self.inner.places.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn send(&self, work: impl FnOnce() -> Work, members: Vec<Member>, tell: Option<Tell>) -> Commit {
        let Some(file) = &self.inner.file else {
            match work() {
                // Not those of a rulebook: nobody asks for them again.
                Work::Rows(..) if members.is_empty() => {}
                work => self.inner.memory.apply(work, tell),
            }
            return Commit::ready(Ok(()));
        };
        let (done, answer) = oneshot::channel();
        // Boxed: the places of the queue are there from the beginning.
        let job = Box::new(Job { work: work(), members, tell, done });
        match file.jobs.send(Some(job)) {
            Ok(()) => Commit::waiting(answer),
            Err(_) => Commit::ready(Err(StoreError::Closed)),
        }
    }

    /// Gives every committed row of a table, by key, to `row(key, value)`; an error of `row` ends the loading.
    ///
    /// # Errors
    /// Whatever the disk answers, and the error of `row`.
    pub fn load<E: From<StoreError>>(
        &self,
        scope: &Scope,
        table: &str,
        mut row: impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.load_all(scope, &[table], |_, key, value| row(key, value))
    }

    /// Gives every committed row of some tables to `row(table, key, value)`: the tables one after the other, each by key, and
    /// all as they were at one moment. An error of `row` ends the loading.
    ///
    /// # Errors
    /// Whatever the disk answers, and the error of `row`.
    pub fn load_all<E: From<StoreError>>(
        &self,
        scope: &Scope,
        tables: &[&str],
        mut row: impl FnMut(&str, &str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(file) = &self.inner.file else {
            let memory = &self.inner.memory;
            return tables.iter().try_for_each(|of| memory.each(scope, of, &mut |key, value| row(of, key, value)));
        };
        if file.closed.load(Ordering::Acquire) {
            return Err(E::from(StoreError::Closed));
        }
        let failed = |e| E::from(StoreError::sqlite("reading", &file.path, e));
        let mut connection = file.reader().map_err(failed)?;
        // What is read in a transaction is read from one snapshot.
        let snapshot = connection.transaction().map_err(failed)?;
        let mut statement = snapshot
            .prepare(
                "SELECT key, value FROM row WHERE tbl = ?3 AND scope = \
                 (SELECT id FROM scope WHERE account = ?1 AND region = ?2) ORDER BY key",
            )
            .map_err(failed)?;
        for table in tables {
            let asked = params![scope.account.as_str(), scope.region.as_str(), table];
            let mut rows = statement.query(asked).map_err(failed)?;
            while let Some(found) = rows.next().map_err(failed)? {
                let text = |index| found.get_ref(index).and_then(|v| v.as_str().map_err(Into::into));
                row(table, text(0).map_err(failed)?, text(1).map_err(failed)?)?;
            }
        }
        Ok(())
    }

    /// The scopes that have rows.
    ///
    /// # Errors
    /// Whatever the disk answers.
    pub fn scopes(&self) -> Result<Vec<Scope>, StoreError> {
        let Some(file) = &self.inner.file else { return Ok(Vec::new()) };
        let read = || {
            let connection = file.reader()?;
            let mut statement = connection.prepare(
                "SELECT account, region FROM scope WHERE EXISTS (SELECT 1 FROM row WHERE row.scope = scope.id) \
                 ORDER BY account, region",
            )?;
            let scopes: rusqlite::Result<Vec<Scope>> = statement
                .query_map([], |row| Ok(Scope::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
                .collect();
            scopes
        };
        read().map_err(|e| StoreError::sqlite("reading", &file.path, e))
    }
}

impl File {
    /// Lets the writer end after what was submitted before.
    fn end(&self) {
        self.closed.store(true, Ordering::Release);
        // Where it has ended already nobody takes it.
        let _ = self.jobs.send(None);
    }

    /// Waits until the writer has ended.
    fn join(&self) {
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes the state has panicked");
        }
    }

    /// Another connection, which sees what is committed and disturbs no write.
    fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.end();
        self.join();
    }
}
