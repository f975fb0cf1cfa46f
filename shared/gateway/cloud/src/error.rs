//! What can go wrong when the stand-ins are opened or wired up. What a caller of an AWS API sees are the errors of the
//! single services: [`SqsError`](crate::sqs::SqsError), [`SnsError`](crate::sns::SnsError),
//! [`LambdaError`](crate::lambda::LambdaError).

use std::path::PathBuf;

/// An error of opening, wiring or closing the stand-ins.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The data directory cannot be made or written.
    #[error("the data directory `{path}` cannot be used: {source}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The data directory belongs to a running process.
    #[error("the data directory `{path}` is in use by another process: stop it, or choose another directory")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The journal cannot be read or written.
    #[error("the journal `{path}` failed: {why}")]
    Journal {
        /// The file; `memory` where there is none.
        path: String,
        /// What SQLite said.
        why: String,
    },
    /// An object is larger than whoever asks takes.
    #[error("`{key}` has {size} bytes, at most {most} are taken")]
    TooLarge {
        /// Its key.
        key: String,
        /// How large it is, in bytes.
        size: u64,
        /// How large it may be.
        most: u64,
    },
    /// A row of the journal is not of the form that this version writes.
    #[error(transparent)]
    Corrupt(#[from] drydock_core::CorruptRow),
    /// The bytes of an object of S3 cannot be read or written.
    #[error("the object's file `{path}` failed: {source}")]
    Object {
        /// The file, or the folder of the files.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// DynamoDB's engine failed.
    #[error("DynamoDB: {0}")]
    DynamoDb(String),
    /// A resource cannot be made as asked.
    #[error("{kind} `{name}`: {why}")]
    Resource {
        /// What it is, for example `queue`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The stand-ins have been shut down.
    #[error("the gateway is shutting down")]
    Closed,
}

impl CloudError {
    pub(crate) fn resource(kind: &'static str, name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Resource { kind, name: name.into(), why: why.into() }
    }
}
