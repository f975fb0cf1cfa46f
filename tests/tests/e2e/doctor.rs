//! `drydock doctor`: what is wrong with a folder, a device's files and a gateway, each fault found by itself.

use drydock_tests::gateway::{self, Gateway, Place, SMALL};
use drydock_tests::maker::Maker;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What it says, and whether it ends as a command does that found nothing wrong.
fn doctor(place: &Place, arguments: &[&str]) -> (bool, Value) {
    let mut command = gateway::command();
    let output = command.arg("doctor").args(arguments).arg("--json").current_dir(place.path()).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(i32::from(said["ok"] == false)), "{said:#}");
    (output.status.success(), said)
}

/// What is wrong of one thing that was looked at: text and next step.
fn wrong(said: &Value, about: &str) -> String {
    let all = said["findings"].as_array().unwrap();
    let found: Vec<&Value> = all.iter().filter(|finding| finding["state"] == "wrong").collect();
    assert!(found.iter().all(|finding| finding["about"] == about), "something else is wrong, too: {said:#}");
    let texts =
        found.iter().map(|f| format!("{} {}", f["text"].as_str().unwrap(), f["help"].as_str().unwrap_or_default()));
    texts.collect::<Vec<_>>().join("\n")
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn create(place: &Place, gateway: &Gateway<'_>, name: &str) -> Value {
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    serde_json::from_str(&place.run(&["device", "create", name, "--api-url", url, "--json"])).unwrap()
}

#[test]
fn each_fault_of_a_folder_a_device_and_a_gateway_is_found() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--no-functions"]);
    let url = gateway.ready["apiUrl"].as_str().unwrap().to_owned();
    let device = create(&place, &gateway, "dock-1");
    let folder = place.path().join("devices/dock-1");
    let usual = ["--device", "devices/dock-1", "--api-url", &url, "--topic", "dt/dock-1/telemetry"];
    let look = || doctor(&place, &usual).1;
    let with = |more: &[&str]| doctor(&place, &[&usual[..], more].concat()).1;

    let (well, said) = doctor(&place, &usual);
    assert!(well, "{said:#}");
    let good = |about: &str| {
        let all = said["findings"].as_array().unwrap();
        assert!(all.iter().any(|f| f["about"] == about && f["state"] == "good"), "no `{about}`: {said:#}");
    };
    [
        "template",
        "state folder",
        "certificate",
        "private key",
        "CA file",
        "gateway",
        "clock",
        "trust",
        "certificate there",
        "policy",
    ]
    .into_iter()
    .for_each(good);

    // The device's files.
    let key = folder.join("private.pem.key");
    mode(&key, 0o644);
    assert!(wrong(&look(), "private key").contains("chmod 600"));
    mode(&key, 0o600);
    create(&place, &gateway, "dock-2");
    let found = wrong(&with(&["--key", "devices/dock-2/private.pem.key"]), "private key");
    assert!(found.contains("is the key of another certificate"), "{found}");
    fs::write(place.path().join("other-ca.pem"), Maker::new("Another CA").pem()).unwrap();
    let found = wrong(&with(&["--root-ca", "other-ca.pem"]), "trust");
    assert!(found.contains("did not sign the gateway's certificate"), "{found}");
    let found = wrong(&with(&["--certificate", "devices/dock-1/private.pem.key"]), "certificate");
    assert!(found.contains("holds a private key"), "{found}");

    // What the gateway knows of it.
    let id = device["certificateId"].as_str().unwrap();
    gateway.iot("PUT", &format!("/certificates/{id}?newStatus=INACTIVE"), &Value::Null);
    assert!(wrong(&look(), "certificate there").contains("it is INACTIVE"));
    gateway.iot("PUT", &format!("/certificates/{id}?newStatus=ACTIVE"), &Value::Null);
    let found = wrong(&with(&["--topic", "dt/dock-2/telemetry"]), "policy");
    assert!(found.contains("it may not publish to `dt/dock-2/telemetry`"), "{found}");
    let found = wrong(&with(&["--topic", "a/b/c/d/e/f/g/h/i"]), "policy");
    assert!(found.contains("it has 8 slashes"), "{found}");
    let found = wrong(&with(&["--client-id", "somebody"]), "policy");
    assert!(found.contains("it may not connect as `somebody`"), "{found}");
    for (name, why) in [
        (
            "a1b2-ats.iot.eu-west-1.amazonaws.com",
            "is in eu-west-1, and each region has a state of its own: this looks at us-east-1",
        ),
        ("a1b2.iot.us-east-1.amazonaws.com", "has no `-ats`"),
        ("https://localhost:8443", "is not a host name"),
    ] {
        // The handshake is with the name that is given, too.
        let said = doctor(&place, &["--endpoint", name, "--api-url", &url]).1;
        let found = wrong(&said, "endpoint");
        assert!(found.contains(why), "{name}: {found}");
    }

    // The folder.
    let state = place.path().join(".drydock");
    mode(&state, 0o755);
    assert!(wrong(&look(), "state folder").contains("chmod -R go="));
    mode(&state, 0o700);
    fs::write(place.path().join("drydock.toml"), "[limit]\n").unwrap();
    assert!(wrong(&look(), "drydock.toml").contains("limits"));
    fs::remove_file(place.path().join("drydock.toml")).unwrap();
    fs::write(place.path().join("template.yaml"), "Resources:\n  Pump:\n    Type: AWS::IoT::Thing_\n").unwrap();
    assert!(wrong(&look(), "template").contains("AWS::IoT::Thing_"));
    fs::write(place.path().join("template.yaml"), SMALL).unwrap();

    // No gateway: wrong for a device, and of no matter for a folder.
    gateway.stop();
    assert!(wrong(&look(), "gateway").contains("no gateway answers"));
    let (well, said) = doctor(&place, &["--api-url", &url]);
    assert!(well, "{said:#}");
    assert_eq!(said["ok"], json!(true));
}
