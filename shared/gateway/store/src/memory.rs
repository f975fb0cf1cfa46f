//! The rows of a store without a directory: kept for those who ask for all of an account, and gone with the process. Only what
//! a [`Durable`](crate::Durable) rulebook writes is kept; the broker's sessions and queues are not worth their second copy.

use crate::writer::{Tell, Work};
use drydock_core::{Scope, Write};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Rows = BTreeMap<String, String>;

/// Every row, by scope and table.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tables: Mutex<BTreeMap<(Scope, String), Rows>>,
}

impl Memory {
    /// Does the work, and tells of it before anything else is done: so the calls come in the order of the changes.
    pub(crate) fn apply(&self, work: Work, tell: Option<Tell>) {
        let mut tables = self.lock();
        match work {
            Work::Rows(scope, writes) => put(&mut tables, &scope, writes),
            Work::Replace(scope, names, writes) => {
                for name in names {
                    tables.remove(&(scope.clone(), name.to_owned()));
                }
                put(&mut tables, &scope, writes);
            }
            Work::Wipe => tables.clear(),
        }
        if let Some(tell) = tell {
            tell();
        }
    }

    pub(crate) fn each<E>(
        &self,
        scope: &Scope,
        table: &str,
        row: &mut impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let tables = self.lock();
        let rows = tables.get(&(scope.clone(), table.to_owned()));
        rows.into_iter().flatten().try_for_each(|(key, value)| row(key, value))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Scope, String), Rows>> {
        // Each change is one row: a panic in between leaves rows that are whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(tables: &mut BTreeMap<(Scope, String), Rows>, scope: &Scope, writes: Vec<Write>) {
    for write in writes {
        let rows = tables.entry((scope.clone(), write.table.to_owned())).or_default();
        match write.value {
            Some(value) => rows.insert(write.key, value),
            None => rows.remove(&write.key),
        };
    }
}
