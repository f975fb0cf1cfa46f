//! `drydock logs`: the AWS-style log of a gateway that is up.

use super::args::CommandResult;
use super::print;
use crate::client::Api;
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

/// What `drydock logs` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Nothing is logged until it is asked for, as on AWS:\n\n\
    aws iot set-v2-logging-options --default-log-level INFO --role-arn arn:aws:iam::123456789012:role/logs")]
pub struct LogsArgs {
    /// Go on with each entry as it is written.
    #[arg(long, short)]
    pub follow: bool,
    /// Only entries of this kind, for example Publish-In.
    #[arg(long, value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Only entries about this client.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Print the entries as they are written: a line of JSON each.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Where the gateway cannot be asked.
pub async fn run(args: LogsArgs) -> CommandResult {
    let api = Api::new(&args.api_url, None);
    let mut lines = api.logs(args.follow, args.event_type.as_deref(), args.client_id.as_deref()).await?;
    let mut seen = false;
    while let Some(line) = lines.next().await? {
        seen = true;
        if !print::written(if args.json { line } else { entry(&line) }) {
            break; // nobody reads them any more
        }
    }
    if !seen && !args.json && !args.follow {
        print::told(print::dim("no entries; `drydock logs --help` says how to ask for them"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The attributes that a line has anyway, or that tell a person little.
const QUIET: [&str; 9] =
    ["timestamp", "logLevel", "traceId", "accountId", "status", "eventType", "clientId", "protocol", "principalId"];

/// An entry as a person reads it.
fn entry(line: &str) -> String {
    let Ok(Value::Object(entry)) = serde_json::from_str(line).map(drydock_host::shown::value) else {
        return drydock_host::shown::line(line).into_owned();
    };
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let event = format!("{:<12}", text("eventType"));
    let event = if text("status") == "Success" { print::good(event) } else { print::bad(event) };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rest = entry.iter().filter(|(name, _)| !QUIET.contains(&name.as_str()));
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let (time, level, client) = (text("timestamp"), text("logLevel"), text("clientId"));
    format!("{} {level:<5} {event} {client}  {}", print::dim(time), print::dim(rest.join(" ")))
}
