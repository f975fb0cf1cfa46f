//! A change of several books is on disk as a whole or not at all: `kill -9` as soon as anything of it can be seen there.

use drydock_tests::DEADLINE;
use drydock_tests::gateway::{Gateway, Place, SMALL, authorization};
use rcgen::{CertificateParams, DnType, KeyPair};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Instant;

const OPTIONS: [&str; 3] = ["--data-dir", "state", "--no-functions"];
/// How often each is killed.
const KILLS: usize = 6;

/// Every row, by table and key.
type State = BTreeSet<(String, String, String)>;

/// How many rows there are, by table.
type Counts = BTreeMap<String, i64>;

/// The state file, read beside the gateway.
struct Disk(Connection);

impl Disk {
    fn of(place: &Place) -> Self {
        Self(Connection::open(place.path().join("state/drydock.sqlite")).unwrap())
    }

    fn state(&self) -> State {
        let mut statement = self.0.prepare_cached("SELECT tbl, key, value FROM row").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// What goes up with each commit that somebody else makes.
    fn version(&self) -> i64 {
        self.0.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
    }
}

fn counts(state: &State) -> Counts {
    let mut counts = Counts::new();
    for (table, ..) in state {
        *counts.entry(table.clone()).or_default() += 1;
    }
    counts
}

/// What has become more, and what less.
fn difference(before: &State, after: &State) -> Counts {
    let (before, after) = (counts(before), counts(after));
    let tables: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |counts: &Counts, table: &String| counts.get(table).copied().unwrap_or_default();
    let changes = tables.into_iter().map(|table| (table.clone(), of(&after, table) - of(&before, table)));
    changes.filter(|(_, change)| *change != 0).collect()
}

/// A request: its method, path and body.
type Request = (&'static str, String, String);

/// Sends a request, and kills the gateway at the first commit that can be seen. What was on disk before, and what is after.
fn killed(place: &Place, gateway: Gateway<'_>, (method, path, body): &Request) -> (State, State) {
    let disk = Disk::of(place);
    let (before, version) = (disk.state(), disk.version());
    let mut stream = gateway.tcp(gateway.api_port());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
        authorization("us-east-1", "iot"),
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
    let deadline = Instant::now() + DEADLINE;
    while disk.version() == version {
        assert!(Instant::now() < deadline, "{method} {path} changed nothing");
    }
    gateway.kill();
    let after = disk.state();
    (before, after)
}

/// Prepares and kills several times: what a request changes is what it changes when nobody kills, or nothing.
fn all_or_nothing(what: &str, prepare: impl Fn(&Gateway<'_>, usize) -> Request) {
    let place = Place::new(SMALL);
    let gateway = place.up(&OPTIONS);
    // The first run may make what later ones find.
    let mut whole = Counts::new();
    for round in 0..2 {
        let (method, path, body) = prepare(&gateway, round);
        let before = Disk::of(&place).state();
        let authorization = authorization("us-east-1", "iot");
        gateway.send(method, &path, &[("authorization", authorization.as_str())], body.as_bytes()).ok();
        whole = difference(&before, &Disk::of(&place).state());
    }
    assert!(whole.len() > 1, "{what} is about several tables: {whole:?}");
    let mut gateway = gateway;
    for round in 2..2 + KILLS {
        let request = prepare(&gateway, round);
        let (before, after) = killed(&place, gateway, &request);
        let seen = difference(&before, &after);
        assert!(before == after || seen == whole, "{what}: killed half-way: {seen:?} instead of {whole:?}");
        gateway = place.up(&OPTIONS);
        assert_eq!(difference(&after, &Disk::of(&place).state()), Counts::new(), "{what}: nothing is mended");
    }
}

#[test]
fn register_thing() {
    let key = KeyPair::generate().unwrap();
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] });
    let template = json!({
        "Parameters": { "Name": { "Type": "String" }, "CSR": { "Type": "String" } },
        "Resources": {
            "thing": { "Type": "AWS::IoT::Thing", "Properties": { "ThingName": { "Ref": "Name" }, "ThingGroups": ["harbour"] } },
            "certificate": { "Type": "AWS::IoT::Certificate", "Properties": { "CertificateSigningRequest": { "Ref": "CSR" } } },
            "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyDocument": document.to_string() } },
        },
    });
    all_or_nothing("RegisterThing", |gateway, round| {
        if round == 0 {
            gateway.iot("POST", "/thing-groups/harbour", &json!({}));
        }
        let name = format!("pump-{round}");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        let csr = params.serialize_request(&key).unwrap().pem().unwrap();
        let body = json!({ "templateBody": template.to_string(), "parameters": { "Name": name, "CSR": csr } });
        ("POST", "/things".to_owned(), body.to_string())
    });
}

