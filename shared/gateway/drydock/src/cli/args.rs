//! What the commands take, and how they end.

use clap::{Args, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `drydock operations` takes.
#[derive(Debug, Clone, Args)]
pub struct OperationsArgs {
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print the table that the README has.
    #[arg(long)]
    pub markdown: bool,
    /// Print every path of the gateway's HTTP listeners, those of other services and of its own included, as JSON.
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    pub paths: bool,
}

/// Where an account's state is.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The API endpoint of a gateway that is up.
    #[arg(long, value_name = "URL", env = "DRYDOCK_API_URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// The state folder of a gateway that is not up, instead of one that is.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What `drydock export` takes.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The folder to write to: a new one, or one that was exported to before.
    pub folder: PathBuf,
    /// Where the state is.
    #[command(flatten)]
    pub place: Place,
}

/// What `drydock import` takes.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The folder that was exported to.
    pub folder: PathBuf,
    /// Where the state is to be put.
    #[command(flatten)]
    pub place: Place,
    /// Put it in the place of what the account holds.
    #[arg(long)]
    pub replace: bool,
}

/// What `drydock up` takes.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// The SAM or CloudFormation template to stand up.
    #[arg(long, value_name = "PATH", default_value = "template.yaml")]
    pub template: PathBuf,
    /// The configuration to read (limits: see `drydock limits`); without it `drydock.toml` in the working directory, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A value for a parameter of the template; may be given more than once.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", default_value = ".drydock", conflicts_with = "ephemeral")]
    pub data_dir: PathBuf,
    /// Keep state in memory only; it is gone when the gateway stops.
    #[arg(long)]
    pub ephemeral: bool,
    /// The address to listen on. Anything but a loopback address lets other machines in, with any access key.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// The port of the AWS API endpoint; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 4566)]
    pub api_port: u16,
    /// The port of MQTT over mutual TLS; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8883)]
    pub mqtt_port: u16,
    /// The port of HTTPS and MQTT over TLS, told apart by ALPN; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    pub tls_port: u16,
    /// A plain TCP port for MQTT conformance tests, on loopback only; off unless named. 0 picks a free one.
    #[arg(long, value_name = "PORT")]
    pub plain_port: Option<u16>,
    /// A file to write once everything is up: JSON with every address.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// The profile of cargo that functions are built with.
    #[arg(long, value_name = "PROFILE", default_value = "dev")]
    pub functions_profile: String,
    /// Print no progress.
    #[arg(long, short)]
    pub quiet: bool,
    /// Leave the Lambda functions out: they are neither built nor run.
    #[arg(long)]
    pub no_functions: bool,
    /// Hand invokes to this Lambda endpoint (`sam local start-lambda`, `cargo lambda watch`) instead of running the functions.
    #[arg(long, value_name = "URL", conflicts_with = "no_functions")]
    pub lambda_endpoint: Option<String>,
    /// The account to play.
    #[arg(long, value_name = "TWELVE DIGITS", default_value = "123456789012", value_parser = parse_account)]
    pub account: String,
    /// The region to play.
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub region: String,
}

/// What `drydock demo` takes.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// The template to stand up.
    #[arg(long, value_name = "PATH", default_value = "template.yaml")]
    pub template: PathBuf,
    /// Where state is kept; `drydock up --data-dir` with the same folder finds the demo's devices and rows again.
    #[arg(long, value_name = "DIR", default_value = ".drydock/demo")]
    pub data_dir: PathBuf,
    /// The configuration to read; without it `drydock.toml` in the working directory, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The profile of cargo that functions are built with.
    #[arg(long, value_name = "PROFILE", default_value = "dev")]
    pub functions_profile: String,
    /// Print the timeline as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Make a thing with its certificate, key and policy, and print the lines that use them.
    Create(DeviceCreateArgs),
}

/// What `drydock device create` takes.
#[derive(Debug, Clone, Args)]
pub struct DeviceCreateArgs {
    /// The thing's name, which is also the client id.
    pub name: String,
    /// The folder to write the device's files to.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", env = "DRYDOCK_API_URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Attach this existing policy instead of one that lets the device use its own topics.
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `drydock limits` takes.
#[derive(Debug, Clone, Args)]
pub struct LimitsArgs {
    /// The configuration to read; without it `drydock.toml` in the working directory, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn parse_parameter(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}

pub(crate) fn parse_account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".to_owned())
    }
}

/// How a command ends: an exit code, or an error that is printed with its causes.
pub type CommandResult = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;
