//! What an event of a log group is.

/// An event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) id: String,
    pub(super) group: String,
    pub(super) stream: String,
    pub(super) message: String,
}
