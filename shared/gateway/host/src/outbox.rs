//! The outbox: what the account was promised to be told of a change is a row in the very transaction of the change, until it was
//! told. A kill in between tells it after the restart: at least once, under the same `eventId`.
//!
//! Promised is what `UpdateEventConfigurations` has switched on, and that a certificate has registered itself
//! ([`Rulebook::promises`](drydock_core::Rulebook::promises)). What happens on connections is no change, and is told at once or
//! not at all.

use crate::deletions::Deletions;
use crate::events;
use drydock_core::{CorruptRow, Event, Ids, Scope, Write};
use drydock_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What is still to be told, by number.
const TABLE: &str = "outbox";

/// What is still to be told.
#[derive(Debug)]
pub struct Outbox {
    scope: Scope,
    /// Of what was told; none where nothing outlives the process.
    told: Option<Deletions>,
    /// The number of the next letter.
    next: AtomicU64,
    /// What an earlier run has not told.
    left: Mutex<Vec<Letter>>,
}

/// What is told of an event, kept until it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    number: u64,
    row: Row,
}

/// The form on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    topic: String,
    payload: String,
}

impl Letter {
    /// The topic that it goes to.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.row.topic
    }

    /// The message.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.row.payload
    }
}

/// What was promised of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// Nothing.
    None,
    /// That it is told, by a gateway that keeps nothing, or of what changes nothing.
    Made,
    /// That it is told whatever happens to the process.
    Kept(Letter),
}

impl Outbox {
    /// Reads what an earlier run has not told.
    ///
    /// # Errors
    /// Where the store cannot be read, or a row does not read back.
    pub fn open(store: &Store, scope: &Scope) -> Result<Self, StoreError> {
        let mut left = Vec::new();
        store.load(scope, TABLE, |key, value| {
            let corrupt = |why: String| CorruptRow { table: TABLE.to_owned(), key: key.to_owned(), why };
            let number = u64::from_str_radix(key, 16).map_err(|error| corrupt(error.to_string()))?;
            let row = serde_json::from_str(value).map_err(|error| corrupt(error.to_string()))?;
            left.push(Letter { number, row });
            Ok::<_, StoreError>(())
        })?;
        let next = left.last().map_or(0, |last| last.number + 1);
        let told = store.is_durable().then(|| Deletions::new(store, scope, TABLE));
        Ok(Self { scope: scope.clone(), told, next: AtomicU64::new(next), left: Mutex::new(left) })
    }

    /// What an earlier run has not told, in order; once.
    #[must_use]
    pub fn take_left(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what is told of an event with the writes of its change, where it has any.
    pub(crate) fn keep(&self, ids: &dyn Ids, event: &Event, writes: Option<&mut Vec<Write>>) -> Promise {
        let (Some(told), Some(writes)) = (&self.told, writes) else { return Promise::Made };
        let message = events::message(&self.scope, &ids.uuid().to_string(), event);
        let Some((topic, payload)) = message else { return Promise::None };
        let letter = Letter { number: self.next.fetch_add(1, Ordering::Relaxed), row: Row { topic, payload } };
        // Two texts always have a JSON form.
        let row = serde_json::to_string(&letter.row).unwrap_or_default();
        writes.push(Write::put(TABLE, key(letter.number), row));
        told.ride(writes);
        Promise::Kept(letter)
    }

    /// A letter was told: its row goes. What its receivers keep of it has to be handed to the store before.
    pub fn told(&self, letter: &Letter) {
        if let Some(told) = &self.told {
            told.add(key(letter.number));
        }
    }

    /// Writes down what was told, for ever.
    pub async fn keep_writing(&self) {
        if let Some(told) = &self.told {
            told.keep_writing().await;
        }
    }

    /// Writes down what was told, before the store closes.
    pub fn close(&self) {
        if let Some(told) = &self.told {
            told.write();
        }
    }

    /// Forgets all that is still to be told, when the account on disk has become another.
    pub(crate) async fn clear(&self, store: &Store) -> Result<(), StoreError> {
        drop(self.take_left());
        store.clear(&self.scope, &[TABLE]).await
    }
}

fn key(number: u64) -> String {
    format!("{number:016x}")
}
