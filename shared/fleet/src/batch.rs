//! A batch of messages from a queue, of which one that fails does not hold up its neighbours.

use crate::ports::{ErrorKind, PortError, Quarantine};
use crate::telemetry::Quarantined;
use iot_events::{BatchResponse, SqsBatch, SqsMessage};

/// Why a message was not handled.
pub trait Failure: std::fmt::Display {
    /// The call that failed, if one did: else somebody else is at it, or it is too early, and the message comes again to see.
    fn port(&self) -> Option<&PortError>;

    /// What can help.
    fn kind(&self) -> ErrorKind {
        self.port().map_or(ErrorKind::Passing, |error| error.kind)
    }

    /// Whether nothing has failed, and the message just comes again.
    fn is_waiting(&self) -> bool {
        self.port().is_none()
    }
}

impl Failure for PortError {
    fn port(&self) -> Option<&PortError> {
        Some(self)
    }
}

/// Handles a batch, message by message, so that one that fails comes again alone: with what became of each.
pub async fn each<'b, Q: Quarantine, T, E: Failure>(
    quarantine: &Q,
    batch: &'b SqsBatch,
    mut handle: impl AsyncFnMut(&'b SqsMessage) -> Result<T, E>,
) -> (BatchResponse, Vec<Result<T, E>>) {
    let (mut response, mut all) = (BatchResponse::default(), Vec::new());
    for message in &batch.records {
        let handled = handle(message).await;
        if comes_again(quarantine, message, &handled).await {
            response.retry(message);
        }
        all.push(handled);
    }
    (response, all)
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
