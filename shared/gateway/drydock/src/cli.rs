//! The command line: what can be asked, and nothing of how it is done.
//!
//! - [`args`]: what the commands take.
//! - [`up`]: stands the gateway up and keeps it up.
//! - [`demo`](crate::demo): the main job on real input, as a timeline.
//! - [`account`]: a whole account's state to files and back.
//! - [`build`]: shows how the build of the functions goes on.
//! - [`operations`]: which operations of AWS IoT there are.
//! - [`clock`]: shows and changes the gateway's clock.
//! - [`device`]: makes a device with its files.
//! - [`doctor`]: says what is wrong with a folder, a device's files, a gateway.
//! - [`explain`]: says why a client may do something, or may not.
//! - [`limits`]: prints the limits in force.
//! - [`logs`]: prints the AWS-style log.
//! - [`sql`]: says what a rule's statement makes of a message.

pub mod account;
pub mod args;
pub mod build;
pub mod clock;
pub mod device;
pub mod doctor;
pub mod explain;
pub mod limits;
pub mod logs;
pub mod operations;
pub mod print;
pub mod sql;
pub mod up;

use args::{DemoArgs, DeviceCommand, ExportArgs, ImportArgs, LimitsArgs, OperationsArgs, UpArgs};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// AWS IoT on one machine: the same template, the same function binaries, real devices on mutual TLS.
#[derive(Debug, Parser)]
#[command(name = "drydock", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Stand the whole system of a template up on this machine.
    Up(UpArgs),
    /// Run the main job on real input: register a device just in time, bring its telemetry to a table, follow it offline.
    Demo(DemoArgs),
    /// Show, stop, set, advance or speed up the clock of a gateway that is up.
    Clock(clock::ClockArgs),
    /// Make and list devices of a gateway that is up.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Look at a folder, at a device's files and at a gateway that is up, and say what is wrong with them.
    Doctor(Box<doctor::DoctorArgs>),
    /// Say why a client may do something, or may not: with the statements, the variables' values, and what is missing.
    Explain(Box<explain::ExplainArgs>),
    /// Print the limits that hold, with AWS's values and their source; `[limits]` in `drydock.toml` changes them.
    Limits(LimitsArgs),
    /// Print the AWS-style log of a gateway that is up.
    Logs(logs::LogsArgs),
    /// Say what a statement of the rules SQL makes of a message, and why it makes nothing of it; or follow a rule as it runs.
    Sql(Box<sql::SqlArgs>),
    /// Write an account's whole state to a folder of JSON files.
    Export(ExportArgs),
    /// Put the state that was exported to a folder into an account.
    Import(ImportArgs),
    /// List the operations of AWS IoT's three APIs, and which of them this version implements.
    Operations(OperationsArgs),
}

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Up(args) => up::run(args).await,
        Command::Demo(args) => crate::demo::run(args).await,
        Command::Clock(args) => clock::run(args).await,
        Command::Device(DeviceCommand::Create(args)) => device::create(args).await,
        Command::Doctor(args) => doctor::run(*args).await,
        Command::Explain(args) => explain::run(*args).await,
        Command::Limits(args) => limits::run(&args),
        Command::Logs(args) => logs::run(args).await,
        Command::Sql(args) => sql::run(*args).await,
        Command::Export(args) => account::export(args).await,
        Command::Import(args) => account::import(args).await,
        Command::Operations(args) => operations::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            print::error(&*error);
            ExitCode::FAILURE
        }
    }
}
