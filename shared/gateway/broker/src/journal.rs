//! The port to durable storage, for retained messages and persistent sessions.

use drydock_core::Write;
use std::future::Future;
use std::pin::Pin;

/// A write that could not be made durable.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the broker's state could not be made durable: {0}")]
pub struct JournalError(pub String);

/// Resolves when writes are durable.
pub type Commit = Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>>;

/// Makes rows durable.
pub trait Journal: Send + Sync + 'static {
    /// Takes writes in order. They count from this call on, whether or not the future is awaited; the future resolves when
    /// they are on disk, so that an acknowledgement can wait for it. Many calls may share one commit.
    fn write(&self, writes: Vec<Write>) -> Commit;
}
