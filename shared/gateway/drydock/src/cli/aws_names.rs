//! `drydock up --aws-names`: what a machine needs so that devices and SDK samples that know AWS's names alone reach this gateway,
//! and how it is taken back. Nothing is changed here: each step is a line for a person to run, and is checked.

use super::args::{AwsNames, UpArgs};
use super::print;
use super::project::{self, SamConfig};
use drydock_core::Scope;
use drydock_identity::Authority;
use drydock_identity::book::domains::{credentials_name, endpoint_name};
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

/// The port that AWS's endpoints have.
pub const PORT: u16 = 443;

const HOSTS: &str = "/etc/hosts";
/// Down to which port whoever likes may listen, on Linux.
const UNPRIVILEGED: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/// Where systems keep the certificates that they trust, in one file.
const TRUSTED: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];
/// Where a certificate is put that is to be trusted, under which name, and what makes it so; the first folder that is there counts.
const ANCHORS: [(&str, &str, &str); 3] = [
    ("/usr/local/share/ca-certificates", "drydock.crt", "update-ca-certificates"),
    ("/etc/pki/ca-trust/source/anchors", "drydock.pem", "update-ca-trust"),
    ("/etc/ca-certificates/trust-source/anchors", "drydock.pem", "update-ca-trust"),
];

/// One thing that has to be so.
struct Step {
    what: String,
    /// Why it is not so; none where it is.
    missing: Option<String>,
    /// What to run for it.
    run: String,
    /// What takes it back, where there is something to take back.
    undo: Option<String>,
}

/// All of them.
pub struct Steps(Vec<Step>);

impl Steps {
    /// What holds on this machine for a gateway that is started with these arguments.
    ///
    /// # Errors
    /// Where the region is not a region, or the root certificate cannot be made.
    pub fn of(args: &UpArgs) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let template = args.template.clone().or_else(project::template);
        let region = project::region(args.region.as_deref(), &SamConfig::beside(template.as_deref())?)?;
        let scope = Scope::new(args.account.as_str(), region);
        let root = match args.aws_names {
            // What is to be taken back makes nothing new.
            Some(AwsNames::Off) => Authority::root_path(&args.data_dir),
            _ => drydock_gateway::prepare_root(&args.data_dir)?,
        };
        let names = [endpoint_name(&scope), credentials_name(&scope)];
        Ok(Self(vec![port(args.host), hosts(args.host, &names), trust(&root)]))
    }

    /// Shows which hold and what to run for the others; whether all do.
    #[must_use]
    pub fn show_doing(&self, quiet: bool) -> bool {
        let all = self.0.iter().all(|step| step.missing.is_none());
        if all && quiet {
            return true;
        }
        for step in &self.0 {
            match &step.missing {
                None => print::told(format_args!("{} {}", print::good("[x]"), step.what)),
                Some(why) => {
                    print::told(format_args!("{} {}: {why}", print::bad("[ ]"), step.what));
                    print::told(format_args!("      {}", step.run));
                }
            }
        }
        if !all {
            print::beside("run what is missing, then this command again; `--aws-names off` says how it is taken back");
        }
        all
    }

    /// Shows what is to be taken back.
    pub fn show_undoing(&self) {
        let undo: Vec<&Step> = self.0.iter().filter(|step| step.undo.is_some()).collect();
        if undo.is_empty() {
            print::told("nothing is to be taken back: this machine's names, ports and trust are as they were");
        }
        for step in undo {
            print::told(format_args!("{} {}", print::bad("[ ]"), step.what));
            print::told(format_args!("      {}", step.undo.as_deref().unwrap_or_default()));
        }
    }
}

/// Whether the port can be listened on.
fn port(host: IpAddr) -> Step {
    let missing = match TcpListener::bind((host, PORT)) {
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Some("another process has it: stop that one".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    let start: u16 =
        std::fs::read_to_string(UNPRIVILEGED).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024);
    Step {
        what: format!("port {PORT} of {host} can be listened on"),
        missing,
        run: format!("sudo sysctl -w net.ipv4.ip_unprivileged_port_start={PORT}"),
        undo: (start <= PORT).then(|| "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=1024".to_owned()),
    }
}

/// Whether the names point to where the gateway listens.
fn hosts(host: IpAddr, names: &[String]) -> Step {
    let target = if host.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { host };
    let elsewhere = names.iter().find(|name| {
        let found = (name.as_str(), PORT).to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        found.is_empty() || found.iter().any(|socket| socket.ip() != target)
    });
    let all = names.join(" ");
    let written = std::fs::read_to_string(HOSTS).unwrap_or_default();
    let has = |line: &str| line.split_whitespace().any(|word| names.iter().any(|name| name == word));
    Step {
        what: format!("AWS's names point to {target}"),
        missing: elsewhere.map(|name| format!("{name} does not")),
        run: format!("echo '{target} {all}' | sudo tee -a {HOSTS}"),
        undo: written.lines().any(has).then(|| {
            let name = names.first().map(String::as_str).unwrap_or_default();
            format!("sudo sed -i '/ {}/d' {HOSTS}", name.replace('.', "\\."))
        }),
    }
}

/// Whether the system trusts the root.
fn trust(root: &Path) -> Step {
    let own = body(&std::fs::read_to_string(root).unwrap_or_default());
    let store = TRUSTED.into_iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let trusted = !own.is_empty() && body(&store).contains(&own);
    let (folder, name, update) = ANCHORS.into_iter().find(|(folder, ..)| Path::new(folder).is_dir()).unwrap_or((
        "/usr/local/share/ca-certificates",
        "drydock.crt",
        "update-ca-certificates",
    ));
    let anchor = PathBuf::from(folder).join(name);
    Step {
        what: "this system trusts the gateway's root certificate".to_owned(),
        missing: (!trusted).then(|| {
            "programs that have a list of their own need it, too (NODE_EXTRA_CA_CERTS, AWS_CA_BUNDLE)".to_owned()
        }),
        run: format!(
            "sudo cp {} {} && sudo {update}",
            drydock_host::shown::word(&root.display().to_string()),
            anchor.display()
        ),
        undo: (trusted || anchor.exists()).then(|| format!("sudo rm {} && sudo {update}", anchor.display())),
    }
}

/// The text of certificates without what lines and spaces make different.
fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect()
}
