//! A batch of messages from a queue, of which one that fails does not hold up its neighbours.

use crate::ports::{ErrorKind, PortError, Quarantine};
use crate::telemetry::Quarantined;
use iot_events::SqsMessage;

/// Why a message was not handled.
pub trait Failure: std::fmt::Display {
    /// What can help.
    fn kind(&self) -> ErrorKind;
}

impl Failure for PortError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// Whether the message must be delivered again. One that would fail the same way each time is set aside instead, with the
/// reason: the queue would deliver it to no end and then give it up without one.
pub async fn comes_again<Q: Quarantine, T, E: Failure>(
    quarantine: &Q,
    message: &SqsMessage,
    result: &Result<T, E>,
) -> bool {
    match result {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::Permanent => {
            let set_aside = Quarantined { reason: error.to_string(), message: message.body.clone() };
            quarantine.quarantine(&set_aside).await.is_err()
        }
        Err(_) => true,
    }
}
