//! What `drydock device` takes.

use crate::client::{Api, CallError};
use crate::simulated::behavior::Does;
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;

/// Where the gateway is.
#[derive(Debug, Clone, Args)]
pub struct At {
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// The region, where it is not the one that the gateway plays.
    #[arg(long, value_name = "REGION", value_parser = crate::cli::args::parse_region)]
    pub region: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `drydock device create` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    drydock device create charger-1                   files in devices/charger-1\n  \
    drydock device create charger-1 --policy Fleet    with a policy that is there already\n  \
    drydock device create charger-1 --json            for a script")]
pub struct DeviceCreateArgs {
    /// The thing's name, which is also the client id.
    pub name: String,
    /// The folder to write the device's files to; `devices/NAME` where none is named.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Attach this existing policy instead of one that lets the device use its own topics.
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Where the gateway is.
    #[command(flatten)]
    pub at: At,
}

/// What `drydock device list` takes.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Where the gateway is.
    #[command(flatten)]
    pub at: At,
}

/// What the commands about one device take.
#[derive(Debug, Clone, Args)]
pub struct OneArgs {
    /// The thing's name.
    pub name: String,
    /// Where the gateway is.
    #[command(flatten)]
    pub at: At,
}

/// What `drydock device run` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    drydock device run charger-1                          does its jobs, a second each, until Ctrl-C\n  \
    drydock device run lamp --count 1000 --fail-every 20  lamp-0001 to lamp-1000, made for this run\n  \
    drydock device run charger-1 --does drop --takes 5    its connection breaks off in the middle of each job\n  \
    drydock device run lamp --count 3 --executions 3 --json  for a script")]
pub struct RunArgs {
    /// The thing's name, which is also the client id; with --count what the names begin with.
    pub name: String,
    /// The folder with the device's files; `devices/NAME` where none is named.
    #[arg(long, value_name = "DIR", conflicts_with = "count")]
    pub from: Option<PathBuf>,
    /// Be as many devices: things that are made where they are not there, with one certificate that goes at the end.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub count: Option<u32>,
    /// With --count: the policy of these devices, instead of one that lets each use its own topics.
    #[arg(long, value_name = "NAME", requires = "count")]
    pub policy: Option<String>,
    /// What becomes of a job or a command.
    #[arg(long, value_enum, default_value_t = Does::Succeed)]
    pub does: Does,
    /// How long one takes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub takes: f64,
    /// Fail every so many-th execution, whatever becomes of the others.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub fail_every: Option<u64>,
    /// Stop when so many executions have ended.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub executions: Option<u64>,
    /// Where the gateway is.
    #[command(flatten)]
    pub at: At,
}

/// Seconds that something takes: a day at most.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
    if (0.0..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("a job takes 0 to 86400 seconds".to_owned()) }
}

impl At {
    /// The gateway, and what it says of itself.
    pub(super) async fn gateway(&self) -> Result<(Api, Value), CallError> {
        let api = Api::new(&self.api_url, self.region.clone());
        let health = api.health().await?;
        Ok((api, health))
    }
}
