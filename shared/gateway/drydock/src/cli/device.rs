//! `drydock device`: devices of a gateway that is up, each a thing of the same name as its client id, with certificates, their
//! policies, and its files in a folder here.
//!
//! - [`create`]: makes one. [`look`]: lists and shows them. [`run`]: acts as one. [`delete`]: takes one away.
//! - [`args`]: what they take. `files`: where a device's files are. `lists`: what the gateway lists.

pub mod args;
pub mod create;
pub mod delete;
mod files;
mod lists;
pub mod look;
pub mod run;

use super::args::CommandResult;
use args::{DeviceCreateArgs, ListArgs, OneArgs, RunArgs};
use clap::Subcommand;

/// What can be done with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Make a thing with its certificate, key and policy, and print the lines that use them. All of it is made, or nothing.
    Create(DeviceCreateArgs),
    /// List the things.
    List(ListArgs),
    /// Show a device: its thing, certificates, policies and connection.
    Show(OneArgs),
    /// Act as a device, or as many, that does jobs, carries out commands and follows its shadow, as well or badly as it is told to.
    Run(RunArgs),
    /// Delete a thing with the certificates that are its alone, and its files in `devices/NAME`.
    Delete(OneArgs),
}

/// Runs the command.
///
/// # Errors
/// Where the gateway refuses, or files cannot be written.
pub async fn run(command: DeviceCommand) -> CommandResult {
    match command {
        DeviceCommand::Create(args) => create::run(args).await,
        DeviceCommand::List(args) => look::list(args).await,
        DeviceCommand::Show(args) => look::show(args).await,
        DeviceCommand::Run(args) => run::run(args).await,
        DeviceCommand::Delete(args) => delete::run(args).await,
    }
}
