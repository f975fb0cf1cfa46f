//! `drydock device create`: a thing with certificate, key and policy, and the lines that use them.

use super::args::DeviceCreateArgs;
use super::files::{Files, folder_of};
use crate::cli::args::CommandResult;
use crate::cli::print;
use crate::client::{Api, CallError};
use drydock_core::ThingName;
use drydock_gateway::dock::device::{Ask, ControlPlane, Credentials, Made, make};
use drydock_host::shown::{literal, word};
use drydock_identity::Certificate;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Where the gateway refuses, or the files are there already or cannot be written; nothing is left of the device then.
pub async fn run(args: DeviceCreateArgs) -> CommandResult {
    let name = ThingName::new(&args.name)?;
    let folder = args.out.clone().unwrap_or_else(|| folder_of(name.as_str()));
    let place = Reserved::new(&folder)?;
    let (api, health) = args.at.gateway().await?;
    // By its content, not by a path: whoever answers could name any file of this machine.
    let root_ca = health.get("rootCaPem").and_then(Value::as_str).unwrap_or_default().to_owned();
    let health = drydock_host::shown::value(health);
    let device = make(&api, name.as_str(), args.policy.as_deref()).await?;
    match place.write(&device, &root_ca) {
        Ok(files) => report(&device.credentials, &files, &health, args.at.json),
        Err(error) => {
            device.unmake(&api).await;
            return Err(error.into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl ControlPlane for Api {
    type Error = CallError;

    async fn ask(&self, ask: Ask) -> Result<Value, CallError> {
        let headers: Vec<_> = ask.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.iot(ask.operation, ask.method, &ask.path, &headers, &ask.body).await
    }

    fn exists(error: &CallError) -> bool {
        error.is("ResourceAlreadyExistsException")
    }

    fn is_missing(error: &CallError) -> bool {
        error.is("ResourceNotFoundException")
    }
}

/// The device's files, which are this command's alone while it runs: they are made empty at first, so that of two commands one
/// is refused, and are removed where the device is not made after all.
struct Reserved {
    files: Files,
    made: Vec<PathBuf>,
    kept: bool,
}

impl Reserved {
    fn new(folder: &Path) -> Result<Self, String> {
        let is_new = !folder.exists();
        std::fs::create_dir_all(folder)
            .map_err(|e| format!("the folder `{}` cannot be made: {e}", folder.display()))?;
        let folder = folder.canonicalize().map_err(|e| format!("`{}` cannot be found: {e}", folder.display()))?;
        let mut reserved = Self { files: Files::of(&folder), made: Vec::new(), kept: false };
        if is_new {
            reserved.made.push(folder);
        }
        for path in [reserved.files.private_key.clone(), reserved.files.certificate.clone()] {
            new_file(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => format!(
                    "`{}` is there already, and a key that is overwritten is lost: `drydock device delete NAME` removes a device, \
                     --out DIR writes elsewhere",
                    path.display()
                ),
                _ => format!("`{}` cannot be written: {error}", path.display()),
            })?;
            reserved.made.push(path);
        }
        Ok(reserved)
    }

    /// Writes the files, or none of them.
    fn write(mut self, device: &Made, root_ca: &str) -> Result<Files, String> {
        let certificate = |what: &'static str, text: &str| {
            let read = Certificate::from_pem(what, text).map(|read| read.pem());
            read.map_err(|error| format!("what the gateway answered is not used: {error}"))
        };
        let device = &device.credentials;
        let root_ca = certificate("its root certificate", root_ca)?;
        let own = certificate("the device's certificate", &device.certificate_pem)?;
        let (files, is_new) = (self.files.clone(), !self.files.root_ca.exists());
        let texts =
            [(&files.certificate, &own), (&files.private_key, &device.private_key_pem), (&files.root_ca, &root_ca)];
        for (path, text) in texts {
            std::fs::write(path, text).map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
            if is_new && *path == files.root_ca {
                self.made.push(path.clone());
            }
        }
        self.kept = true;
        Ok(files)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for path in self.made.iter().rev() {
            // The folder stays where something else is in it by now.
            let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
        }
    }
}

/// A new file that only its owner reads.
fn new_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn report(device: &Credentials, files: &Files, health: &Value, as_json: bool) {
    let host = health.pointer("/mqtt/host").and_then(Value::as_str).unwrap_or("127.0.0.1");
    let port = health.pointer("/mqtt/port").and_then(Value::as_u64).unwrap_or(8883);
    if as_json {
        print::told(format_args!(
            "{}",
            json!({
                "thingName": device.thing_name, "certificateId": device.certificate_id, "certificateArn": device.certificate_arn,
                "certificate": files.certificate, "privateKey": files.private_key, "rootCa": files.root_ca,
                "mqtt": { "host": host, "port": port },
            })
        ));
        return;
    }
    let path = |path: &Path| path.display().to_string();
    let (certificate, key, root) = (path(&files.certificate), path(&files.private_key), path(&files.root_ca));
    let name = &device.thing_name;
    let [subscribe, publish, python] = lines(host, port, name.as_str(), [&certificate, &key, &root]);
    print::told(format_args!("{} thing {name}, certificate {}", print::good("made"), device.certificate_id));
    print::told(format_args!("\n{}", print::dim("# subscribe, in one terminal")));
    print::told(subscribe);
    print::told(format_args!(
        "\n{}",
        print::dim("# publish, in another: one connection per client id, so stop the first or this one takes over")
    ));
    print::told(publish);
    print::told(format_args!("\n{}", print::dim("# AWS IoT Device SDK for Python v2")));
    print::told(python);
}

/// The lines to paste: a subscriber, a publisher, and some Python. Whatever comes from the gateway or from a path is quoted.
fn lines(host: &str, port: u64, name: &str, [certificate, key, root]: [&str; 3]) -> [String; 3] {
    let options = format!(
        "-h {} -p {port} --cafile {} --cert {} --key {} -i {}",
        word(host),
        word(root),
        word(certificate),
        word(key),
        word(name)
    );
    [
        format!("mosquitto_sub {options} -t {} -v -q 1", word(&format!("cmd/{name}/#"))),
        format!(
            "mosquitto_pub {options} -t {} -q 1 -m '{{\"temperature\": 21.5}}'",
            word(&format!("dt/{name}/telemetry"))
        ),
        format!(
            "from awsiot import mqtt5_client_builder\nclient = mqtt5_client_builder.mtls_from_path(endpoint={}, port={port}, cert_filepath={}, pri_key_filepath={}, ca_filepath={}, client_id={})",
            literal(host),
            literal(certificate),
            literal(key),
            literal(root),
            literal(name)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_to_paste_run_nothing_else() {
        let files = ["/tmp/a b/c.pem", "/k;id", "/root.pem"];
        let [subscribe, publish, python] = lines("$(touch owned)\"", 8883, "dock-1", files);
        for line in [&subscribe, &publish] {
            assert!(line.contains(r#"-h '$(touch owned)"' -p 8883 --cafile /root.pem"#), "{line}");
            assert!(line.contains(r"--cert '/tmp/a b/c.pem' --key '/k;id' -i dock-1"), "{line}");
        }
        assert!(subscribe.ends_with("-t 'cmd/dock-1/#' -v -q 1"), "{subscribe}");
        assert!(python.contains(r#"endpoint="$(touch owned)\"", port=8883"#), "{python}");
    }
}
