//! What the commands take, and how they end.

use clap::{Args, ValueEnum};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;

/// The headings that options stand under.
const TEMPLATE: &str = "Template";
const STATE: &str = "Account and state";
const ADDRESSES: &str = "Addresses";
const OUTPUT: &str = "Output and configuration";

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
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// The region, where it is not the gateway's own, or the folder has several.
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub region: Option<String>,
    /// The state folder of a gateway that is not up, instead of one that is.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What `drydock export` takes.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The folder to write to: a new one, or one that was exported to before.
    pub folder: PathBuf,
    /// The state of every account and region, each in a folder of its own within that folder.
    #[arg(long, conflicts_with = "region")]
    pub all: bool,
    /// Where the state is.
    #[command(flatten)]
    pub place: Place,
}

/// What `drydock import` takes.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The folder that was exported to, with `--all` or without.
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
#[command(after_help = "Examples:\n  \
    drydock up                                        template.yaml of this folder; without one an empty account\n  \
    drydock up --ephemeral --ready-file ready.json    for a script: wait for the file, read the addresses from it\n  \
    drydock up --api-port 0 --mqtt-port 0 --tls-port 0  beside another one, on free ports\n  \
    drydock up --host 0.0.0.0                         for devices on the network; name keys in drydock.toml first\n  \
    DRYDOCK_REGION=eu-west-1 drydock up -q            each option is a variable, too\n\n\
    `drydock config` prints what drydock.toml may say.")]
pub struct UpArgs {
    /// The SAM or CloudFormation template to stand up; without it template.yaml, template.yml or template.json in the working
    /// directory, and where there is none an empty account.
    #[arg(long, value_name = "PATH", help_heading = TEMPLATE)]
    pub template: Option<PathBuf>,
    /// A value for a parameter of the template; may be given more than once. samconfig.toml beside the template is read as sam
    /// reads it, below what drydock.toml says.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter, help_heading = TEMPLATE)]
    pub parameters: Vec<(String, String)>,
    /// The name of the stack; without it the one in samconfig.toml, that of the CDK app, the template's folder's.
    #[arg(long, value_name = "NAME", value_parser = parse_stack_name, help_heading = TEMPLATE)]
    pub stack_name: Option<String>,
    /// The profile of cargo that functions are built with.
    #[arg(long, value_name = "PROFILE", default_value = "dev", help_heading = TEMPLATE)]
    pub functions_profile: String,
    /// The folder where what functions in Python and Node.js require is installed, once; without it `runtimes` in the data folder,
    /// or with `--ephemeral` in the user's cache.
    #[arg(long, value_name = "DIR", help_heading = TEMPLATE)]
    pub runtimes: Option<PathBuf>,
    /// Leave to AWS, and list, what a template asks for and is not implemented here. Misspelt properties stay errors.
    #[arg(long, help_heading = TEMPLATE)]
    pub lenient: bool,
    /// Leave the Lambda functions out: they are neither built nor run.
    #[arg(long, help_heading = TEMPLATE)]
    pub no_functions: bool,
    /// Hand invokes to this Lambda endpoint (`sam local start-lambda`, `cargo lambda watch`) instead of running the functions.
    #[arg(long, value_name = "URL", conflicts_with = "no_functions", help_heading = TEMPLATE)]
    pub lambda_endpoint: Option<String>,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", default_value = ".drydock", conflicts_with = "ephemeral", help_heading = STATE)]
    pub data_dir: PathBuf,
    /// Keep state in memory only; it is gone when the gateway stops.
    #[arg(long, help_heading = STATE)]
    pub ephemeral: bool,
    /// The account to play.
    #[arg(long, value_name = "TWELVE DIGITS", default_value = "123456789012", value_parser = parse_account, help_heading = STATE)]
    pub account: String,
    /// The region to play; without it AWS_REGION, AWS_DEFAULT_REGION, samconfig.toml, the profile in ~/.aws/config, us-east-1.
    #[arg(long, value_name = "REGION", value_parser = parse_region, help_heading = STATE)]
    pub region: Option<String>,
    /// The address to listen on, or `localhost`. Anything but a loopback address lets other machines in, with any access key.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = parse_host, help_heading = ADDRESSES)]
    pub host: IpAddr,
    /// The name or address that others are told to call, such as that of this machine in its network.
    #[arg(long, value_name = "NAME", value_parser = parse_public_host, help_heading = ADDRESSES)]
    pub public_host: Option<String>,
    /// Be called by AWS's own names for endpoints, so that SDK samples run unmodified; says what is missing for it on this machine.
    /// `off` says what is to be taken back.
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", conflicts_with = "ephemeral",
        help_heading = ADDRESSES)]
    pub aws_names: Option<AwsNames>,
    /// The port of the AWS API endpoint; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 4566, help_heading = ADDRESSES)]
    pub api_port: u16,
    /// The port of MQTT over mutual TLS; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8883, help_heading = ADDRESSES)]
    pub mqtt_port: u16,
    /// The port of HTTPS and MQTT over TLS, told apart by ALPN; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8443, help_heading = ADDRESSES)]
    pub tls_port: u16,
    /// A plain TCP port for MQTT conformance tests, on loopback only; off unless named. 0 picks a free one.
    #[arg(long, value_name = "PORT", help_heading = ADDRESSES)]
    pub plain_port: Option<u16>,
    /// A file with every address as JSON: written once everything is up, gone before that and when it stops.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub ready_file: Option<PathBuf>,
    /// Print nothing but warnings and errors.
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
    /// The configuration to read; without it `drydock.toml` in the working directory, where there is one.
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub config: Option<PathBuf>,
}

