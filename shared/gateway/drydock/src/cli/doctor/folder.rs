//! A project's folder: what `drydock up` would find there.

use super::args::DoctorArgs;
use super::finding::Findings;
use crate::cli::project::SamConfig;
use drydock_core::{Clock as _, Scope};
use drydock_gateway::config::{Config, FILE};
use drydock_gateway::deploy::{self, Values};
use drydock_host::system::SystemClock;
use drydock_identity::{Authority, Certificate};
use drydock_template::binary::{self, FunctionBuild, Language};
use drydock_template::{Function, Resource};
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// The account and region that templates are read for: what is wrong with one is wrong in all.
const SCOPE: (&str, &str) = ("123456789012", "us-east-1");

pub(super) fn look(args: &DoctorArgs, findings: &mut Findings) {
    if !args.folder.is_dir() {
        findings.wrong(
            "folder",
            format!("there is no folder `{}`", args.folder.display()),
            "name the project's folder",
        );
        return;
    }
    let parameters = configuration(&args.folder.join(FILE), findings);
    template(&args.folder.join(&args.template), parameters, findings);
    state(&args.folder.join(&args.data_dir), findings);
}

/// `parameters` are those of the configuration.
fn template(path: &Path, parameters: Vec<(String, String)>, findings: &mut Findings) {
    const ABOUT: &str = "template";
    let shown = path.display();
    if !path.exists() {
        findings.skipped(ABOUT, format!("there is no `{shown}`"), "name it with --template, if there is to be one");
        return;
    }
    let defaults = match SamConfig::beside(Some(path)) {
        Ok(sam) => sam.parameters,
        Err(why) => return findings.wrong(ABOUT, why, "correct it: `drydock up` reads it, too"),
    };
    let values = Values { parameters, defaults, ..Values::default() };
    let source = match deploy::read(path, &Scope::new(SCOPE.0, SCOPE.1), &values) {
        Ok(source) => source,
        Err(errors) => {
            // Each error is a line, with its help on the next.
            for line in errors.to_string().lines() {
                match line.trim().strip_prefix("help: ") {
                    Some(help) => findings.help(help),
                    None => findings.wrong(ABOUT, line, ""),
                }
            }
            return;
        }
    };
    let plan = source.plan();
    findings.good(ABOUT, format!("`{shown}` has {} resources", plan.resources.len()));
    let folder = path.parent().unwrap_or(Path::new("."));
    for planned in &plan.resources {
        if let Resource::Function(of) = &planned.resource {
            function(&planned.logical_id, of, folder, findings);
        }
    }
}

fn function(name: &str, function: &Function, folder: &Path, findings: &mut Findings) {
    let about = format!("function {name}");
    match binary::find(function, folder) {
        Err(error) => findings.wrong(&about, error.to_string(), "correct its CodeUri, or build it first"),
        Ok(FunctionBuild::Prebuilt { bootstrap }) => match fs::metadata(&bootstrap) {
            Err(_) => {
                let help = "build the function, or name its package with `BuildMethod: rust-cargolambda`";
                findings.wrong(&about, format!("`{}` does not exist", bootstrap.display()), help);
            }
            Ok(found) if found.permissions().mode() & 0o111 == 0 => {
                let shown = bootstrap.display();
                findings.wrong(&about, format!("`{shown}` cannot be executed"), format!("chmod +x {shown}"));
            }
            Ok(_) => findings.good(&about, format!("`{}` is built", bootstrap.display())),
        },
        Ok(FunctionBuild::Cargo { manifest_dir, binary, .. }) => cargo(&about, &manifest_dir, &binary, findings),
        Ok(FunctionBuild::Packed { .. }) => findings.good(&about, "`drydock up` unpacks its package"),
        Ok(FunctionBuild::Script { language, .. }) => {
            let language = match language {
                Language::Python(version) => format!("Python {version}"),
                Language::Node(version) => format!("Node.js {version}"),
            };
            findings.good(&about, format!("it is for {language}; `drydock up` installs what it requires"));
        }
    }
}

