//! What the parts of a broker share.

use crate::account::Account;
use crate::counters::Counters;
use crate::dropped::{DropReason, Dropped};
use crate::effects::Then;
use crate::gate::Gate;
use crate::happening::{Count, Happening, Watch, Who};
use crate::index::Index;
use crate::journal::{Commit, Journal};
use crate::limits::Limits;
use crate::message::Protocol;
use crate::retained::Retention;
use crate::rows;
use crate::session::{Effects, Group};
use crate::slots::{Ending, Link, Slots};
use crate::tap::Tap;
use crate::usage::Meter;
use crate::will::PendingWill;
use drydock_core::event::ClientIdentity;
use drydock_core::{Ids, Timestamp};
use drydock_timers::{Reminder, Timers};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

pub(crate) struct Inner {
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    /// For when a session ends, or a client's record.
    pub(crate) ends: Reminder,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) tap: Arc<dyn Tap>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) watch: Watch,
    pub(crate) meter: Meter,
    pub(crate) index: Index,
    pub(crate) groups: Mutex<HashMap<SmolStr, Arc<Group>>>,
    pub(crate) retained: Retention,
    pub(crate) slots: Mutex<Slots>,
    pub(crate) account: Account,
    pub(crate) counters: Counters,
    /// Connections that an earlier run had when it was killed.
    pub(crate) cut_short: Mutex<Vec<CutShort>>,
    pub(super) next_id: AtomicU64,
    pub(super) random: AtomicU64,
    pub(super) closing: AtomicBool,
    /// Told when `closing` is set.
    pub(super) closes: Notify,
    /// How often everything was forgotten.
    pub(crate) clears: AtomicU64,
    /// Told whenever a connection's stream has been closed.
    pub(super) closed: Notify,
    pub(super) open: AtomicU64,
}

/// A connection that ended with the process that had it.
#[derive(Debug)]
pub(crate) struct CutShort {
    pub(super) client: Arc<ClientIdentity>,
    pub(super) version: u64,
    pub(super) protocol: Protocol,
    pub(super) will: Option<PendingWill>,
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        self.timers.now()
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// A number to choose a member of a group by; not for secrets.
    pub(crate) fn random(&self) -> u64 {
        let mut x = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Waits until no new connection is taken any more.
    pub(crate) async fn closes(&self) {
        let closes = self.closes.notified();
        tokio::pin!(closes);
        // Before the flag is read: it may be set in between.
        closes.as_mut().enable();
        if !self.is_closing() {
            closes.await;
        }
    }

    pub(crate) fn effects(&self) -> Effects {
        Effects::new(self.journal.is_some(), self.watch.clone())
    }

    /// Reports drops and hands rows to the journal. The future, where there is one, is for acknowledgements to wait for.
    pub(crate) fn settle(&self, effects: &mut Effects) -> Option<Commit> {
        for (client_id, topic, reason) in effects.dropped.drain(..) {
            self.report_drop(&client_id, &topic, reason, reason == DropReason::RetainedQuota);
        }
        if effects.stored > 0 {
            self.counters.counts.add(Count::QueuedSuccess, std::mem::take(&mut effects.stored));
            for (client_id, topic) in effects.waiting.drain(..) {
                let who = Who { client_id: &client_id, principal: "", remote: None };
                self.tap.happened(who, Happening::Queued(&topic));
            }
        }
        let journal = self.journal.as_ref()?;
        let must_wait = !effects.writes.is_empty();
        let mut writes = std::mem::take(&mut effects.writes);
        writes.append(&mut effects.deletes);
        if writes.is_empty() {
            return None;
        }
        let commit = journal.write(writes);
        for Then(begin) in std::mem::take(&mut effects.then) {
            begin();
        }
        // A session that ended in the meantime has deleted its rows before these were there.
        let orphans = effects.queued.drain(..).filter(|(session, _)| session.has_ended());
        let orphans: Vec<_> = orphans.map(|(session, seq)| rows::delete_queued(&session.client_id, seq)).collect();
        if !orphans.is_empty() {
            drop(journal.write(orphans));
        }
        must_wait.then_some(commit)
    }

    pub(crate) fn report_drop(&self, client_id: &str, topic: &str, reason: DropReason, inbound: bool) {
        self.counters.count_drop(reason);
        self.tap.dropped(&Dropped { client_id, topic, reason, inbound });
    }

    pub(crate) fn count(&self, count: Count) {
        self.counters.counts.add(count, 1);
    }

    /// Tells what happens on a connection, where somebody wants to know.
    pub(crate) fn happened(&self, link: &Link, what: Happening<'_>) {
        if self.watch.is_on() {
            let ClientIdentity { client_id, principal, .. } = &*link.identity;
            self.tap.happened(Who { client_id, principal, remote: Some(link.peer.remote) }, what);
        }
    }

    pub(crate) fn link(&self, client_id: &str) -> Option<Arc<Link>> {
        self.slots.lock().by_client.get(client_id)?.live.clone()
    }

    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        self.slots.lock().by_client.values().filter_map(|s| s.live.clone()).collect()
    }

    /// Ends a connection from outside its task.
    pub(crate) fn cut(&self, link: &Arc<Link>, ending: Ending, code: u8) {
        self.finish(link, ending);
        link.kick(code);
    }
}
