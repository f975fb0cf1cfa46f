//! The broker's durable state on the gateway's store.

use drydock_broker::{Broker, Commit, Config, Gate, Journal, JournalError, Limits, Tap, Watch};
use drydock_core::{Scope, Write};
use drydock_host::books::Books;
use drydock_services::rules::backlog::Backlog;
use drydock_store::{Store, StoreError};
use std::sync::Arc;

/// Writes the broker's rows to the store.
struct StoreJournal {
    store: Store,
    scope: Scope,
    backlog: Backlog,
}

impl Journal for StoreJournal {
    fn write(&self, mut writes: Vec<Write>) -> Commit {
        self.backlog.tidy(&mut writes);
        let commit = self.store.submit(&self.scope, writes);
        Box::pin(async move { commit.await.map_err(|error| JournalError(error.to_string())) })
    }
}

/// Opens the broker with the sessions and retained messages that the store has.
///
/// # Errors
/// Where the store cannot be read.
pub(crate) fn open_broker(
    books: &Books,
    (store, backlog): (&Store, &Backlog),
    (limits, watch): (Limits, Watch),
    gate: Arc<dyn Gate>,
    tap: Arc<dyn Tap>,
) -> Result<Broker, StoreError> {
    // A store that keeps nothing would have every row made and thrown away.
    let journal = || -> Arc<dyn Journal> {
        let (store, scope, backlog) = (store.clone(), books.scope.clone(), backlog.clone());
        Arc::new(StoreJournal { store, scope, backlog })
    };
    let config = Config { limits, journal: store.is_durable().then(journal), watch };
    let broker = Broker::new(config, books.time.clone(), Arc::clone(&books.ids), gate, tap);
    for table in Broker::TABLES {
        store.load(&books.scope, table, |key, value| broker.load(table, key, value).map_err(StoreError::from))?;
    }
    Ok(broker)
}
