//! AWS IoT commands: what can be asked of a device, and what became of it each time that it was.
//!
//! - [`Commands`]: the rulebook: commands, and their executions on devices.
//! - [`Context`]: what a change is told of the outside; [`Fleet`] is what it asks of the registry.
//! - `command`, `control`: a command as it is kept, and the operations on commands. `lists`: all lists.
//! - `parameter`: values, their types and conditions. `template`: payloads with placeholders.
//! - [`Target`]: a device. `execution`, `executions`: an execution as it is kept, and the operations on executions.
//! - `start`: "StartCommandExecution", and the [`Request`] that goes to the device.
//! - [`device`]: what devices report, and how they are refused; [`report`] reads it, in JSON and CBOR.
//! - `due`: what time does: executions that time out and are forgotten, commands that are deleted.
//!
//! Follows "AWS IoT Device Management commands" of the AWS IoT Core developer guide. Pure: it knows no connection and reads no
//! clock.

mod book;
mod command;
mod context;
mod control;
pub mod device;
mod due;
mod execution;
mod executions;
mod lists;
mod parameter;
pub mod report;
mod start;
mod target;
mod template;

use drydock_model::row as wire;

pub use book::Commands;
pub use context::{Context, Fleet};
pub use due::Passed;
pub use start::{Request, Started};
pub use target::Target;
