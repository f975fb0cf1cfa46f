//! What is counted since the start.

use crate::dropped::DropReason;
use crate::happening::Counts;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What is counted since the start.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) received: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    /// When a retained message may be over, in milliseconds.
    pub(crate) retained_due: AtomicI64,
    pub(crate) counts: Counts,
    pub(crate) dropped: AtomicU64,
}

impl Counters {
    pub(crate) fn count_drop(&self, reason: DropReason) {
        self.counts.drop_for(reason);
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}
