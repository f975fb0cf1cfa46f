//! `drydock device run`: acts as a device, or as a thousand of them, that does its jobs, carries out commands and follows its
//! shadow, as well or as badly as it is told to.
//!
//! - `report`: what is printed of them.

mod report;

use super::args::RunArgs;
use super::files::{Files, folder_of};
use crate::cli::args::CommandResult;
use crate::cli::signal::stop_signal;
use crate::mqtt::Identity;
use crate::simulated::Devices;
use crate::simulated::behavior::Behavior;
use crate::simulated::fleet::{Address, Fleet};
use drydock_core::ThingName;
use report::Report;
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the command, until it is told to stop or `--executions` have ended.
///
/// # Errors
/// Where the gateway refuses to make the devices, or their files do not read. A device that does not get through tries again.
pub async fn run(args: RunArgs) -> CommandResult {
    let signal = stop_signal()?;
    tokio::pin!(signal);
    let fleet = tokio::select! {
        fleet = fleet(&args) => fleet?,
        () = &mut signal => return Ok(ExitCode::SUCCESS),
    };
    let behavior = Behavior {
        does: args.does,
        fail_every: args.fail_every,
        cannot: |_, _| false,
        takes: Duration::from_secs_f64(args.takes),
    };
    let mut devices = Devices::of(fleet);
    let count = devices.names().len();
    for number in (1..).take(count) {
        devices.begin(number, behavior);
    }
    let mut report = Report::new(&args, count);
    let mut left = args.executions;
    loop {
        let next = tokio::select! {
            next = devices.next() => next,
            () = &mut signal => None,
        };
        let Some((name, told)) = next else { break };
        report.tell(&name, &told);
        if told.end().is_some()
            && let Some(left) = &mut left
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                break;
            }
        }
    }
    devices.end().await;
    report.finish();
    Ok(ExitCode::SUCCESS)
}

/// The one device whose files are here, or, with `--count`, that many things under one certificate of their own.
async fn fleet(args: &RunArgs) -> Result<Fleet, Box<dyn std::error::Error + Send + Sync>> {
    let name = ThingName::new(&args.name)?;
    let (api, health) = args.at.gateway().await?;
    let text = |pointer: &str| health.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let port = health.pointer("/mqtt/port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let at = Address {
        host: text("/mqtt/host").unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: port.unwrap_or(8883),
        root: text("/rootCaPem").unwrap_or_default(),
    };
    match args.count {
        Some(count) => Fleet::of_things(&api, name.as_str(), count, args.policy.as_deref(), at).await,
        None => {
            let folder = args.from.clone().unwrap_or_else(|| folder_of(name.as_str()));
            Ok(Fleet::of_one(&name, of_files(&folder, name.as_str())?, at))
        }
    }
}

fn of_files(folder: &Path, name: &str) -> Result<Identity, Box<dyn std::error::Error + Send + Sync>> {
    let files = Files::of(folder);
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            format!(
                "`{}` cannot be read: {error}; `drydock device create {name}` makes a device with its files, --count N \
                 makes devices for this run",
                path.display()
            )
        })
    };
    let (root, certificate, key) = (read(&files.root_ca)?, read(&files.certificate)?, read(&files.private_key)?);
    Ok(Identity::new(&root, &certificate, &key)?)
}
