//! Asynchronous events that were accepted and are not done with. Such an event is durable.

use crate::context::{Context, lock};
use crate::error::CloudError;
use crate::journal::Rows;
use drydock_core::{Timestamp, Write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Mutex;

pub(super) const EVENTS: &str = "lambda_event";

/// An event as the journal holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) function: String,
    pub(super) payload: String,
    pub(super) accepted: Timestamp,
    /// Attempts that ended in a function error.
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
}

/// The events that were read back after a restart and wait for the functions to be registered, and the ids of all that are
/// on their way.
pub(crate) struct Events {
    pub(super) loaded: Mutex<Vec<Event>>,
    pub(super) pending: Mutex<BTreeSet<String>>,
}

impl Events {
    pub(crate) fn open(rows: &Rows) -> Result<Self, CloudError> {
        let loaded: Vec<Event> = rows.table::<Event>(EVENTS)?.into_iter().map(|(_, event)| event).collect();
        let pending = loaded.iter().map(|event| event.id.clone()).collect();
        Ok(Self { loaded: Mutex::new(loaded), pending: Mutex::new(pending) })
    }

    /// How many events are accepted and not yet done with.
    pub(crate) fn pending(&self) -> usize {
        lock(&self.pending).len()
    }

    pub(crate) async fn clear(&self, context: &Context) -> Result<(), CloudError> {
        lock(&self.loaded).clear();
        let ids = std::mem::take(&mut *lock(&self.pending));
        context.journal.commit(ids.into_iter().map(|id| Write::delete(EVENTS, id)).collect()).await
    }
}
