//! What `drydock doctor` is asked.

use clap::Args;
use std::path::PathBuf;

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
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4566")]
    pub api_url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
