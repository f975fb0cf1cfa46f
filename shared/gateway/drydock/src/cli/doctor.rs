//! `drydock doctor`: looks at a folder, at a device's files and at a gateway that is up, and says what is wrong with them and what
//! to do about it. It changes nothing, and connects under nobody's client id.
//!
//! - `folder`: the template, the configuration, the state folder, the functions.
//! - `device`: the certificate, its key, the CA file.
//! - `gateway`: whether it is there, what it knows of the device, what the device may do.
//! - `finding`: what was found, in one form.

mod device;
mod finding;
mod folder;
mod gateway;

use super::args::CommandResult;
use super::print;
use clap::Args;
use device::{Device, Files};
use finding::{Findings, State};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `drydock doctor` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Ends with 1 where something is wrong, else with 0.\n\n\
    drydock doctor\n\
    drydock doctor --device devices/dock-1\n\
    drydock doctor --certificate crt.pem --key key.pem --root-ca ca.pem --client-id dock-1 --topic dt/dock-1/state")]
pub struct DoctorArgs {
    /// The folder of the project.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The template, in the folder.
    #[arg(long, value_name = "PATH", default_value = "template.yaml")]
    pub template: PathBuf,
    /// Where state is kept, in the folder.
    #[arg(long, value_name = "DIR", default_value = ".drydock")]
    pub data_dir: PathBuf,
    /// A folder with the files of a device, as `drydock device create` makes it.
    #[arg(long, value_name = "DIR")]
    pub device: Option<PathBuf>,
    /// A device's certificate, with those that signed it behind it.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The device's private key.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The CA certificate that the device trusts.
    #[arg(long, value_name = "FILE")]
    pub root_ca: Option<PathBuf>,
    /// The client id that the device connects with; without it the name of the device's folder.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// A topic that the device publishes to; may be given more than once.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Vec<String>,
    /// The host name that the device connects to.
    #[arg(long, value_name = "HOST")]
    pub endpoint: Option<String>,
    /// The gateway's API endpoint.
    #[arg(long, value_name = "URL", env = "DRYDOCK_API_URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

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
        findings.all.iter().for_each(|finding| print::told(finding));
        let end = match wrong {
            0 => print::good("nothing is wrong"),
            1 => print::bad("1 thing is wrong"),
            more => print::bad(format_args!("{more} things are wrong")),
        };
        print::told(format_args!("\n{end}"));
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
