//! S3: buckets and objects, as far as bulk registration, rule actions and the tools around them need.
//!
//! The wire is the `s3s` crate's, which is generated from the service model; what is kept is ours:
//!
//! - `state`: buckets, objects and unfinished uploads in memory, their rows in the journal. `object`: an object. `versions`: older
//!   versions, and delete markers; `history`: how both change.
//! - `blob`: the bytes of objects, a file each.
//! - [`payload`]: request bodies as clients frame and hash them.
//! - `checksums`: what clients state of the bytes they send.
//! - `operations`: the operations; `buckets`, `objects`, `listing` and `multipart` have their work.
//! - `notifications`: who is told of objects; `configuration`: the operations on that; `events`: what is told; `outbox`: what is
//!   still to be told.
//! - `host`: buckets named by the host. [`door`]: the wire in front of it all.
//!
//! An object is there as a whole or not at all: its file is on disk before its row, and the row makes it known. Follows the
//! Amazon S3 API reference.

mod blob;
mod buckets;
mod checksums;
mod configuration;
pub mod door;
mod events;
mod history;
mod host;
mod listing;
mod multipart;
mod notifications;
mod object;
mod objects;
mod operations;
mod outbox;
pub mod payload;
mod state;
mod versions;

use crate::context::{Context, lock};
use crate::delivery::Outlets;
use crate::error::CloudError;
use crate::journal::Rows;
use crate::stand_in::{Facts, Service};
use blob::{Blobs, Written};
use bytes::Bytes;
use drydock_core::{Timestamp, Write};
use notifications::Happened;
use object::ObjectRow;
use outbox::Outbox;
use state::State;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};
use versions::{Change, Found};

pub use host::is_for_s3;
pub use notifications::Notification;
pub use s3s::{Body, S3ErrorCode};
pub use state::ObjectFacts;
pub use versions::Versioning;

/// S3.
pub const SERVICE: Service =
    Service::new(&Facts { name: "s3", title: "Amazon S3", method: "GET", in_pieces: true, ..Facts::PLAIN });

/// S3.
pub struct S3 {
    context: Arc<Context>,
    outlets: Arc<Outlets>,
    blobs: Blobs,
    state: Mutex<State>,
    outbox: Arc<Outbox>,
    /// Counts the events that were made.
    sequence: AtomicU64,
}

impl S3 {
    fn open(context: Arc<Context>, outlets: Arc<Outlets>, rows: &Rows) -> Result<Self, CloudError> {
        let state = State::load(rows)?;
        let folder = context.config.data_dir.as_ref().or(context.config.scratch.as_ref()).map(|dir| dir.join("s3"));
        let blobs = Blobs::open(folder, context.config.data_dir.is_some(), &state.blobs())?;
        let outbox = Arc::new(Outbox::open(Arc::clone(&context), Arc::clone(&outlets), rows)?);
        Ok(Self { context, outlets, blobs, state: Mutex::new(state), outbox, sequence: AtomicU64::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn now(&self) -> Timestamp {
        self.context.now()
    }

    fn id(&self) -> String {
        self.context.config.ids.uuid().simple().to_string()
    }

    fn version_id(&self) -> String {
        versions::new_id(self.context.config.ids.as_ref())
    }

    /// Hands writes in while the state is locked, so that the order on disk is that of the decisions.
    fn write(
        &self,
        _locked: &MutexGuard<'_, State>,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send + use<> {
        self.context.journal.begin(writes)
    }

    /// Makes a bucket where it is not there yet. A `hidden` one is the gateway's own: ListBuckets does not show it.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn ensure_bucket(&self, bucket: &str, hidden: bool) -> Result<(), CloudError> {
        let written = {
            let mut state = self.state();
            let writes = state.ensure_bucket(bucket, hidden, self.now());
            self.write(&state, writes)
        };
        written.await
    }

    /// Has a bucket keep versions, or not any more; whether there is such a bucket. One that kept some never forgets that.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn set_versioning(&self, bucket: &str, versioning: Versioning) -> Result<bool, CloudError> {
        let written = {
            let mut state = self.state();
            let writes = state.set_versioning(bucket, versioning);
            writes.map(|writes| self.write(&state, writes))
        };
        match written {
            Some(written) => written.await.map(|()| true),
            None => Ok(false),
        }
    }

    /// What is known of an object; `None` where it, or its bucket, is not there.
    #[must_use]
    pub fn head(&self, bucket: &str, key: &str) -> Option<ObjectFacts> {
        self.head_version(bucket, key, None)
    }

    /// What is known of a version of an object, or of the current one.
    #[must_use]
    pub fn head_version(&self, bucket: &str, key: &str, version: Option<&str>) -> Option<ObjectFacts> {
        let state = self.state();
        let bucket = state.bucket(bucket)?;
        match bucket.find(key, version) {
            Found::Object(row) => Some(bucket.facts(key, &row)),
            Found::Marker(_) | Found::Nothing => None,
        }
    }

    /// Whether there is such a bucket.
    #[must_use]
    pub fn has_bucket(&self, bucket: &str) -> bool {
        self.state().bucket(bucket).is_some()
    }

    /// The bytes of an object of at most so many bytes, as an object may be larger than memory; `None` where it is not there.
    ///
    /// # Errors
    /// [`CloudError::TooLarge`], and where the disk does not give them.
    pub async fn get(&self, bucket: &str, key: &str, most: u64) -> Result<Option<Bytes>, CloudError> {
        self.get_version(bucket, key, None, most).await
    }

    /// The same of a version, or of the current one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_version(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        most: u64,
    ) -> Result<Option<Bytes>, CloudError> {
        loop {
            let Some(row) = self.find(bucket, key, version) else { return Ok(None) };
            if row.size > most {
                return Err(CloudError::TooLarge { key: key.to_owned(), size: row.size, most });
            }
            let path = self.blobs.path(&row.blob)?;
            match tokio::fs::read(&path).await {
                Ok(bytes) => return Ok(Some(bytes.into())),
                // It was deleted or put anew in between.
                Err(error) if error.kind() == ErrorKind::NotFound && !self.is_there(bucket, key, version, &row) => {}
                Err(source) => return Err(CloudError::Object { path, source }),
            }
        }
    }

