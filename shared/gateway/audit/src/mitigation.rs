//! What is done about findings of audits, and about violations of Detect.
//!
//! - `actions`: mitigation actions, and the operations on them.
//! - `audit`: the operations on tasks that apply actions to findings. `detect`: those on tasks that apply them to things in violation.
//! - `tasks`: what is kept of tasks of either kind, and what whoever carries them out asks and tells.
//!
//! Follows "Mitigation actions" of the AWS IoT Device Defender developer guide.

mod actions;
mod audit;
mod detect;
mod tasks;

pub use detect::{Violation, Violations, Wanted};
pub use tasks::{Execution, Outcome, Subject};

pub(crate) use actions::ActionRow;
pub(crate) use tasks::{ExecutionKey, ExecutionRow, TaskKey, TaskRow};
