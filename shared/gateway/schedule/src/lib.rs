//! When something happens again and again, or once: `rate(…)`, `cron(…)` and `at(…)` as AWS writes them. Schedules and rules of EventBridge, those of
//! templates, and the maintenance windows of jobs read their times by this one rulebook.
//!
//! - `cron`: the six fields of a cron expression, and the days that they name.
//! - `expression`: the three forms, and the next time in a time zone.
//!
//! Follows "Schedule types in EventBridge Scheduler" of its user guide and "Setting a schedule pattern for scheduled rules in Amazon EventBridge" of
//! EventBridge's; what stands in `cases` says where each fact comes from.

mod cron;
mod expression;

pub use cron::Cron;
pub use expression::{Expression, Kind, NotAnExpression};
