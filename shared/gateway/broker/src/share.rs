//! Groups of shared subscriptions: each message goes to one member.
//!
//! Follows "Shared subscriptions" of the developer guide: a group is a share name with a filter; a connected member is
//! chosen at random; where none is connected, or all that are get as much as they may, and one has a persistent session,
//! messages of QoS 1 wait for the group.

use crate::message::{Message, Qos};
use crate::subscription::SubOptions;
use drydock_core::Timestamp;
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who may be a member of a group.
pub(crate) trait Member {
    /// Never used twice while the process lives.
    fn id(&self) -> u64;
    /// Whose it is.
    fn client_id(&self) -> &SmolStr;
    /// Whether a connection owns it.
    fn is_online(&self) -> bool;
    /// Whether its connection is over its rate, so that another member had better get a message.
    fn is_throttled(&self, now: Timestamp) -> bool;
    /// Whether it outlives its connection.
    fn is_persistent(&self) -> bool;
}

/// A group.
#[derive(Debug)]
pub(crate) struct Group<M> {
    /// `$share/<name>/<filter>`.
    pub(crate) key: SmolStr,
    state: Mutex<State<M>>,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct State<M> {
    members: Vec<(Arc<M>, SubOptions)>,
    queue: VecDeque<Waiting>,
    next_seq: u64,
}

/// A message that waits for the group.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) message: Arc<Message>,
    /// Its row in the journal.
    pub(crate) seq: u64,
}

/// What a group does with a message.
pub(crate) enum Choice<M> {
    /// This member gets it.
    Member(Arc<M>, SubOptions),
    /// It waits; the number is its row in the journal. A member that is connected is to fetch it when it may.
    Queued(u64, Option<Arc<M>>),
    /// The queue is full.
    Full,
    /// Nobody wants it.
    Nobody,
}

impl<M: Member> Group<M> {
    pub(crate) fn new(key: SmolStr) -> Self {
        let state = State { members: Vec::new(), queue: VecDeque::new(), next_seq: 0 };
        Self { key, state: Mutex::new(state), waiting: AtomicUsize::new(0) }
    }

    /// Adds a member or changes its options. `false` where the group holds as many as it may.
    pub(crate) fn join(&self, session: &Arc<M>, options: SubOptions, most: usize) -> bool {
        let mut state = self.state.lock();
        if let Some(known) = state.members.iter_mut().find(|(s, _)| s.id() == session.id()) {
            known.1 = options;
            return true;
        }
        if state.members.len() >= most {
            return false;
        }
        state.members.push((Arc::clone(session), options));
        true
    }

    /// Removes a member; the rows of the queue where it was the last, so that they can be deleted.
    pub(crate) fn leave(&self, session: u64) -> Option<Vec<u64>> {
        let mut state = self.state.lock();
        state.members.retain(|(s, _)| s.id() != session);
        state.members.is_empty().then(|| {
            self.waiting.store(0, Ordering::Relaxed);
            state.queue.drain(..).map(|w| w.seq).collect()
        })
    }

    /// Chooses who gets a message.
    pub(crate) fn choose(&self, message: &Arc<Message>, random: u64, most: usize, now: Timestamp) -> Choice<M> {
        let mut state = self.state.lock();
        let count = state.members.len();
        if count == 0 {
            return Choice::Nobody;
        }
        let start = usize::try_from(random % count as u64).unwrap_or(0);
        let mut busy = None;
        for (session, options) in state.members.iter().cycle().skip(start).take(count) {
            if !session.is_online() {
                continue;
            }
            if !session.is_throttled(now) {
                return Choice::Member(Arc::clone(session), *options);
            }
            busy = busy.or(Some((session, *options)));
        }
        if message.qos == Qos::AtMostOnce
            || !state.members.iter().any(|(s, o)| s.is_persistent() && o.qos != Qos::AtMostOnce)
        {
            return busy.map_or(Choice::Nobody, |(session, options)| Choice::Member(Arc::clone(session), options));
        }
        let busy = busy.map(|(session, _)| Arc::clone(session));
        if state.queue.len() >= most {
            return Choice::Full;
        }
        state.next_seq += 1;
        let seq = state.next_seq;
        state.queue.push_back(Waiting { message: Arc::clone(message), seq });
        self.waiting.store(state.queue.len(), Ordering::Relaxed);
        Choice::Queued(seq, busy)
    }

    /// Puts a message back that was waiting when the broker stopped.
    pub(crate) fn restore(&self, waiting: Waiting) {
        let mut state = self.state.lock();
        state.next_seq = state.next_seq.max(waiting.seq);
        state.queue.push_back(waiting);
        self.waiting.store(state.queue.len(), Ordering::Relaxed);
    }

    /// Whether messages wait.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// The next message that waits and has not expired, and the rows of those that have.
    pub(crate) fn next(&self, now: Timestamp) -> (Option<Waiting>, Vec<u64>) {
        let mut state = self.state.lock();
        let mut expired = Vec::new();
        let mut next = None;
        while let Some(waiting) = state.queue.pop_front() {
            if waiting.message.is_expired(now) {
                expired.push(waiting.seq);
            } else {
                next = Some(waiting);
                break;
            }
        }
        self.waiting.store(state.queue.len(), Ordering::Relaxed);
        (next, expired)
    }
}

/// Whether a share name is one.
pub(crate) fn is_name(name: &str, most_chars: usize) -> bool {
    !name.is_empty() && !name.contains(['+', '#']) && name.chars().count() <= most_chars
}
