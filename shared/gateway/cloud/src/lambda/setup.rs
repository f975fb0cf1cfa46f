//! What an environment is made from.

use super::clock::ClockFile;
use super::definition::Definition;
use super::logs::LogStore;
use crate::context::Context;
use std::sync::Arc;

/// What an environment is made from.
pub(super) struct Setup {
    pub(super) context: Arc<Context>,
    pub(super) logs: Arc<LogStore>,
    /// The gateway's time for the process, where there is a file of it.
    pub(super) clock: Option<Arc<ClockFile>>,
    pub(super) definition: Arc<Definition>,
}

impl Setup {
    /// Has the process see the gateway's time as it is.
    pub(super) fn show_time(&self) {
        if let Some(clock) = &self.clock {
            clock.bring_up_to_date();
        }
    }
}
