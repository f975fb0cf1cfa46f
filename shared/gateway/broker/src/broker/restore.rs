//! What an earlier run left, taken in again.

use super::Broker;
use super::inner::{CutShort, Inner};
use crate::rows::{self, ClientRow, Row};
use crate::session::Session;
use crate::share::Waiting;
use crate::slots::Slot;
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{CorruptRow, Event};
use smol_str::SmolStr;
use std::sync::Arc;

impl Broker {
    /// The tables whose rows [`Broker::load`] takes, in the order in which they are to be loaded.
    pub const TABLES: &'static [&'static str] =
        &[rows::RETAINED, rows::SESSIONS, rows::QUEUED, rows::SHARED, rows::CLIENTS];

    /// Takes in one row that the [`Journal`](crate::Journal) was given in an earlier run, by order of key within a table.
    ///
    /// # Errors
    /// [`CorruptRow`] where the row is not of the table's form.
    pub fn load(&self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let row = Row { table, key, value };
        match table {
            rows::RETAINED => {
                let (message, at, used) = row.retained()?;
                self.inner.retained.put(Arc::new(message), at, used, u64::MAX);
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
            rows::CLIENTS => self.inner.load_client(&row),
            _ => Err(row.corrupt("the broker has no such table")),
        }
    }

    /// Tells of the connections that an earlier run had when it was killed, and publishes their wills: to be called once,
    /// after the last [`Broker::load`] and when those that are to be told listen. Until then nothing is lost: a broker that
    /// is killed again before finds the same rows.
    ///
    /// AWS does not say which reason a failing service gives; `SERVER_ERROR` stands for "service side" in its table.
    pub fn recover(&self) {
        let inner = &self.inner;
        let now = inner.now();
        for CutShort { client, version, protocol, will } in std::mem::take(&mut *inner.cut_short.lock()) {
            let row = ClientRow { version, at: now, live: None };
            let row = rows::put_client(&client.client_id, &row);
            let reason = DisconnectReason::ServerError;
            inner.tap.event(Event::ClientDisconnected { client: Arc::clone(&client), version, reason, at: now });
            match will {
                Some(will) => inner.submit_will(will, &client, protocol, Some(row), now),
                None => inner.write(Some(row)),
            }
        }
    }
}

impl Inner {
    fn load_session(&self, row: &Row<'_>) -> Result<(), CorruptRow> {
        let saved = row.session()?;
        let protocol = saved.protocol();
        let id = self.next_id();
        let session = Arc::new(Session::new(
            id,
            row.key.into(),
            saved.principal,
            protocol,
            saved.identifier,
            true,
            saved.expiry_seconds,
        ));
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

    fn load_client(&self, row: &Row<'_>) -> Result<(), CorruptRow> {
        let saved = row.client()?;
        let (now, client_id) = (self.now(), SmolStr::from(row.key));
        let left_at = if saved.live.is_some() { now } else { saved.at };
        let mut slots = self.slots.lock();
        let slot = slots.by_client.entry(client_id.clone()).or_default();
        slot.next_version = slot.next_version.max(saved.version + 1);
        if slot.session.is_none() {
            slot.left_at = left_at;
            slot.connected_at = left_at;
        }
        let due = self.next_due(slot, now);
        slots.due.insert((due, client_id.clone()));
        drop(slots);
        let Some(live) = saved.live else { return Ok(()) };
        let will = match live.will {
            Some(will) => Some(will.will().ok_or_else(|| row.corrupt("the will is not of its form"))?),
            None => None,
        };
        let client = Arc::new(ClientIdentity {
            client_id,
            exclusive_thing: live.thing,
            principal: live.principal,
            session_identifier: live.session,
            ip: live.ip,
        });
        let protocol = rows::protocol(live.protocol);
        self.cut_short.lock().push(CutShort { client, version: saved.version, protocol, will });
        Ok(())
    }

    fn load_queued(&self, row: &Row<'_>) -> Result<(), CorruptRow> {
        let (client_id, delivery) = row.queued()?;
        let session = self.slots.lock().by_client.get(client_id).and_then(|s| s.session.clone());
        match session {
            Some(session) => session.restore(delivery),
            // Its session ended in the moment of the kill.
            None => self.write(Some(rows::delete_queued(client_id, delivery.seq))),
        }
        Ok(())
    }
}
