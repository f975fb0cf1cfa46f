//! `drydock device`: made whole or not at all, listed, shown, deleted.

use drydock_tests::gateway::{self, Gateway, Place};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};
use std::fs;
use std::process::Output;

/// The command against a gateway.
pub(crate) fn device(place: &Place, gateway: &Gateway<'_>, arguments: &[&str]) -> Output {
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let mut command = gateway::command();
    command.arg("device").args(arguments).args(["--api-url", url]).current_dir(place.path()).env("NO_COLOR", "1");
    command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION").output().unwrap()
}

pub(crate) fn good(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn bad(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_device_is_made_looked_at_and_deleted() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    assert!(good(&device(&place, &gateway, &["list"])).contains("there are no devices"));
    let made: Value = serde_json::from_str(&good(&device(&place, &gateway, &["create", "dock-1", "--json"]))).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let identity = Identity {
        name: "dock-1".to_owned(),
        id: text("certificateId"),
        arn: text("certificateArn"),
        certificate: fs::read_to_string(text("certificate")).unwrap(),
        key: fs::read_to_string(text("privateKey")).unwrap(),
    };
    let connection = gateway.connect(&identity);
    assert!(good(&device(&place, &gateway, &["list"])).contains("dock-1"));
    let shown = good(&device(&place, &gateway, &["show", "dock-1"]));
    for expected in [identity.id.as_str(), "ACTIVE", "drydock-device", "connected", "devices/dock-1"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let shown: Value = serde_json::from_str(&good(&device(&place, &gateway, &["show", "dock-1", "--json"]))).unwrap();
    assert_eq!(shown["connection"]["connected"], true, "{shown}");
    assert_eq!(shown["certificates"][0]["policies"], json!(["drydock-device"]), "{shown}");
    assert!(bad(&device(&place, &gateway, &["show", "dock-2"])).contains("ResourceNotFoundException"));

    assert!(good(&device(&place, &gateway, &["delete", "dock-1"])).contains(&identity.id));
    connection.ended();
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
    assert_eq!(gateway.iot("GET", "/certificates", &Value::Null)["certificates"], json!([]));
    assert!(!place.path().join("devices/dock-1").exists(), "its files go with it");
    assert!(bad(&device(&place, &gateway, &["delete", "dock-1"])).contains("ResourceNotFoundException"));
}

#[test]
fn a_key_is_not_overwritten() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let _ = good(&device(&place, &gateway, &["create", "dock-1"]));
    let key = place.path().join("devices/dock-1/private.pem.key");
    let first = fs::read_to_string(&key).unwrap();
    let refused = bad(&device(&place, &gateway, &["create", "dock-1"]));
    assert!(refused.contains("private.pem.key` is there already"), "{refused}");
    assert_eq!(fs::read_to_string(&key).unwrap(), first);
    let certificates = gateway.iot("GET", "/certificates", &Value::Null);
    assert_eq!(certificates["certificates"].as_array().unwrap().len(), 1, "nothing was made: {certificates}");
    // Elsewhere the thing gets another certificate, and the first stays its own.
    let _ = good(&device(&place, &gateway, &["create", "dock-1", "--out", "second"]));
    let principals = gateway.iot("GET", "/things/dock-1/principals", &Value::Null);
    assert_eq!(principals["principals"].as_array().unwrap().len(), 2, "{principals}");
}

#[test]
fn all_of_a_device_is_made_or_nothing() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let nothing = || {
        assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
        assert_eq!(gateway.iot("GET", "/certificates", &Value::Null)["certificates"], json!([]));
        assert!(!place.path().join("devices/dock-1").exists());
    };
    let refused = bad(&device(&place, &gateway, &["create", "dock-1", "--policy", "nothing"]));
    assert!(refused.contains("ResourceNotFoundException"), "{refused}");
    nothing();
    fs::create_dir_all(place.path().join("devices")).unwrap();
    fs::write(place.path().join("devices/dock-1"), "a file where the folder would be").unwrap();
    let refused = bad(&device(&place, &gateway, &["create", "dock-1"]));
    assert!(refused.contains("dock-1"), "{refused}");
    fs::remove_file(place.path().join("devices/dock-1")).unwrap();
    nothing();
    // The gateway refuses the last step: what was made is taken back.
    fs::write(place.path().join("drydock.toml"), "[faults]\n\"iot.AttachThingPrincipal\" = { fail = 1.0 }\n").unwrap();
    let place = &place;
    gateway.stop();
    let gateway = place.up(&["--ephemeral"]);
    let refused = bad(&device(place, &gateway, &["create", "dock-1"]));
    assert!(refused.contains("AttachThingPrincipal") && refused.contains("drydock.toml"), "{refused}");
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
    assert_eq!(gateway.iot("GET", "/certificates", &Value::Null)["certificates"], json!([]));
    assert!(!place.path().join("devices/dock-1").exists());
    // Nor is a thing taken back that was there before, whatever is refused.
    gateway.iot("POST", "/things/dock-2", &json!({}));
    let _ = bad(&device(place, &gateway, &["create", "dock-2"]));
    assert_eq!(gateway.iot("GET", "/things/dock-2", &Value::Null)["thingName"], "dock-2");
    gateway.stop();
    fs::write(place.path().join("drydock.toml"), "[faults]\n\"iot.DescribeThing\" = { fail = 1.0 }\n").unwrap();
    let gateway = place.up(&["--ephemeral"]);
    gateway.iot("POST", "/things/dock-2", &json!({}));
    let _ = bad(&device(place, &gateway, &["create", "dock-2"]));
    let things = gateway.iot("GET", "/things", &Value::Null);
    assert_eq!(things["things"][0]["thingName"], "dock-2", "{things}");
}
