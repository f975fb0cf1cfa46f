//! CloudWatch Logs: log groups, streams and events, filter patterns, the plain part of Logs Insights, metric filters and
//! subscription filters to functions, over AWS JSON 1.1.
//!
//! Follows the Amazon CloudWatch Logs API reference; patterns and queries are those of the crate `log-search`. An operation or a
//! parameter that is not here is refused by name.
//!
//! - `ingest`: what the gateway writes itself (functions' output, AWS IoT's own logs): into a bounded queue, so that nobody who
//!   writes waits. What does not fit is counted.
//! - `state`: what is kept, within [`MOST`] bytes: beyond that the oldest events of the largest group go. `rows`: how it is kept.
//! - `service`: [`Logs`], and how changes are made. `outflow`: what follows from new events: metrics, and subscriptions.
//! - `groups`, `streams`, `events`, `queries`, `filters`, `tags`: the operations. `api`: a line for each. `input`: their parameters,
//!   `fault`: their errors. `begun`: the queries that were begun. `tail`: events as they come ("StartLiveTail").

mod api;
mod begun;
mod events;
mod fault;
mod filters;
mod groups;
mod ingest;
mod input;
mod outflow;
mod queries;
mod rows;
mod service;
mod session;
mod state;
mod streams;
mod tags;
mod tail;

pub use fault::Fault;
pub use ingest::{Ingest, Line};
pub use rows::{MetricFilter, Subscription};
pub use service::{Logs, SERVICE};
pub use state::MOST;
