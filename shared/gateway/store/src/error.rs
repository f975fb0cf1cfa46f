//! What can go wrong with durable state.

use drydock_core::{ApiError, CorruptRow, ErrorCode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error of the store. Cheap to clone: one failed group of writes is told to everybody who waits for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be made or its lock file not be opened.
    #[error("the data directory `{path}` cannot be used: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// Another process works on the directory.
    #[error(
        "the data directory `{path}` is in use by another process{holder}: stop that one, or choose another directory"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (process 123)` where it is known, else empty.
        holder: String,
    },
    /// The file is not one of ours.
    #[error("`{path}` is not a Drydock state file: choose another data directory")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error("`{path}` has format {found}, and this version knows formats up to {known}: use the version that wrote it")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The latest format that is known here.
        known: u32,
    },
    /// No room is left.
    #[error("`{path}` cannot grow: the disk or the configured limit is full; free some room and try again")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    #[error("{attempt} `{path}` failed: {source}")]
    Sqlite {
        /// What was attempted, for example `committing to`.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// An earlier write of the same owner failed, so that this one, which was decided on top of it, does not count either.
    #[error("an earlier change was not saved, so this one was dropped with it: try again")]
    Superseded,
    /// A row does not read back.
    #[error("{0}")]
    Corrupt(Arc<CorruptRow>),
    /// The writer is gone: the store is closing.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn sqlite(attempt: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let full = source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        let foreign = source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase);
        let path = path.to_path_buf();
        if full {
            Self::Full { path }
        } else if foreign {
            Self::Foreign { path }
        } else {
            Self::Sqlite { attempt, path, source: Arc::new(source) }
        }
    }
}

impl From<CorruptRow> for StoreError {
    fn from(row: CorruptRow) -> Self {
        Self::Corrupt(Arc::new(row))
    }
}

impl From<StoreError> for ApiError {
    /// An `InternalFailureException`: the request was fine, saving its outcome was not possible.
    fn from(error: StoreError) -> Self {
        Self::new(ErrorCode::InternalFailureException, error.to_string())
    }
}
