//! Metric math ("Using math expressions with CloudWatch metrics"), as far as it is written: arithmetic, comparisons and logic on
//! ids, and the functions of `functions`. What is not written is an error that names it.
//!
//! - `parse`: an expression out of its text.
//! - `computed`: what they are made of while they are evaluated. `evaluate`: they are. `functions`: the functions.
//! - `insights`: queries of Metrics Insights (`SELECT … FROM SCHEMA(…)`).

mod computed;
mod evaluate;
mod functions;
pub(super) mod insights;
mod parse;

pub(super) use computed::{Computed, Names, Range, TimeSeries, Values};
pub(super) use evaluate::{evaluate, ids};
pub(super) use parse::{Expression, LONGEST, parse};
