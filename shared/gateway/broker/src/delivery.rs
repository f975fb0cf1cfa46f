//! A message on its way to a session.

use crate::message::{Message, Qos};
use crate::share::Group;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A message for one session; `M` is a member of groups.
#[derive(Debug)]
pub(crate) struct Delivery<M> {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// Its row in the journal; 0 where it has none.
    pub(crate) seq: u64,
    /// The packet identifier that it was written with on an earlier connection; 0 where there was none.
    pub(crate) packet_id: u16,
    /// Told when the client acknowledges it.
    pub(crate) confirm: Option<Box<oneshot::Sender<()>>>,
    /// The group of shared subscriptions that chose the session for it.
    pub(crate) group: Option<Arc<Group<M>>>,
}

impl<M> Delivery<M> {
    /// A message that nobody waits for, without a row.
    pub(crate) fn new(message: Arc<Message>, qos: Qos) -> Self {
        Self { message, qos, retain: false, seq: 0, packet_id: 0, confirm: None, group: None }
    }
}
