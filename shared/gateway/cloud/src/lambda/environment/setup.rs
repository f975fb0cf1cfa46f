//! What an environment is made from.

use crate::context::Context;
use crate::lambda::definition::Definition;
use crate::lambda::logs::LogStore;
use std::sync::Arc;

/// What an environment is made from.
pub(super) struct Setup {
    pub(super) context: Arc<Context>,
    pub(super) logs: Arc<LogStore>,
    pub(super) definition: Arc<Definition>,
}
