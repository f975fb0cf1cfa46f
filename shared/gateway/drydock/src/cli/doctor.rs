//! `drydock doctor`: looks at a folder, at a device's files and at a gateway that is up, and says what is wrong with them and what
//! to do about it. It changes nothing, and connects under nobody's client id.
//!
//! - `args`: what it is asked. `folder`: the template, the configuration, the state folder, the functions.
//! - `device`: the certificate, its key, the CA file.
//! - `gateway`: whether it is there, what it knows of the device, what the device may do.
//! - `finding`: what was found, in one form.

mod args;
mod device;
mod finding;
mod folder;
mod gateway;

use super::args::CommandResult;
use super::print;
pub use args::DoctorArgs;
use device::{Device, Files};
use finding::{Findings, State};
use serde_json::json;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// None: what does not work is a finding.
pub async fn run(args: DoctorArgs) -> CommandResult {
    let mut findings = Findings::default();
    folder::look(&args, &mut findings);
    let device = Files::of(&args).map(|files| Device::look(&files, &mut findings));
    gateway::look(&args, device.as_ref(), &mut findings).await;
    let wrong = findings.all.iter().filter(|finding| finding.state == State::Wrong).count();
    if args.json {
        print::told(format_args!("{:#}", json!({ "ok": wrong == 0, "findings": findings.all })));
    } else {
        findings.all.iter().for_each(print::told);
        let end = match wrong {
            0 => print::good("nothing is wrong"),
            1 => print::bad("1 thing is wrong"),
            more => print::bad(format_args!("{more} things are wrong")),
        };
        print::told(format_args!("\n{end}"));
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
