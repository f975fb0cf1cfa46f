//! Everything is forgotten.

use super::Broker;
use super::publish::Origin;
use crate::journal::JournalError;
use crate::message::Message;
use crate::packet::reason;
use crate::slots::Ending;
use drydock_core::event::DisconnectReason;
use std::sync::atomic::Ordering;

impl Broker {
    /// Forgets every session and every retained message, in memory and in the [`Journal`](crate::Journal); connections end, without wills.
    ///
    /// # Errors
    /// [`JournalError`] where a retained message could not be removed durably.
    pub async fn clear(&self) -> Result<(), JournalError> {
        self.inner.clears.fetch_add(1, Ordering::AcqRel);
        let ending = Ending { reason: DisconnectReason::ServerInitiatedDisconnect, will: false, drop_session: true };
        for link in self.inner.links() {
            self.inner.cut(&link, ending, reason::ADMINISTRATIVE);
        }
        let sessions: Vec<_> =
            self.inner.slots.lock().by_client.values_mut().filter_map(|slot| slot.session.take()).collect();
        for session in sessions {
            self.inner.end_session(&session);
        }
        for retained in self.retained_after(None, usize::MAX) {
            let nothing = Message::new(retained.message.topic.clone(), "").with_retain(true);
            if let Ok(removed) = self.publish(nothing, Origin::Quiet) {
                removed.durable().await?;
            }
        }
        Ok(())
    }
}
