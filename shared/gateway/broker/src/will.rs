//! Wills.

use crate::message::Message;

/// A will that waits for the end of its connection.
#[derive(Debug, Clone)]
pub(crate) struct PendingWill {
    pub(crate) message: Message,
    /// Counts from the disconnect.
    pub(crate) expiry_seconds: Option<u64>,
}
