//! What `drydock release` takes, and how its function is asked.

use crate::cli::args::{parse_region, parse_stack_name};
use crate::cli::project::{self, SamConfig};
use crate::client::Api;
use clap::Args;
use drydock_gateway::deploy;
use serde_json::Value;
use std::path::PathBuf;

/// Where the gateway's API is, where nothing else is said.
const GATEWAY: &str = "http://127.0.0.1:4566";

/// Whom is asked, and who asks.
#[derive(Debug, Clone, Args)]
pub struct To {
    /// The endpoint to ask; without it AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL, and then http://127.0.0.1:4566.
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Ask AWS, with the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in --region or AWS_REGION.
    #[arg(long, conflicts_with = "api_url")]
    pub aws: bool,
    /// The region, where it is not the one that the gateway plays.
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub region: Option<String>,
    /// The name of the stack that the function belongs to; without it the one in samconfig.toml, and without that the folder's.
    #[arg(long, value_name = "NAME", value_parser = parse_stack_name)]
    pub stack_name: Option<String>,
    /// The function's name, where it is not the stack's with `-job-orchestration` behind it.
    #[arg(long, value_name = "NAME")]
    pub function: Option<String>,
    /// Who asks: people are told, and a release may have to be approved by a second person.
    #[arg(long, value_name = "NAME", default_value = "somebody")]
    pub by: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `drydock release create` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example of a file:\n  \
    {\n    \"releaseId\": \"fw-2\", \"environment\": \"production\",\n    \
    \"what\": {\"version\": \"2.0.0\", \"document\": {\"install\": \"2.0.0\"}},\n    \
    \"waves\": [\n      {\"name\": \"canary\", \"group\": \"canary\", \"soakMinutes\": 30},\n      \
    {\"name\": \"quarter\", \"group\": \"chargers\", \"percent\": 25, \"abort\": {\"percent\": 5, \"minimum\": 20}},\n      \
    {\"name\": \"all\", \"group\": \"chargers\", \"continuous\": true, \"promote\": \"manual\"}\n    ],\n    \
    \"rollback\": \"automatic\", \"approval\": true\n  }")]
pub struct CreateArgs {
    /// The file that describes the release, as JSON.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Make nothing: show each wave's job, its document, and the things that it would reach.
    #[arg(long)]
    pub dry_run: bool,
    /// Whom is asked.
    #[command(flatten)]
    pub to: To,
}

/// What `drydock release list` takes.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Of this environment alone.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Whom is asked.
    #[command(flatten)]
    pub to: To,
}

/// What the commands about one release take.
#[derive(Debug, Clone, Args)]
pub struct OneArgs {
    /// The release's id.
    #[arg(value_name = "RELEASE")]
    pub release_id: String,
    /// Whom is asked.
    #[command(flatten)]
    pub to: To,
}

/// What `drydock release promote` takes.
#[derive(Debug, Clone, Args)]
pub struct PromoteArgs {
    /// Which release.
    #[command(flatten)]
    pub one: OneArgs,
    /// The number of the wave to begin, from 1: asking twice begins it once.
    #[arg(long, value_name = "NUMBER")]
    pub wave: Option<u32>,
}

/// What `drydock release stop` takes.
#[derive(Debug, Clone, Args)]
pub struct StopArgs {
    /// Which release.
    #[command(flatten)]
    pub one: OneArgs,
    /// Why: people are told.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

impl To {
    /// Asks the function.
    ///
    /// # Errors
    /// Where it cannot be asked, or refuses.
    pub(super) async fn ask(&self, command: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = self.region.clone().or_else(|| given("AWS_REGION")).or_else(|| given("AWS_DEFAULT_REGION"));
        let url = match (&self.api_url, self.aws) {
            (Some(url), _) => url.clone(),
            (None, true) => {
                let region =
                    region.as_ref().ok_or("AWS has a function in a region: name it with --region or AWS_REGION")?;
                format!("https://lambda.{region}.amazonaws.com")
            }
            (None, false) => {
                let named = given("AWS_ENDPOINT_URL_LAMBDA").or_else(|| given("AWS_ENDPOINT_URL"));
                named.unwrap_or_else(|| GATEWAY.to_owned())
            }
        };
        let answer = Api::new(url, region).invoke(&self.name()?, command).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        if let Some(refused) = text("refused") {
            return Err(refused.into());
        }
        if let Some(message) = text("errorMessage") {
            return Err(format!("the function failed: {}: {message}", text("errorType").unwrap_or_default()).into());
        }
        Ok(answer)
    }

    /// The function's name.
    fn name(&self) -> Result<String, String> {
        if let Some(function) = &self.function {
            return Ok(function.clone());
        }
        let stack = match &self.stack_name {
            Some(name) => Some(name.clone()),
            None => SamConfig::beside(None)?.stack_name,
        };
        let of_folder = || deploy::stack_name(&project::template().unwrap_or_else(|| PathBuf::from("template.yaml")));
        let stack = stack.unwrap_or_else(of_folder);
        Ok(format!("{stack}-job-orchestration"))
    }
}
