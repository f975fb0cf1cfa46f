//! What a step of the broker leaves to be done once no lock is held: rows to make durable, drops to report.

use crate::delivery::Delivery;
use crate::dropped::DropReason;
use crate::happening::Watch;
use crate::rows;
use crate::share::Member;
use drydock_core::Write;
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

/// What begins once its row has been given to the journal.
pub(crate) struct Then(pub(crate) Box<dyn FnOnce() + Send>);

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}

/// Rows to write and messages that were dropped; `M` is what messages wait for.
#[derive(Debug)]
pub(crate) struct Effects<M> {
    journaled: bool,
    pub(crate) writes: Vec<Write>,
    /// Deletions, which no acknowledgement has to wait for.
    pub(crate) deletes: Vec<Write>,
    /// What the [`Tap`](crate::Tap) begins when the writes have been handed over.
    pub(crate) then: Vec<Then>,
    pub(crate) dropped: Vec<(SmolStr, SmolStr, DropReason)>,
    /// Rows of messages that wait for a session, among the writes: a session that ends before they are written does not find
    /// them.
    pub(crate) queued: Vec<(Arc<M>, u64)>,
    /// How many messages wait for a client to come back.
    pub(crate) stored: u64,
    /// Which, where somebody wants to know: client id and topic.
    pub(crate) waiting: Vec<(SmolStr, SmolStr)>,
    watch: Watch,
}

impl<M: Member> Effects<M> {
    pub(crate) fn new(journaled: bool, watch: Watch) -> Self {
        let (writes, deletes, then, dropped, queued, waiting) = Default::default();
        Self { journaled, writes, deletes, then, dropped, queued, stored: 0, waiting, watch }
    }

    /// Notes a message that waits for a client to come back.
    pub(crate) fn stored(&mut self, client_id: &SmolStr, topic: &SmolStr) {
        self.stored += 1;
        if self.watch.is_on() {
            self.waiting.push((client_id.clone(), topic.clone()));
        }
    }

    /// Whether there is a journal to write to.
    pub(crate) fn is_journaled(&self) -> bool {
        self.journaled
    }

    /// Adds a row to write.
    pub(crate) fn write(&mut self, write: Write) {
        if self.journaled {
            if write.value.is_some() { self.writes.push(write) } else { self.deletes.push(write) }
        }
    }

    /// Makes what was deleted so far something that an acknowledgement waits for.
    pub(crate) fn wait_for_deletes(&mut self) {
        self.writes.append(&mut self.deletes);
    }

    /// Adds the row of a message that waits for a session.
    pub(crate) fn queue(&mut self, session: &Arc<M>, delivery: &Delivery<M>) {
        if self.journaled {
            self.writes.push(rows::put_queued(session.client_id(), delivery));
            self.queued.push((Arc::clone(session), delivery.seq));
        }
    }

    /// Deletes the row of a message that waited for a session, if it has one.
    pub(crate) fn unqueue(&mut self, client_id: &str, seq: u64) {
        if seq != 0 {
            self.write(rows::delete_queued(client_id, seq));
        }
    }

    /// Notes a drop.
    pub(crate) fn dropped(&mut self, client_id: &SmolStr, topic: &SmolStr, reason: DropReason) {
        self.dropped.push((client_id.clone(), topic.clone(), reason));
    }
}
