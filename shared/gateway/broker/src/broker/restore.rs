//! What an earlier run left, taken in again.

use super::{Broker, Inner};
use crate::rows::{self, Row};
use crate::session::Session;
use crate::share::Waiting;
use crate::slots::Slot;
use drydock_core::CorruptRow;
use std::sync::Arc;

impl Broker {
    /// The tables whose rows [`Broker::load`] takes, in the order in which they are to be loaded.
    pub const TABLES: &'static [&'static str] = &[rows::RETAINED, rows::SESSIONS, rows::QUEUED, rows::SHARED];

    /// Takes in one row that the [`Journal`](crate::Journal) was given in an earlier run, by order of key within a table.
    ///
    /// # Errors
    /// [`CorruptRow`] where the row is not of the table's form.
    pub fn load(&self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let row = Row { table, key, value };
        match table {
            rows::RETAINED => {
                let (message, at) = row.retained()?;
                self.inner.retained.put(Arc::new(message), at, u64::MAX);
                Ok(())
            }
            rows::SESSIONS => self.inner.load_session(&row),
            rows::QUEUED => self.inner.load_queued(&row),
            rows::SHARED => {
                let (key, seq, message) = row.shared()?;
                if let Some(group) = self.inner.groups.lock().get(key) {
                    group.restore(Waiting { message: Arc::new(message), seq });
                }
                Ok(())
            }
            _ => Err(row.corrupt("the broker has no such table")),
        }
    }
}

impl Inner {
    fn load_session(&self, row: &Row<'_>) -> Result<(), CorruptRow> {
        let saved = row.session()?;
        let protocol = saved.protocol();
        let id = self.next_id();
        let session =
            Arc::new(Session::new(id, row.key.into(), protocol, saved.identifier, true, saved.expiry_seconds));
        session.mark_used();
        session.mark_saved();
        for subscription in saved.subscriptions {
            let options = subscription.options();
            session.subscribe(&subscription.filter, options, usize::MAX);
            self.establish(&session, &subscription.filter, options, true);
        }
        let left_at = saved.disconnected_at.unwrap_or_else(|| self.now());
        let slot = Slot {
            next_version: saved.next_version,
            session: Some(session),
            left_at,
            connected_at: left_at,
            ..Slot::default()
        };
        let mut slots = self.slots.lock();
        if let Some(ends) = slot.session_ends() {
            slots.due.insert((ends, row.key.into()));
        }
        slots.by_client.insert(row.key.into(), slot);
        Ok(())
    }

    fn load_queued(&self, row: &Row<'_>) -> Result<(), CorruptRow> {
        let (client_id, delivery) = row.queued()?;
        let session = self.slots.lock().by_client.get(client_id).and_then(|s| s.session.clone());
        if let Some(session) = session {
            session.restore(delivery);
        }
        Ok(())
    }
}
