//! `drydock logs`: the AWS-style log of a gateway that is up, any log group of its CloudWatch Logs, and what all of them say of one
//! device.
//!
//! - `search`: log groups, by a filter pattern, and the events to come.
//! - `device`: which events are about a device: those that name it or its certificates, and the invocations that they are of.
//! - `event`: what an event is. `line`: how events are shown.
//! - `args`: what it takes: [`LogsArgs`].

mod args;
mod device;
mod event;
mod line;
mod search;

pub use args::LogsArgs;

use super::args::CommandResult;
use super::print;
use crate::client::Api;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Where the gateway cannot be asked.
pub async fn run(args: LogsArgs) -> CommandResult {
    let api = Api::new(&args.api_url, None);
    if args.group.is_some() || args.filter.is_some() || args.thing.is_some() {
        return search::run(&api, &args).await;
    }
    let mut lines = api.logs(args.follow, args.event_type.as_deref(), args.client_id.as_deref()).await?;
    let mut seen = false;
    while let Some(line) = lines.next().await? {
        seen = true;
        if !print::written(if args.json { line } else { line::entry(&line) }) {
            break; // nobody reads them any more
        }
    }
    if !seen && !args.json && !args.follow {
        print::told(print::dim("no entries; `drydock logs --help` says how to ask for them"));
    }
    Ok(ExitCode::SUCCESS)
}
