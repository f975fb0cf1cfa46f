//! The fleet backend's decisions, as plain Rust: no SDK, no I/O, no clock, no randomness. A function is given what
//! happened and what is known, and answers with what to do; the Lambda functions carry that out through [`ports`].
//!
//! - [`authorization`]: is a device who its token says, and what may it do for how long?
//! - [`registration`]: may this certificate join the fleet, as which thing, and in which order is that done?
//! - [`connectivity`]: who is online, whatever the order events arrive in, and what is announced when.
//! - [`telemetry`]: what a reading must look like, what is kept of it, and which thresholds it crosses.
//! - [`release`]: what goes to an environment's devices in waves of jobs, and when it is stopped or taken back.
//! - [`detection`]: what is normal for a device, judged as Device Defender Detect does, from rules and lifecycle events.
//! - [`defender`]: what is done about the findings of an audit, and about a device that does not behave as it should.
//! - [`homes`]: what the HTTP API is about: homes, their members and devices, and what devices are wanted to be.
//! - [`alert`]: what people and other systems are told.
//! - [`batch`]: a queue's messages, of which each fails alone.
//! - [`conditional`]: one conditional write to a table, as a value: stored by DynamoDB, replayed in memory by tests.
//! - [`transaction`]: several of them, made together or not at all.
//! - [`ports`]: what the functions need of the outside, a trait per verb.
//! - [`naming`]: AWS's limits on the names that end up in the registry.
//! - `fakes` (feature `fakes`): ports in memory that behave as AWS does, for tests.
//! - `interleavings` (feature `fakes`): a function's own code at every interleaving of its calls, for tests.

pub mod alert;
pub mod authorization;
pub mod batch;
pub mod conditional;
pub mod connectivity;
pub mod defender;
pub mod detection;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod homes;
#[cfg(feature = "fakes")]
pub mod interleavings;
pub mod naming;
pub mod ports;
pub mod registration;
pub mod release;
pub mod telemetry;
pub mod transaction;

/// Milliseconds since 1970-01-01T00:00:00Z. Every time in this crate is one, and is passed in.
pub type EpochMillis = i64;
