//! The command line: what can be asked, and nothing of how it is done.
//!
//! - [`args`]: what the commands take.
//! - [`audit`]: the checks of Device Defender on a template.
//! - [`aws_names`]: what a machine needs so that AWS's names for endpoints point to it.
//! - [`up`]: stands the gateway up and keeps it up.
//! - [`demo`](crate::demo): the main job on real input, as a timeline.
//! - [`account`]: a whole account's state to files and back.
//! - [`alarms`]: lists alarms with their states.
//! - [`build`]: shows how the build of the functions goes on.
//! - [`operations`]: which operations of AWS IoT there are.
//! - [`clock`]: shows and changes the gateway's clock.
//! - [`device`]: makes devices with their files, shows and deletes them, and acts as they do.
//! - [`doctor`]: says what is wrong with a folder, a device's files, a gateway.
//! - [`explain`]: says why a client may do something, or may not.
//! - [`find`]: says which things a query of the fleet index finds, and why.
//! - [`generate`]: completions, manual pages, a `drydock.toml` to begin with.
//! - [`limits`]: prints the limits in force.
//! - [`logs`]: prints the AWS-style log.
//! - [`signal`]: when somebody wants a command to stop.
//! - [`project`]: what is said elsewhere than on the command line.
//! - [`variables`]: a variable for each option.
//! - [`release`]: brings releases to devices in waves, stops them, takes them back.
//! - [`template`]: says what would become of a template.
//! - [`sql`]: says what a rule's statement makes of a message.

pub mod account;
pub mod alarms;
pub mod args;
pub mod audit;
pub mod aws_names;
pub mod build;
pub mod clock;
pub mod device;
pub mod doctor;
pub mod explain;
pub mod find;
pub mod generate;
pub mod limits;
pub mod logs;
pub mod operations;
pub mod print;
pub mod project;
pub mod release;
pub mod signal;
pub mod sql;
pub mod template;
pub mod up;
pub mod variables;

use args::{DemoArgs, ExportArgs, ImportArgs, LimitsArgs, OperationsArgs, UpArgs};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
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
    /// Stand AWS IoT up on this machine, with the whole system of a template or empty.
    Up(UpArgs),
    /// Run the main job on real input: register a device just in time, bring its telemetry to a table, follow it offline.
    Demo(DemoArgs),
    /// List the alarms of a gateway that is up, with their states.
    Alarms(alarms::AlarmsArgs),
    /// Look for what Device Defender's audit would find in a template: policies, roles and settings that are too wide. For CI, too.
    Audit(audit::AuditArgs),
    /// Show, stop, set, advance or speed up the clock of a gateway that is up.
    Clock(clock::ClockArgs),
    /// Make, list, show and delete devices of a gateway that is up.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Look at a folder, at a device's files and at a gateway that is up, and say what is wrong with them.
    Doctor(Box<doctor::DoctorArgs>),
    /// Say why a client may do something, or may not: with the statements, the variables' values, and what is missing.
    Explain(Box<explain::ExplainArgs>),
    /// Say which things a query of the fleet index finds; or for one thing, which term failed on which value.
    Find(find::FindArgs),
    /// Print the limits that hold, with AWS's values and their source; `[limits]` in `drydock.toml` changes them.
    Limits(LimitsArgs),
    /// Print the AWS-style log of a gateway that is up.
    Logs(logs::LogsArgs),
    /// Begin, show, promote, stop and take back releases: jobs that go to devices in waves, on a gateway and on AWS.
    #[command(subcommand)]
    Release(Box<release::ReleaseCommand>),
    /// Say what a statement of the rules SQL makes of a message, and why it makes nothing of it; or follow a rule as it runs.
    Sql(Box<sql::SqlArgs>),
    /// Look at a template before it is brought up.
    #[command(subcommand)]
    Template(template::TemplateCommand),
    /// Write an account's whole state to a folder of JSON files.
    Export(ExportArgs),
    /// Put the state that was exported to a folder into an account.
    Import(ImportArgs),
    /// List the operations of AWS IoT's three APIs, and which of them this version implements.
    Operations(OperationsArgs),
    /// Print a drydock.toml with everything that may be in one, commented out and explained.
    Config,
    /// Print what a shell reads to complete commands and options.
    Completions(generate::CompletionsArgs),
    /// Print the manual page.
    Man(generate::ManArgs),
}

/// The command line of this process, with what its variables say.
#[must_use]
pub fn parsed() -> Cli {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The command line with all that it takes.
#[must_use]
pub fn command() -> clap::Command {
    variables::of_all(Cli::command())
}

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Up(args) => up::run(args).await,
        Command::Demo(args) => crate::demo::run(args).await,
        Command::Alarms(args) => alarms::run(args).await,
        Command::Audit(args) => audit::run(&args),
        Command::Clock(args) => clock::run(args).await,
        Command::Device(command) => device::run(command).await,
        Command::Doctor(args) => doctor::run(*args).await,
        Command::Explain(args) => explain::run(*args).await,
        Command::Find(args) => find::run(args).await,
        Command::Limits(args) => limits::run(&args),
        Command::Logs(args) => logs::run(args).await,
        Command::Release(command) => release::run(*command).await,
        Command::Sql(args) => sql::run(*args).await,
        Command::Template(command) => template::run(command),
        Command::Export(args) => account::export(args).await,
        Command::Import(args) => account::import(args).await,
        Command::Operations(args) => operations::run(&args),
        Command::Config => generate::config(),
        Command::Completions(args) => generate::completions(&args, command()),
        Command::Man(args) => generate::man(&args, command()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            print::error(&*error);
            ExitCode::FAILURE
        }
    }
}
