//! A change of an alarm's state.

use super::alarm::Alarm;
use super::evaluate::State;
use drydock_core::{Arn, Timestamp};

/// A change of state, for those who are told.
pub(super) struct Change {
    pub(super) name: String,
    pub(super) arn: Arn,
    pub(super) alarm: Alarm,
    pub(super) before: Before,
    pub(super) at: Timestamp,
}

/// The state before.
pub(super) struct Before {
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) reason_data: Option<String>,
    pub(super) updated: Timestamp,
}
