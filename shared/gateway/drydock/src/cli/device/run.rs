//! `drydock device run`: acts as a device, or as a thousand of them, that does its jobs, carries out commands and follows its
//! shadow, as well or as badly as it is told to.
//!
//! - `behavior`: what a device makes of a job or a command. `simulated`: one device, from its connect to its end.
//! - `fleet`: who the devices are, and what they show. `report`: what is printed of them.

mod behavior;
mod fleet;
mod report;
mod simulated;

use super::args::RunArgs;
use crate::cli::args::CommandResult;
use crate::cli::signal::stop_signal;
use behavior::Behavior;
use fleet::Fleet;
use report::Report;
use simulated::Simulated;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How much may have happened that is not printed yet: devices wait for who prints.
const WAITING: usize = 1_024;

/// Runs the command, until it is told to stop or `--executions` have ended.
///
/// # Errors
/// Where the gateway refuses to make the devices, or their files do not read. A device that does not get through tries again.
pub async fn run(args: RunArgs) -> CommandResult {
    let signal = stop_signal()?;
    tokio::pin!(signal);
    let fleet = tokio::select! {
        fleet = Fleet::of(&args) => Arc::new(fleet?),
        () = &mut signal => return Ok(ExitCode::SUCCESS),
    };
    let behavior = Behavior::of(&args);
    let (telling, mut told) = mpsc::channel(WAITING);
    let (stop, stopped) = watch::channel(false);
    let mut devices = JoinSet::new();
    for (number, name) in (1..).zip(fleet.names()) {
        let device = Simulated::new(name.clone(), number, behavior, telling.clone());
        devices.spawn(device.run(Arc::clone(&fleet), stopped.clone()));
    }
    drop(telling);
    let mut report = Report::new(&args, fleet.names().len());
    let mut left = args.executions;
    loop {
        let next = tokio::select! {
            next = told.recv() => next,
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
    let _ = stop.send(true);
    // Devices that have something to tell must not wait for ever.
    drop(told);
    while devices.join_next().await.is_some() {}
    fleet.end().await;
    report.finish();
    Ok(ExitCode::SUCCESS)
}