fn cargo(about: &str, folder: &Path, binary: &str, findings: &mut Findings) {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        let help = "correct its CodeUri: it is to be the folder of a package";
        findings.wrong(about, format!("`{}` does not exist", manifest.display()), help);
        return;
    }
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let built = absolute.ancestors().map(|above| above.join("target/debug").join(binary)).find(|path| path.is_file());
    match built {
        Some(path) => {
            findings.good(about, format!("`{}` is built; `drydock up` builds what has changed", path.display()))
        }
        None => findings.doubtful(
            about,
            format!("the binary `{binary}` is not built yet"),
            "`drydock up` builds it, which takes a while",
        ),
    }
}

/// Gives the values that it has for parameters of the template.
fn configuration(path: &Path, findings: &mut Findings) -> Vec<(String, String)> {
    const ABOUT: &str = FILE;
    if !path.exists() {
        findings.good(ABOUT, "there is none: everything is as AWS has it");
        return Vec::new();
    }
    match Config::find(Some(path)) {
        Ok(config) => {
            findings.good(ABOUT, "it reads");
            return config.parameters;
        }
        Err(error) => {
            let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            findings.wrong(
                ABOUT,
                format!("{error}{why}").replace('\n', " "),
                "`drydock limits` has the names of all limits",
            );
        }
    }
    Vec::new()
}

fn state(folder: &Path, findings: &mut Findings) {
    const ABOUT: &str = "state folder";
    let shown = folder.display();
    let own = match fs::metadata(folder) {
        Ok(own) if own.is_dir() => own,
        Ok(_) => {
            findings.wrong(
                ABOUT,
                format!("`{shown}` is not a folder"),
                "move it away, or name another with --data-dir",
            );
            return;
        }
        Err(_) => {
            findings.skipped(ABOUT, format!("there is no `{shown}` yet"), "");
            return;
        }
    };
    let user = rustix::process::geteuid().as_raw();
    if own.uid() != user {
        let text = format!("`{shown}` is of user {}, and you are {user}", own.uid());
        findings.wrong(ABOUT, text, format!("run as that user, or `chown -R {user} {shown}`"));
        return;
    }
    let open = open_to_others(&own);
    // The certificates beside them are for everybody.
    let keys = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let keys = keys.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "key"));
    let opened: Vec<String> = keys
        .filter(|entry| entry.metadata().is_ok_and(|found| open_to_others(&found)))
        .map(|entry| entry.path().display().to_string())
        .collect();
    if open || !opened.is_empty() {
        let what = if open { shown.to_string() } else { opened.join(", ") };
        let text = format!("others may read {what}, and keys are there");
        findings.wrong(ABOUT, text, format!("chmod -R go= {shown}"));
    } else {
        findings.good(ABOUT, format!("`{shown}` is yours alone"));
    }
    root(&Authority::root_path(folder), findings);
}

/// The certificate that devices trust.
fn root(path: &Path, findings: &mut Findings) {
    const ABOUT: &str = "root certificate";
    let Ok(text) = fs::read_to_string(path) else { return };
    match Certificate::from_pem("the root certificate", &text) {
        Err(error) => findings.wrong(
            ABOUT,
            format!("`{}`: {error}", path.display()),
            "move the state folder away: a new one is made",
        ),
        Ok(read) => match read.invalid_at(SystemClock.now()) {
            Some(why) => {
                findings.wrong(ABOUT, why, "set this machine's clock, or move the state folder away: a new one is made")
            }
            None => findings.good(ABOUT, format!("`{}` is valid until {}", path.display(), read.not_after())),
        },
    }
}

/// Whether others than the owner may do anything with a file.
pub(super) fn open_to_others(found: &Metadata) -> bool {
    found.permissions().mode() & 0o077 != 0
}
