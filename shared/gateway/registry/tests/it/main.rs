//! The registry as callers of the API see it, with a restart in between wherever something was kept.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

mod billing_groups;
mod events;
mod principals;
mod support;
mod tags;
mod thing_groups;
mod thing_types;
mod things;
