//! What an environment is made from.

use crate::context::Context;
use crate::lambda::clock::ClockFile;
use crate::lambda::definition::Definition;
use crate::lambda::logs::LogStore;
use std::sync::Arc;

/// What an environment is made from.
pub(in crate::lambda) struct Setup {
    pub(in crate::lambda) context: Arc<Context>,
    pub(in crate::lambda) logs: Arc<LogStore>,
    /// The gateway's time for the process, where there is a file of it.
    pub(in crate::lambda) clock: Option<Arc<ClockFile>>,
    pub(in crate::lambda) definition: Arc<Definition>,
}

impl Setup {
    /// Has the process see the gateway's time as it is.
    pub(super) fn show_time(&self) {
        if let Some(clock) = &self.clock {
            clock.bring_up_to_date();
        }
    }
}
