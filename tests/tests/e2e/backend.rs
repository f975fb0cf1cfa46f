//! The backend as `template.yaml` deploys it: its own rules, queues and functions, behind real devices.

use drydock_tests::gateway::{Gateway, Place, function, wait_for};
use drydock_tests::maker::Maker;
use drydock_tests::workspace;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

const FUNCTIONS: [&str; 10] = [
    "connectivity",
    "defender-audit",
    "defender-detect",
    "defender-response",
    "device-authorizer",
    "fleet-api",
    "jit-registration",
    "job-orchestration",
    "provisioning-hook",
    "telemetry",
];

/// The template with its functions built, each in the folder that the template names; faults are `drydock.toml`'s.
pub(crate) fn place(faults: &str) -> Place {
    let template = fs::read_to_string(workspace::root().join("template.yaml")).unwrap();
    let built = "    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: ";
    let mut bare = String::new();
    for (number, part) in template.split(built).enumerate() {
        bare.push_str(if number == 0 { part } else { part.split_once('\n').unwrap().1 });
    }
    assert_eq!(template.matches(built).count(), FUNCTIONS.len());
    let place = Place::new(&bare);
    for name in FUNCTIONS {
        let folder = place.path().join("functions").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(function(name), folder.join("bootstrap")).unwrap();
        fs::set_permissions(folder.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let text = format!("[parameters]\nTrustedCas = \"any\"\nGraceSeconds = \"5\"\n{faults}");
    fs::write(place.path().join("drydock.toml"), text).unwrap();
    place
}

/// The name of the template's table, which begins as its logical id does.
pub(crate) fn table(gateway: &Gateway<'_>, logical_id: &str) -> String {
    let names = gateway.dynamodb("ListTables", &json!({}));
    let names = names["TableNames"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let part = format!("-{logical_id}-");
    let mut found = names.filter(|name| name.contains(&part));
    found.next().unwrap_or_else(|| panic!("no table for {logical_id}"))
}

pub(crate) fn rows(gateway: &Gateway<'_>, logical_id: &str) -> Vec<Value> {
    let name = table(gateway, logical_id);
    let scanned = gateway.dynamodb("Scan", &json!({ "TableName": name, "ConsistentRead": true }));
    scanned["Items"].as_array().cloned().unwrap_or_default()
}

/// A CA whose devices register just in time.
pub(crate) fn maker(gateway: &Gateway<'_>) -> Maker {
    let maker = Maker::new("Backend CA");
    let code = gateway.iot("GET", "/registrationcode", &Value::Null);
    let verification = maker.sign(code["registrationCode"].as_str().unwrap());
    let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification.certificate });
    gateway.iot("POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &body);
    maker
}

#[test]
fn a_device_joins_and_its_alarm_is_raised_and_cleared() {
    let place = place("");
    let gateway = place.up(&["--ephemeral"]);
    let mut observer = gateway.observer(&["cmd/pump-1/#"]);
    let device = maker(&gateway).sign("pump-1");
    let mut connection = wait_for("the device joins", || gateway.try_connect(&device).ok());
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let topic = "dt/pump-1/telemetry";
    let mut publish = |at: i64, temperature: i64, derated: bool| {
        let reading = json!({ "timestamp": now + at * 100, "temperature": temperature, "derated": derated });
        connection.publish(topic, reading.to_string()).unwrap();
    };
    publish(-30, 92, false);
    publish(-20, 93, true);
    // Readings are handled at once and in any order: those that clear the alarm wait until it was told.
    let told = |number: &str| rows(&gateway, "LatestTable").pop().filter(|row| row["crossingsTold"]["N"] == number);
    wait_for("the alarm is told", || told("1"));
    publish(-10, 70, true);
    publish(-5, 21, false);
    // A metric a message, of one time.
    connection.publish(topic, json!({ "timestamp": now - 500, "humidity": 40 }).to_string()).unwrap();
    connection.publish(topic, "not json").unwrap();
    let latest = wait_for("the latest reading, its alarm and its tellings", || {
        let is = |row: &Value, metric: &str, value: &str| row["reading"]["M"][metric]["N"] == value;
        told("2").filter(|row| is(row, "temperature", "21") && is(row, "humidity", "40"))
    });
    assert_eq!(latest["alarm:temperature:above"], json!({ "S": "cleared" }));
    wait_for("the whole history", || (rows(&gateway, "HistoryTable").len() >= 5).then_some(()));
    assert_eq!(rows(&gateway, "HistoryTable").len(), 5);
    // The device is told to reduce its power once, and once that it may have it back.
    assert_eq!(observer.receive("cmd/").topic, "cmd/pump-1/derate");
    assert_eq!(observer.receive("cmd/").topic, "cmd/pump-1/restore");
    // An event that comes twice is kept once, under a key that begins with its time.
    for _ in 0..2 {
        connection.publish("evt/pump-1/events", json!({ "timestamp": now, "kind": "door" }).to_string()).unwrap();
    }
    let events = wait_for("the event is kept", || Some(rows(&gateway, "EventsTable")).filter(|rows| !rows.is_empty()));
    let key = events[0]["eventId"]["S"].as_str().unwrap();
    assert!(key.starts_with(&format!("{now}#")) && key.len() == format!("{now}#").len() + 16, "{key}");
    connection.disconnect();
    wait_for("its absence is announced", || {
        let mut all = rows(&gateway, "ConnectivityTable").into_iter();
        all.find(|row| row["clientId"]["S"] == "pump-1" && row["announced"]["S"] == "offline")
    });
    assert_eq!(rows(&gateway, "EventsTable").len(), 1);
    assert!(observer.inbox.is_empty(), "{:?}", observer.inbox);
}

#[test]
fn a_burst_of_devices_joins_at_the_control_planes_rates() {
    let rates = "\n[faults]\n\"iot.DescribeCertificate\" = { per_second = 10 }\n\"iot.CreateThing\" = { per_second = 10 }\n\
                 \"iot.AttachPolicy\" = { per_second = 10 }\n\"iot.UpdateCertificate\" = { per_second = 10 }\n";
    let place = place(rates);
    let gateway = place.up(&["--ephemeral"]);
    let maker = maker(&gateway);
    let devices: Vec<_> = (0..30).map(|number| maker.sign(&format!("pump-{number}"))).collect();
    // Each presents its certificate again and again, as devices do.
    for _ in 0..3 {
        devices.iter().for_each(|device| drop(gateway.try_connect(device)));
    }
    let names: BTreeSet<String> = devices.iter().map(|device| device.name.clone()).collect();
    let joined = || -> BTreeSet<String> {
        let approved = rows(&gateway, "RegistrationsTable");
        let done = approved.iter().filter(|row| row["outcome"]["S"] == "approved" && row["doneAt"].is_object());
        done.filter_map(|row| row["thingName"]["S"].as_str().map(str::to_owned)).collect()
    };
    // Each ten have their own deadline: so many functions at once take their time.
    for least in [10, 20, 30] {
        wait_for(&format!("{least} have joined"), || (joined().len() >= least).then_some(()));
    }
    assert_eq!(joined(), names);
    devices.iter().for_each(|device| drop(gateway.connect(device)));
}

/// A claim asks for provisioning and can be nobody else; neither it nor AWS's console is followed as a device is. What else connects
/// is followed, and forgotten.
#[test]
fn claims_and_consoles_are_not_devices() {
    let place = place("");
    let gateway = place.up(&["--ephemeral"]);
    let named = |of: &str, gateway: &Gateway<'_>| {
        let listed = gateway.iot("GET", "/policies", &Value::Null);
        let names = listed["policies"].as_array().unwrap().iter().map(|policy| policy["policyName"].as_str().unwrap());
        names.map(str::to_owned).find(|name| name.contains(of)).unwrap()
    };
    let mut claim = gateway.free_device("claim-7");
    gateway.iot("POST", "/target-policies/claim-7", &json!({ "target": claim.arn }));
    let policy = named("ClaimPolicy", &gateway);
    gateway.iot("PUT", &format!("/target-policies/{policy}"), &json!({ "target": claim.arn }));
    let device = gateway.free_device("pump-1");
    let connection = gateway.connect(&device);
    let asking = gateway.connect(&claim);
    claim.name = "pump-1".to_owned();
    gateway.try_connect(&claim).err().expect("a claim under a device's name");
    let console = gateway.connect(&gateway.free_device("iotconsole-1"));
    let tool = gateway.connect(&gateway.free_device("tool-1"));
    let follow = |client: &str, connected: bool| {
        wait_for(client, || {
            let mut rows = rows(&gateway, "ConnectivityTable").into_iter();
            rows.find(|row| row["clientId"]["S"] == client && row["connected"]["BOOL"] == connected)
        })
    };
    follow("pump-1", true);
    assert!(follow("tool-1", true)["expiresAt"]["N"].is_string(), "it is not a device, and is forgotten");
    drop((asking, console));
    tool.disconnect();
    follow("tool-1", false);
    drop(connection);
    follow("pump-1", false);
    let followed: BTreeSet<String> = rows(&gateway, "ConnectivityTable")
        .iter()
        .map(|row| row["clientId"]["S"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(followed, ["pump-1", "tool-1"].map(str::to_owned).into());
}

/// Which CAs are this fleet's is said by whoever deploys it: another fleet may be in the account.
#[test]
fn nothing_is_deployed_without_saying_whose_devices_may_join() {
    let place = place("");
    fs::write(place.path().join("drydock.toml"), "").unwrap();
    let said = place.up_fails(&["--ephemeral", "--no-functions"]);
    assert!(said.contains("TrustedCas"), "{said}");
}
