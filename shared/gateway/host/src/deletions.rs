//! Deletions that hurry for nobody: of rows that say what is left to be done, once it is done. A kill that comes before them has it
//! done twice. Under load they ride on writes that come anyway, and cost no commit of their own.

use drydock_core::{Scope, Write};
use drydock_store::Store;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a deletion waits for a write to ride on.
const PATIENCE: Duration = Duration::from_millis(100);

/// Deletions of rows of one table that are to be written.
#[derive(Debug)]
pub struct Deletions {
    store: Store,
    scope: Scope,
    table: &'static str,
    keys: Mutex<Vec<String>>,
    some: Notify,
}

impl Deletions {
    /// None yet, of rows of a table.
    #[must_use]
    pub fn new(store: &Store, scope: &Scope, table: &'static str) -> Self {
        Self { store: store.clone(), scope: scope.clone(), table, keys: Mutex::default(), some: Notify::new() }
    }

    /// A row is to go.
    pub fn add(&self, key: String) {
        self.keys().push(key);
        self.some.notify_one();
    }

    /// Adds the deletions that are due to some writes.
    pub fn ride(&self, writes: &mut Vec<Write>) {
        let keys = std::mem::take(&mut *self.keys());
        writes.extend(keys.into_iter().map(|key| Write::delete(self.table, key)));
    }

    /// Writes down deletions that found nothing to ride on, for ever.
    pub async fn keep_writing(&self) {
        loop {
            self.some.notified().await;
            tokio::time::sleep(PATIENCE).await;
            self.write();
        }
    }

    /// Writes down what is due now. Nobody waits for it.
    pub fn write(&self) {
        let mut writes = Vec::new();
        self.ride(&mut writes);
        drop(self.store.submit(&self.scope, writes));
    }

    fn keys(&self) -> MutexGuard<'_, Vec<String>> {
        // A list of keys is whole after every step.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
