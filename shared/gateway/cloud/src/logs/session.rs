//! A session of "StartLiveTail": which events it shows, and those that wait to be sent.

use super::outflow::New;
use super::state::Event;
use crate::context::lock;
use crate::wire::event_stream::event;
use bytes::Bytes;
use drydock_log_search::pattern::Pattern;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, Weak};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// The most events of an update: of more than that a sample is sent.
const SAMPLE: usize = 500;
/// How many events wait for a caller who does not read.
const WAITING: usize = 5000;

/// A session.
pub(super) struct Tail {
    /// The groups, with what the caller called each.
    pub(super) groups: Vec<(String, String)>,
    /// The streams that it shows, and how names of those begin; all where there are none.
    pub(super) names: Vec<String>,
    pub(super) prefixes: Vec<String>,
    pub(super) pattern: Pattern,
    pub(super) waiting: Mutex<Waiting>,
}

/// What is still to be sent.
#[derive(Default)]
pub(super) struct Waiting {
    events: VecDeque<Value>,
    /// Whether some have gone since the last update.
    lost: bool,
}

/// The sessions that go on.
pub(super) type Tails = Mutex<Vec<Weak<Tail>>>;

impl Tail {
    /// Takes in what is new, as far as it is asked for.
    pub(super) fn hear(&self, new: &New) {
        let Some((_, identifier)) = self.groups.iter().find(|(name, _)| *name == new.group) else { return };
        let any = self.names.is_empty() && self.prefixes.is_empty();
        let named = self.names.contains(&new.stream);
        if !any && !named && !self.prefixes.iter().any(|prefix| new.stream.starts_with(prefix)) {
            return;
        }
        let found = new.events.iter().filter(|event| self.pattern.matches(&event.message));
        let shown: Vec<Value> = found.map(|event| shown(event, identifier, &new.stream)).collect();
        let mut waiting = lock(&self.waiting);
        waiting.events.extend(shown);
        while waiting.events.len() > WAITING {
            waiting.events.pop_front();
            waiting.lost = true;
        }
    }

    /// Sends the update that is due, where the caller has read enough: otherwise what is in it stays for a later one. Whether somebody
    /// listens still.
    pub(super) fn send(&self, pieces: &Sender<Bytes>) -> bool {
        let mut waiting = lock(&self.waiting);
        // Evenly over the second.
        let step = waiting.events.len().div_ceil(SAMPLE).max(1);
        let results: Vec<&Value> = waiting.events.iter().step_by(step).collect();
        let sampled = waiting.lost || step > 1;
        let update = json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": results });
        match pieces.try_send(event("sessionUpdate", &update)) {
            Ok(()) => {
                *waiting = Waiting::default();
                true
            }
            Err(TrySendError::Full(_)) => true,
            Err(TrySendError::Closed(_)) => false,
        }
    }
}

fn shown(event: &Event, group: &str, stream: &str) -> Value {
    json!({
        "logGroupIdentifier": group, "logStreamName": stream, "message": &*event.message,
        "timestamp": event.at, "ingestionTime": event.ingested,
    })
}
