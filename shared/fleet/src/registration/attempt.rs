//! One attempt at a certificate, noted in its row of the registrations before anything else is asked: AWS IoT sends an event
//! each time the certificate is presented, and a device that waits presents it every few seconds. The control plane's rates are
//! low, so that one attempt at a time asks it, and none once the certificate is decided on.

use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item, Outcome};
use iot_events::CertificateRegistered;

/// While an attempt is made, or rests: until when no other is.
const CLAIMED: &str = "claimedUntil";
/// When the certificate was done with.
const DONE_AT: &str = "doneAt";

/// How long a certificate that has to wait rests until it is looked at again, in milliseconds.
pub const REST: EpochMillis = 60_000;

/// Begins an attempt for `lease` milliseconds, which must outlast the function's timeout and be shorter than the queue's
/// visibility timeout. An event of a time after it was done with says that the certificate pends anew: it was deleted, and the
/// device has come back.
#[must_use]
pub fn begin(event: &CertificateRegistered, now: EpochMillis, lease: EpochMillis) -> Change {
    let free = Condition::Any(vec![Condition::Missing(CLAIMED.into()), Condition::less(CLAIMED, now)]);
    let open = Condition::Any(vec![Condition::Missing(DONE_AT.into()), Condition::less(DONE_AT, event.timestamp)]);
    Change::of("certificateId", event.certificate_id.as_str())
        .when(Condition::All(vec![free, open]))
        .set(CLAIMED, now.saturating_add(lease))
        .remove(DONE_AT)
}

/// What becomes of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It goes on. The row as it was, if there was one.
    Ours(Option<Item>),
    /// Another is under way, or the certificate rests. Should that one fail, its own event comes again.
    InProgress,
    /// The certificate was done with after the event.
    Done,
}

/// Judges the outcome of [`begin`].
#[must_use]
pub fn judge(event: &CertificateRegistered, outcome: Outcome) -> Begun {
    match outcome {
        Outcome::Applied { before } => Begun::Ours(before),
        Outcome::Refused { current } => {
            let done = current.as_ref().and_then(|row| row.number(DONE_AT)).is_some_and(|at| at >= event.timestamp);
            if done { Begun::Done } else { Begun::InProgress }
        }
    }
}

/// Notes that the certificate is done with.
#[must_use]
pub fn done(certificate_id: &str, now: EpochMillis) -> Change {
    Change::of("certificateId", certificate_id).set(DONE_AT, now).remove(CLAIMED)
}

/// Lets the certificate rest: it waits for something, and is looked at again when it is presented after that.
#[must_use]
pub fn rest(change: Change, now: EpochMillis) -> Change {
    change.set(CLAIMED, now.saturating_add(REST))
}