#[test]
fn a_group_with_tags_is_made_and_deleted() {
    let tags = json!({ "tags": [{ "Key": "team", "Value": "north" }] });
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] });
    all_or_nothing("CreateThingGroup", |_, round| ("POST", format!("/thing-groups/g-{round}"), tags.to_string()));
    all_or_nothing("DeleteThingGroup", |gateway, round| {
        if round == 0 {
            gateway.iot("POST", "/policies/p", &json!({ "policyDocument": document.to_string() }));
        }
        let made = gateway.iot("POST", &format!("/thing-groups/g-{round}"), &tags);
        gateway.iot("PUT", "/target-policies/p", &json!({ "target": made["thingGroupArn"] }));
        ("DELETE", format!("/thing-groups/g-{round}"), String::new())
    });
}

/// Something in most books.
fn fill(gateway: &Gateway<'_>) {
    let tags = json!({ "tags": [{ "Key": "team", "Value": "north" }] });
    for n in 0..40 {
        gateway.iot("POST", &format!("/things/dock-{n}"), &json!({}));
        gateway.iot("POST", &format!("/thing-groups/g-{n}"), &tags);
    }
    let _ = gateway.free_device("dock-3");
    gateway.iot("POST", "/rules/all", &json!({ "sql": "SELECT * FROM 'dt/#'", "actions": [] }));
}

/// The account as it is written, to the letter.
fn export(gateway: &Gateway<'_>) -> String {
    let answer = gateway.send("GET", "/_drydock/export", &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn import_and_reset() {
    let place = Place::new(SMALL);
    let gateway = place.up(&OPTIONS);
    let small = export(&gateway);
    let small_state = Disk::of(&place).state();
    fill(&gateway);
    let full = export(&gateway);
    let full_state = Disk::of(&place).state();
    assert!(difference(&small_state, &full_state).len() > 4);
    let import = |of: &str| ("POST", "/_drydock/import?replace=true".to_owned(), of.to_owned());
    let replaced = |gateway: &Gateway<'_>, of: &str| {
        gateway.send("POST", "/_drydock/import?replace=true", &[], of.as_bytes()).ok();
    };
    let mut gateway = gateway;
    for round in 0..KILLS {
        replaced(&gateway, &small);
        let (before, after) = killed(&place, gateway, &import(&full));
        assert_eq!(before, small_state);
        assert!(after == small_state || after == full_state, "round {round}: {:?}", difference(&full_state, &after));
        gateway = place.up(&OPTIONS);
        replaced(&gateway, &full);
        let (before, after) = killed(&place, gateway, &("POST", "/_drydock/reset?to=empty".to_owned(), String::new()));
        assert_eq!(before, full_state);
        assert!(after.is_empty() || after == full_state, "round {round}: {:?}", difference(&full_state, &after));
        gateway = place.up(&OPTIONS);
    }
    // One that cannot be read changes nothing.
    replaced(&gateway, &full);
    let mut broken: Value = serde_json::from_str(&full).unwrap();
    broken["tables"]["tags"]["arn:aws:iot:us-east-1:123456789012:thinggroup/g-1"] = json!("no tags");
    let refused = gateway.send("POST", "/_drydock/import?replace=true", &[], broken.to_string().as_bytes());
    refused.refused(400, "InvalidRequestException", "thinggroup/g-1");
    assert_eq!(Disk::of(&place).state(), full_state);
    assert_eq!(export(&gateway), full);
    assert_eq!(gateway.iot("GET", "/things/dock-39", &Value::Null)["thingName"], "dock-39");
}