    /// So many bytes of a version of an object, or of the current one, from a place on, and what is known of it; fewer where it
    /// ends, `None` where it is not there. Blocks: to be called where that is allowed.
    ///
    /// # Errors
    /// Where the disk does not give them.
    pub fn read_part(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        from: u64,
        most: u64,
    ) -> Result<Option<(Vec<u8>, ObjectFacts)>, CloudError> {
        loop {
            let Some(row) = self.find(bucket, key, version) else { return Ok(None) };
            let path = self.blobs.path(&row.blob)?;
            let read = || -> std::io::Result<Vec<u8>> {
                let mut file = std::fs::File::open(&path)?;
                file.seek(SeekFrom::Start(from))?;
                let mut bytes = Vec::new();
                file.take(most).read_to_end(&mut bytes)?;
                Ok(bytes)
            };
            match read() {
                Ok(bytes) => {
                    let state = self.state();
                    return Ok(state.bucket(bucket).map(|bucket| (bytes, bucket.facts(key, &row))));
                }
                Err(error) if error.kind() == ErrorKind::NotFound && !self.is_there(bucket, key, version, &row) => {}
                Err(source) => return Err(CloudError::Object { path, source }),
            }
        }
    }

    fn find(&self, bucket: &str, key: &str, version: Option<&str>) -> Option<Arc<ObjectRow>> {
        match self.state().bucket(bucket)?.find(key, version) {
            Found::Object(row) => Some(row),
            Found::Marker(_) | Found::Nothing => None,
        }
    }

    fn is_there(&self, bucket: &str, key: &str, version: Option<&str>, row: &Arc<ObjectRow>) -> bool {
        self.find(bucket, key, version).is_some_and(|now| now.blob == row.blob)
    }

    /// Puts an object.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where there is no such bucket; where the disk does not take it.
    pub async fn put(&self, bucket: &str, key: &str, bytes: Bytes, content_type: &str) -> Result<(), CloudError> {
        let stream = futures_util::stream::iter([Ok(bytes)]);
        let hasher = checksums::default_hasher();
        let written = self.blobs.write(self.id(), stream, hasher).await.map_err(|e| self.blobs.failed(e))?;
        self.keep_typed(bucket, key, written, content_type).await
    }

