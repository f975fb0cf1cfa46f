//! `drydock demo`: what Drydock is for, on real input: devices that connect, functions that answer them. Each step counts only
//! once it was observed.
//!
//! - `joining`: a device with a fresh certificate registers itself just in time, sends telemetry that arrives in a table, and goes.
//! - `jobs`: a fleet gets firmware in waves; a bad one is stopped, a corrected one rolls out, and who was away or is new gets it, too.
//! - `defender`: a fleet that is badly kept and attacked; Device Defender finds, tells and remedies it.
//! - `stage`: what all stand on. [`authority`]: the device maker's CA. [`rows`]: what arrived in the tables. [`timeline`]: what is printed.

pub mod authority;
mod defender;
mod error;
mod jobs;
mod joining;
pub mod rows;
mod stage;
pub mod timeline;

use crate::cli::args::{CommandResult, DemoArgs, Story, UpArgs};
use crate::cli::print;
use crate::cli::up::stand_up;
use drydock_gateway::Dock;
use serde_json::json;
use stage::STACK;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use timeline::Timeline;

/// Runs the demo.
///
/// # Errors
/// The first step that was not observed.
pub async fn run(args: DemoArgs) -> CommandResult {
    let story = args.story;
    let up = up(&args);
    let dock = match story {
        Story::Joining | Story::Jobs => stand_up(&up).await?,
        // It needs neither functions nor what a template makes.
        Story::Defender => Dock::empty().account(&up.account).region("us-east-1").start().await?,
    };
    let mut timeline = Timeline::begin(Arc::new(dock.gateway().host.books.time.clone()), args.json);
    let result = match story {
        Story::Joining => joining::perform(&dock, &mut timeline, &up.data_dir).await,
        Story::Jobs => jobs::perform(dock.gateway(), &mut timeline, !up.ephemeral).await,
        Story::Defender => defender::perform(dock.gateway(), &mut timeline).await,
    };
    dock.stop().await;
    let seen = result.as_ref().ok();
    if args.json {
        let rows = seen.map(|seen| seen.json.clone());
        let name = match story {
            Story::Joining => "rows",
            Story::Jobs => "waves",
            Story::Defender => "report",
        };
        print::told(format_args!(
            "{:#}",
            json!({ "timeline": timeline.json(), name: rows, "observed": result.is_ok() })
        ));
    } else {
        print::told(format_args!("\n{}", timeline.table()));
        if let Some(seen) = seen {
            print::told(format_args!("\n{}\n{} {}", seen.table, print::good("done:"), seen.last));
        }
    }
    result.map(|_| ExitCode::SUCCESS).map_err(Into::into)
}

/// How the gateway of a story is started.
fn up(args: &DemoArgs) -> UpArgs {
    // A story that moves the clock leaves times to come behind it: it keeps nothing unless it is told where.
    let kept = args.data_dir.clone().or_else(|| (args.story == Story::Joining).then(|| PathBuf::from(".drydock/demo")));
    UpArgs {
        template: Some(args.template.clone()),
        config: args.config.clone(),
        parameters: Vec::new(),
        ephemeral: kept.is_none(),
        data_dir: kept.unwrap_or_default(),
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        api_port: 0,
        mqtt_port: 0,
        tls_port: 0,
        plain_port: None,
        ready_file: None,
        functions_profile: args.functions_profile.clone(),
        runtimes: None,
        quiet: args.json,
        no_functions: false,
        lenient: false,
        lambda_endpoint: None,
        account: "123456789012".to_owned(),
        region: Some("us-east-1".to_owned()),
        // Of the first story's state `drydock up` makes more: it finds the stack under the name that it has there.
        stack_name: (args.story != Story::Joining).then(|| STACK.to_owned()),
        public_host: None,
        aws_names: None,
    }
}
