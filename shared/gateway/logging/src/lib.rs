//! AWS IoT's logs: which events are logged at which level, and the entries as AWS writes them to CloudWatch Logs.
//!
//! - [`Logging`]: the book of logging options, V2 and the older kind, as the control plane keeps them.
//! - [`Levels`]: the options made ready to ask: is an event of a client, thing group, address or principal logged?
//! - [`EventType`]: the kinds of entries, with the level of a success and whether they have to be asked for.
//! - [`Entry`]: one entry, written as AWS writes it.
//!
//! Follows "Monitor AWS IoT using CloudWatch Logs" of the AWS IoT Core developer guide, with its pages "Configure AWS IoT logging"
//! and "CloudWatch Logs AWS IoT log entries". Pure: it writes no file and reads no clock.

mod book;
mod entry;
mod event;
mod levels;

pub use book::Logging;
pub use entry::{Entry, Status, stamp};
pub use event::EventType;
pub use levels::{Level, Levels, Route, Subject};