    /// Puts a file of this machine, which becomes the object's.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub async fn adopt(&self, bucket: &str, key: &str, file: &Path, content_type: &str) -> Result<(), CloudError> {
        let written = self.blobs.adopt(self.id(), file).await?;
        self.keep_typed(bucket, key, written, content_type).await
    }

    async fn keep_typed(
        &self,
        bucket: &str,
        key: &str,
        written: Written,
        content_type: &str,
    ) -> Result<(), CloudError> {
        let headers = object::Headers { content_type: Some(content_type.to_owned()), ..object::Headers::default() };
        let row = ObjectRow::new(written, headers, self.now());
        self.keep(bucket, key, row, Happened::Put, |_| Ok::<(), CloudError>(()))
            .await?
            .map(|_| ())
            .ok_or_else(|| CloudError::resource("bucket", bucket, "there is no such bucket"))
    }

    /// Gives an object's bytes a second name, under which they stay whatever becomes of the object; `false` where it is not
    /// there. The file must not be written to.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn pin(&self, bucket: &str, key: &str, file: &Path) -> Result<bool, CloudError> {
        loop {
            let Some(row) = self.find(bucket, key, None) else { return Ok(false) };
            let path = self.blobs.path(&row.blob)?;
            match tokio::fs::hard_link(&path, file).await {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound && !self.is_there(bucket, key, None, &row) => {}
                Err(source) => return Err(CloudError::Object { path: file.to_owned(), source }),
            }
        }
    }

    /// The objects of a bucket whose keys begin with `prefix`, in the order of their keys; none where there is no bucket.
    #[must_use]
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<ObjectFacts> {
        let state = self.state();
        let Some(bucket) = state.bucket(bucket) else { return Vec::new() };
        bucket.from(prefix).map(|(key, row)| bucket.facts(key, row)).collect()
    }

    /// Deletes an object where it is there; where its bucket keeps versions, it becomes an older one.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), CloudError> {
        self.remove(bucket, key, None).await.map(|_| ())
    }

    /// The same, or deletes a version for good.
    async fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Change, CloudError> {
        let (now, new) = (self.now(), self.version_id());
        let (mut change, told, written) = {
            let mut state = self.state();
            let mut change = match version {
                Some(version) => state.remove_version(bucket, key, version),
                None => state.remove(bucket, key, now, new),
            };
            let mut writes = std::mem::take(&mut change.writes);
            let mut told = Vec::new();
            // What was not there is not removed.
            if !writes.is_empty() {
                let happened = if change.marker && version.is_none() { Happened::Marked } else { Happened::Deleted };
                let (tellings, kept) = self.telling(&state, (bucket, key), happened, (change.version.as_deref(), None));
                told = tellings;
                writes.extend(kept);
            }
            (change, told, self.write(&state, writes))
        };
        self.outbox.tell_after(written, told).await?;
        self.discard(&mut change);
        Ok(change)
    }

    fn discard(&self, change: &mut Change) {
        self.blobs.discard(std::mem::take(&mut change.gone).iter().map(String::as_str));
    }

    /// Makes an object known, if `check` lets the one that it replaces go; `None` where there is no such bucket. What it gives
    /// has the version that was made.
    async fn keep<E: From<CloudError>>(
        &self,
        bucket: &str,
        key: &str,
        row: ObjectRow,
        happened: Happened,
        check: impl FnOnce(Option<&ObjectRow>) -> Result<(), E>,
    ) -> Result<Option<Change>, E> {
        let (blob, new) = (row.blob.clone(), self.version_id());
        let decided = {
            let mut state = self.state();
            let there = state.object(bucket, key);
            match check(there.as_deref()) {
                Ok(()) => Ok(state.insert(bucket, key, row, new).map(|mut change| {
                    let mut writes = std::mem::take(&mut change.writes);
                    let row = state.object(bucket, key);
                    let of = (change.version.as_deref(), row.as_deref());
                    let (told, kept) = self.telling(&state, (bucket, key), happened, of);
                    writes.extend(kept);
                    (change, told, self.write(&state, writes))
                })),
                Err(error) => Err(error),
            }
        };
        match decided {
            Ok(Some((mut change, told, written))) => {
                self.outbox.tell_after(written, told).await.map_err(E::from)?;
                self.discard(&mut change);
                Ok(Some(change))
            }
            Ok(None) => {
                self.blobs.discard([blob.as_str()]);
                Ok(None)
            }
            Err(error) => {
                self.blobs.discard([blob.as_str()]);
                Err(error)
            }
        }
    }

    /// Empties all state.
    pub(crate) async fn clear(&self) -> Result<(), CloudError> {
        let (blobs, written) = {
            let mut state = self.state();
            let (blobs, mut writes) = state.clear();
            writes.extend(self.outbox.clear());
            (blobs, self.write(&state, writes))
        };
        written.await?;
        self.blobs.discard(blobs.iter().map(String::as_str));
        Ok(())
    }

    /// Where the bytes of objects are; `None` where no folder was given.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        self.blobs.folder()
    }
}
