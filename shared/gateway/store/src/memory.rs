//! The rows of a store without a directory: kept for those who ask for all of an account, and gone with the process. Only what
//! a [`Held`](crate::Held) rulebook writes is kept; the broker's sessions and queues are not worth their second copy.

use crate::writer::Work;
use drydock_core::Scope;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Rows = BTreeMap<String, String>;

/// Every row, by scope and table.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tables: Mutex<BTreeMap<(Scope, String), Rows>>,
}

impl Memory {
    pub(crate) fn apply(&self, work: Work) {
        let mut tables = self.lock();
        match work {
            Work::Rows(scope, writes) => {
                for write in writes {
                    let rows = tables.entry((scope.clone(), write.table.to_owned())).or_default();
                    match write.value {
                        Some(value) => rows.insert(write.key, value),
                        None => rows.remove(&write.key),
                    };
                }
            }
            Work::Clear(scope, names) => {
                for name in names {
                    tables.remove(&(scope.clone(), (*name).to_owned()));
                }
            }
            Work::Replace(scope, names, writes) => {
                drop(tables);
                self.apply(Work::Clear(scope.clone(), names));
                self.apply(Work::Rows(scope, writes));
            }
            Work::Wipe => tables.clear(),
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
