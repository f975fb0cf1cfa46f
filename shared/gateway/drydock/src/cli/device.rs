//! `drydock device create`: a thing with certificate, key and policy, and the lines that use them.

use super::args::{CommandResult, DeviceCreateArgs};
use super::print;
use crate::client::{Api, CallError};
use drydock_core::ThingName;
use drydock_gateway::dock::device::{Ask, ControlPlane, Credentials, make};
use drydock_host::shown::{literal, word};
use drydock_identity::Certificate;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Where the gateway refuses, or the files cannot be written.
pub async fn create(args: DeviceCreateArgs) -> CommandResult {
    let name = ThingName::new(&args.name)?;
    let probe = Api::new(&args.api_url, "us-east-1");
    let health = probe.health().await?;
    // By its content, not by a path: whoever answers could name any file of this machine.
    let root_ca = health.get("rootCaPem").and_then(Value::as_str).unwrap_or_default().to_owned();
    let health = drydock_host::shown::value(health);
    let region = health.get("region").and_then(Value::as_str).unwrap_or("us-east-1");
    let api = Api::new(&args.api_url, region);
    let device = make(&api, name.as_str(), args.policy.as_deref()).await?;

    let folder = args.out.unwrap_or_else(|| PathBuf::from("devices").join(&args.name));
    std::fs::create_dir_all(&folder).map_err(|e| format!("the folder `{}` cannot be made: {e}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let files = write(&folder, &device, &root_ca)?;
    report(&device, &files, &health, args.json);
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
}

/// The device's files.
struct Files {
    certificate: PathBuf,
    private_key: PathBuf,
    root_ca: PathBuf,
}

fn write(folder: &Path, device: &Credentials, root_ca: &str) -> Result<Files, String> {
    let certificate = |what: &'static str, text: &str| {
        let read = Certificate::from_pem(what, text).map(|read| read.pem());
        read.map_err(|error| format!("what the gateway answered is not used: {error}"))
    };
    let root_ca = certificate("its root certificate", root_ca)?;
    let own = certificate("the device's certificate", &device.certificate_pem)?;
    let files = Files {
        certificate: folder.join("certificate.pem.crt"),
        private_key: folder.join("private.pem.key"),
        root_ca: folder.join("root-ca.pem"),
    };
    let failed = |path: &Path, error: std::io::Error| format!("`{}` cannot be written: {error}", path.display());
    std::fs::write(&files.certificate, own).map_err(|e| failed(&files.certificate, e))?;
    private(&files.private_key, &device.private_key_pem).map_err(|e| failed(&files.private_key, e))?;
    std::fs::write(&files.root_ca, root_ca).map_err(|e| failed(&files.root_ca, e))?;
    Ok(files)
}

/// Writes a file that only its owner reads, also where it was there and open to others.
fn private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
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
