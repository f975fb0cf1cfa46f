//! What `drydock device` takes.

use crate::client::{Api, CallError};
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

impl At {
    /// The gateway, and what it says of itself.
    pub(super) async fn gateway(&self) -> Result<(Api, Value), CallError> {
        let api = Api::new(&self.api_url, self.region.clone());
        let health = api.health().await?;
        Ok((api, health))
    }
}
