//! `drydock device`: devices of a gateway that is up, each a thing of the same name as its client id, with certificates, their
//! policies, and its files in a folder here.
//!
//! - [`create`]: makes one. [`look`]: lists and shows them. [`delete`]: takes one away.

pub mod create;
pub mod delete;
pub mod look;

use super::args::CommandResult;
use crate::client::{Api, CallError};
use clap::{Args, Subcommand};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What can be done with devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Make a thing with its certificate, key and policy, and print the lines that use them. All of it is made, or nothing.
    Create(DeviceCreateArgs),
    /// List the things.
    List(ListArgs),
    /// Show a device: its thing, certificates, policies and connection.
    Show(OneArgs),
    /// Delete a thing with the certificates that are its alone, and its files in `devices/NAME`.
    Delete(OneArgs),
}

/// Where the gateway is.
#[derive(Debug, Clone, Args)]
pub struct At {
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// The region, where it is not the one that the gateway plays.
    #[arg(long, value_name = "REGION", value_parser = super::args::parse_region)]
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

/// Runs the command.
///
/// # Errors
/// Where the gateway refuses, or files cannot be written.
pub async fn run(command: DeviceCommand) -> CommandResult {
    match command {
        DeviceCommand::Create(args) => create::run(args).await,
        DeviceCommand::List(args) => look::list(args).await,
        DeviceCommand::Show(args) => look::show(args).await,
        DeviceCommand::Delete(args) => delete::run(args).await,
    }
}

impl At {
    /// The gateway, and what it says of itself.
    async fn gateway(&self) -> Result<(Api, Value), CallError> {
        let api = Api::new(&self.api_url, self.region.clone());
        let health = api.health().await?;
        Ok((api, health))
    }
}

/// The files of a device.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    private_key: PathBuf,
    root_ca: PathBuf,
}

impl Files {
    fn of(folder: &Path) -> Self {
        Self {
            certificate: folder.join("certificate.pem.crt"),
            private_key: folder.join("private.pem.key"),
            root_ca: folder.join("root-ca.pem"),
        }
    }

    fn all(&self) -> [&Path; 3] {
        [&self.certificate, &self.private_key, &self.root_ca]
    }
}

/// Where a device's files are, where nothing else is said.
fn folder_of(name: &str) -> PathBuf {
    PathBuf::from("devices").join(name)
}

/// The principals of a thing.
async fn principals(api: &Api, name: &str) -> Result<Vec<String>, CallError> {
    let path = format!("/things/{name}/principals");
    let texts = |page: &Value| texts(page, "principals");
    pages(api, "ListThingPrincipals", &path, texts).await
}

/// What a list has, page by page.
async fn pages<T>(
    api: &Api,
    operation: &str,
    path: &str,
    read: impl Fn(&Value) -> Vec<T>,
) -> Result<Vec<T>, CallError> {
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let next = token.as_ref().map(|token| format!("{joint}nextToken={}", encoded(token))).unwrap_or_default();
        let page = api.iot(operation, Method::GET, &format!("{path}{next}"), &[], &Value::Null).await?;
        found.extend(read(&page));
        let further = page.get("nextToken").and_then(Value::as_str).map(str::to_owned);
        // The same token again would go on for ever.
        if further.is_none() || further == token {
            return Ok(found);
        }
        token = further;
    }
}

/// The texts of a list that an answer has.
fn texts(answer: &Value, name: &str) -> Vec<String> {
    let list = answer.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A text as a part of a path.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The certificate id in a principal's ARN; `None` where it is not a certificate.
fn certificate_id(principal: &str) -> Option<&str> {
    principal.split_once(":cert/").map(|(_, id)| id)
}
