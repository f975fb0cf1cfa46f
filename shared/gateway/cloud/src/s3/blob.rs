//! The bytes of objects: a file each, named by chance, written once and never changed.

use super::checksums::{Hasher, Sums};
use crate::error::CloudError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use s3s::StdError;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How much is read of a file at once, in bytes.
pub(super) const PIECE: usize = 64 * 1024;

/// The folder of the files.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: Option<PathBuf>,
    /// Whether what is written has to be on disk before it counts.
    durable: bool,
}

/// A file that was written, and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) blob: String,
    pub(super) size: u64,
    /// In hexadecimal.
    pub(super) md5: String,
    pub(super) sums: Sums,
}

/// Why an object was not written.
#[derive(Debug)]
pub(super) enum NotWritten {
    /// The sender's stream broke off, or was not as it was announced.
    Sender(StdError),
    /// The disk did not take it.
    Disk(io::Error),
}

/// A file that goes again unless it is kept.
struct Unfinished {
    path: PathBuf,
    kept: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            remove(&self.path);
        }
    }
}

impl Blobs {
    /// Opens the folder, and deletes the files that no row names: those of a write that a kill cut short.
    pub(super) fn open(folder: Option<PathBuf>, durable: bool, known: &HashSet<String>) -> Result<Self, CloudError> {
        if let Some(path) = &folder {
            let failed = |source| CloudError::DataDir { path: path.clone(), source };
            std::fs::create_dir_all(path).map_err(failed)?;
            for entry in std::fs::read_dir(path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                let left = name.to_str().is_some_and(|name| is_blob(name) && !known.contains(name));
                if left && entry.file_type().map_err(failed)?.is_file() {
                    remove(&entry.path());
                }
            }
        }
        Ok(Self { folder, durable })
    }

    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.folder.clone()
    }

    /// Where a file is.
    pub(super) fn path(&self, blob: &str) -> Result<PathBuf, CloudError> {
        let folder = self.folder.as_ref();
        folder
            .map(|folder| folder.join(blob))
            .ok_or_else(|| CloudError::resource("object", blob, "no folder for objects was given"))
    }

    /// Writes a stream to a new file.
    pub(super) async fn write<S>(&self, blob: String, stream: S, mut hasher: Hasher) -> Result<Written, NotWritten>
    where
        S: Stream<Item = Result<Bytes, StdError>> + Send,
    {
        let path = self.path(&blob).map_err(|error| NotWritten::Disk(io::Error::other(error.to_string())))?;
        let mut unfinished = Unfinished { path: path.clone(), kept: false };
        let file = tokio::fs::File::create_new(&path).await.map_err(NotWritten::Disk)?;
        let mut file = tokio::io::BufWriter::with_capacity(4 * PIECE, file);
        let mut size = 0;
        let mut stream = std::pin::pin!(stream);
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(NotWritten::Sender)?;
            hasher.update(&piece);
            size += piece.len() as u64;
            file.write_all(&piece).await.map_err(NotWritten::Disk)?;
        }
        file.flush().await.map_err(NotWritten::Disk)?;
        if self.durable {
            file.get_ref().sync_all().await.map_err(NotWritten::Disk)?;
            self.sync_folder().await.map_err(NotWritten::Disk)?;
        }
        let (md5, sums) = hasher.finish();
        unfinished.kept = true;
        Ok(Written { blob, size, md5, sums })
    }

    /// Takes a file of the same disk over.
    pub(super) async fn adopt(&self, blob: String, file: &Path) -> Result<Written, CloudError> {
        let failed = |source| CloudError::Object { path: file.to_owned(), source };
        let mut hasher = super::checksums::default_hasher();
        let mut opened = tokio::fs::File::open(file).await.map_err(failed)?;
        let (mut piece, mut size) = (vec![0; PIECE], 0);
        loop {
            let read = opened.read(&mut piece).await.map_err(failed)?;
            let Some(part) = piece.get(..read).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
            size += read as u64;
        }
        tokio::fs::hard_link(file, self.path(&blob)?).await.map_err(failed)?;
        if self.durable {
            opened.sync_all().await.map_err(failed)?;
            self.sync_folder().await.map_err(failed)?;
        }
        let (md5, sums) = hasher.finish();
        Ok(Written { blob, size, md5, sums })
    }

    /// Deletes files that nobody refers to any more; who reads one now reads on.
    pub(super) fn discard<'a>(&self, blobs: impl IntoIterator<Item = &'a str>) {
        for blob in blobs {
            if let Ok(path) = self.path(blob) {
                remove(&path);
            }
        }
    }

    pub(super) fn failed(&self, why: NotWritten) -> CloudError {
        let path = self.folder.clone().unwrap_or_default();
        let source = match why {
            NotWritten::Disk(source) => source,
            NotWritten::Sender(error) => io::Error::other(error),
        };
        CloudError::Object { path, source }
    }

    async fn sync_folder(&self) -> io::Result<()> {
        match &self.folder {
            Some(folder) => tokio::fs::File::open(folder).await?.sync_all().await,
            None => Ok(()),
        }
    }
}

/// Whether a file is called as an object's is: anything else in the folder is somebody else's.
fn is_blob(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "a file of an object stays");
        }
        _ => {}
    }
}
