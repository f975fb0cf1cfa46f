//! S3: buckets and objects, as far as bulk registration, rule actions and the tools around them need.
//!
//! The wire is the `s3s` crate's, which is generated from the service model; what is kept is ours:
//!
//! - `state`: buckets, objects and unfinished uploads in memory, their rows in the journal.
//! - `blob`: the bytes of objects, a file each.
//! - [`payload`]: request bodies as clients frame and hash them.
//! - `checksums`: what clients state of the bytes they send.
//! - `operations`: the operations; `buckets`, `objects`, `listing` and `multipart` have their work.
//! - `host`: buckets named by the host.
//!
//! An object is there as a whole or not at all: its file is on disk before its row, and the row makes it known. Follows the
//! Amazon S3 API reference.

mod blob;
mod buckets;
mod checksums;
mod host;
mod listing;
mod multipart;
mod objects;
mod operations;
pub mod payload;
mod state;

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use blob::{Blobs, Written};
use bytes::Bytes;
use drydock_core::{Timestamp, Write};
use http::{HeaderName, HeaderValue, Request, Response};
use payload::Payload;
use s3s::service::{S3Service, S3ServiceBuilder};
use state::{ObjectRow, State};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

pub use host::is_for_s3;
pub use s3s::{Body, S3ErrorCode};

/// S3.
pub struct S3 {
    context: Arc<Context>,
    blobs: Blobs,
    state: Mutex<State>,
}

/// S3 with its wire in front.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) s3: Arc<S3>,
    service: S3Service,
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// When it was put there.
    pub modified: Timestamp,
}

impl Door {
    pub(crate) fn open(context: Arc<Context>, rows: &Rows) -> Result<Self, CloudError> {
        let s3 = Arc::new(S3::open(context, rows)?);
        let mut builder = S3ServiceBuilder::new(operations::Operations(Arc::clone(&s3)));
        builder.set_host(host::AnyHost);
        Ok(Self { s3, service: builder.build() })
    }

    /// Answers a request that has been let in.
    pub(crate) async fn handle(&self, request: Request<Payload>) -> Response<Body> {
        let request = payload::plain(request);
        let mut response = match self.service.call(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(?error, "an S3 request was not answered");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        if let Ok(id) = HeaderValue::from_str(&self.s3.context.uuid()) {
            response.headers_mut().insert(HeaderName::from_static("x-amz-request-id"), id);
        }
        response
    }
}

/// The answer to a request that is not let in.
#[must_use]
pub fn refusal(code: S3ErrorCode, status: u16, message: &str) -> Response<Body> {
    let mut error = s3s::S3Error::with_message(code, message.to_owned());
    if let Ok(status) = http::StatusCode::from_u16(status) {
        error.set_status_code(status);
    }
    // Only text is written: that does not fail.
    error.to_http_response().unwrap_or_default()
}

impl S3 {
    fn open(context: Arc<Context>, rows: &Rows) -> Result<Self, CloudError> {
        let state = State::load(rows)?;
        let folder = context.config.data_dir.as_ref().or(context.config.scratch.as_ref()).map(|dir| dir.join("s3"));
        let blobs = Blobs::open(folder, context.config.data_dir.is_some(), &state.blobs())?;
        Ok(Self { context, blobs, state: Mutex::new(state) })
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

    /// What is known of an object; `None` where it, or its bucket, is not there.
    #[must_use]
    pub fn head(&self, bucket: &str, key: &str) -> Option<ObjectFacts> {
        self.state().object(bucket, key).map(|row| row.facts(key))
    }

    /// Whether there is such a bucket.
    #[must_use]
    pub fn has_bucket(&self, bucket: &str) -> bool {
        self.state().bucket(bucket).is_some()
    }

    /// The bytes of an object; `None` where it is not there.
    ///
    /// # Errors
    /// Where the disk does not give them.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, CloudError> {
        loop {
            let Some(row) = self.find(bucket, key) else { return Ok(None) };
            let path = self.blobs.path(&row.blob)?;
            match tokio::fs::read(&path).await {
                Ok(bytes) => return Ok(Some(bytes.into())),
                // It was deleted or put anew in between.
                Err(error) if error.kind() == ErrorKind::NotFound && !self.is_current(bucket, key, &row) => {}
                Err(source) => return Err(CloudError::Object { path, source }),
            }
        }
    }

    fn find(&self, bucket: &str, key: &str) -> Option<Arc<ObjectRow>> {
        self.state().object(bucket, key)
    }

    fn is_current(&self, bucket: &str, key: &str, row: &Arc<ObjectRow>) -> bool {
        self.state().object(bucket, key).is_some_and(|now| now.blob == row.blob)
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
        let headers = state::Headers { content_type: Some(content_type.to_owned()), ..state::Headers::default() };
        self.keep(bucket, key, ObjectRow::new(written, headers, self.now()), |_| Ok::<(), CloudError>(()))
            .await?
            .ok_or_else(|| CloudError::resource("bucket", bucket, "there is no such bucket"))
    }

    /// Gives an object's bytes a second name, under which they stay whatever becomes of the object; `false` where it is not
    /// there. The file must not be written to.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn pin(&self, bucket: &str, key: &str, file: &Path) -> Result<bool, CloudError> {
        loop {
            let Some(row) = self.find(bucket, key) else { return Ok(false) };
            let path = self.blobs.path(&row.blob)?;
            match tokio::fs::hard_link(&path, file).await {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound && !self.is_current(bucket, key, &row) => {}
                Err(source) => return Err(CloudError::Object { path: file.to_owned(), source }),
            }
        }
    }

    /// The objects of a bucket whose keys begin with `prefix`, in the order of their keys; none where there is no bucket.
    #[must_use]
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<ObjectFacts> {
        let state = self.state();
        let Some(bucket) = state.bucket(bucket) else { return Vec::new() };
        bucket.from(prefix).map(|(key, row)| row.facts(key)).collect()
    }

    /// Deletes an object where it is there.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), CloudError> {
        let (old, written) = {
            let mut state = self.state();
            let (old, writes) = state.remove(bucket, key);
            (old, self.write(&state, writes))
        };
        written.await?;
        self.blobs.discard(old.iter().map(|row| row.blob.as_str()));
        Ok(())
    }

    /// Makes an object known, if `check` lets the one that it replaces go; `None` where there is no such bucket.
    async fn keep<E: From<CloudError>>(
        &self,
        bucket: &str,
        key: &str,
        row: ObjectRow,
        check: impl FnOnce(Option<&ObjectRow>) -> Result<(), E>,
    ) -> Result<Option<()>, E> {
        let blob = row.blob.clone();
        let decided = {
            let mut state = self.state();
            let there = state.object(bucket, key);
            match check(there.as_deref()) {
                Ok(()) => Ok(state.insert(bucket, key, row).map(|(old, writes)| (old, self.write(&state, writes)))),
                Err(error) => Err(error),
            }
        };
        match decided {
            Ok(Some((old, written))) => {
                written.await.map_err(E::from)?;
                self.blobs.discard(old.iter().map(|row| row.blob.as_str()));
                Ok(Some(()))
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
            let (blobs, writes) = state.clear();
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