/// Whether AWS's names for endpoints point here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AwsNames {
    /// They are to.
    On,
    /// Not any more.
    Off,
}

/// What `drydock demo` takes.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// What is shown.
    #[arg(value_enum, value_name = "STORY", default_value_t = Story::Joining)]
    pub story: Story,
    /// The template to stand up.
    #[arg(long, value_name = "PATH", default_value = "template.yaml")]
    pub template: PathBuf,
    /// Where state is kept; `drydock up --data-dir` with the same folder finds the demo's devices and rows again. Without it
    /// `.drydock/demo`, or, where a story moves the clock, nowhere.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
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

/// What `drydock demo` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Story {
    /// A device registers itself just in time, sends telemetry, raises an alarm, and goes.
    Joining,
    /// 60 devices get firmware in waves: a bad one is stopped, a corrected one rolls out, also to who was away or is new.
    Jobs,
    /// A fleet that is badly kept and attacked: Device Defender finds, tells and remedies it.
    Defender,
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
    if drydock_core::Scope::is_account(text) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".to_owned())
    }
}

/// An address, or a name that this machine has for one of its own.
fn parse_host(text: &str) -> Result<IpAddr, String> {
    if let Ok(address) = text.trim_matches(['[', ']']).parse() {
        return Ok(address);
    }
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    Err("it is an address such as 127.0.0.1, ::1 or 0.0.0.0, or `localhost`".to_owned())
}

/// A name or an address, without scheme and port.
fn parse_public_host(text: &str) -> Result<String, String> {
    let name = text.trim_matches(['[', ']']);
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.parse::<IpAddr>().is_ok() || (!name.is_empty() && name.bytes().all(valid)) {
        Ok(name.to_owned())
    } else {
        Err("it is a name such as dock.lan, or an address, without scheme and port".to_owned())
    }
}

pub(crate) fn parse_region(text: &str) -> Result<String, String> {
    if drydock_core::Scope::is_region(text) {
        Ok(text.to_owned())
    } else {
        Err("a region is called as AWS's are, such as us-east-1".to_owned())
    }
}

/// A stack's name as CloudFormation takes it ("CreateStack", `StackName`).
pub(crate) fn parse_stack_name(text: &str) -> Result<String, String> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if begins && text.len() <= 128 && text.bytes().all(letters) {
        Ok(text.to_owned())
    } else {
        Err("the name of a stack begins with a letter and has up to 128 letters, digits and hyphens".to_owned())
    }
}

/// How a command ends: an exit code, or an error that is printed with its causes.
pub type CommandResult = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;
