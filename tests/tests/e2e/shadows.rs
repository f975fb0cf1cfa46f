//! Device shadows over MQTT and HTTP, in rules, over a kill. The documents themselves have cases of their own
//! (`shared/gateway/shadow/cases`).

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::{self, Answer};
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
const LAMP: &str = "$aws/things/lamp/shadow";

fn rest(gateway: &Gateway<'_>, method: &str, path: &str, body: &Value) -> Answer {
    gateway.call("iotdata", method, path, &[], body)
}

fn wanted(level: u64) -> Value {
    json!({ "state": { "desired": { "level": level } } })
}

/// What was told on a topic of the lamp's shadow.
fn told(device: &mut Mqtt, kind: &str) -> Value {
    device.receive(&format!("{LAMP}/{kind}")).json()
}

#[test]
fn a_shadow_is_made_changed_read_and_deleted_over_mqtt() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let mut device = gateway.observer(&[&format!("{LAMP}/#")]);
    let ask = |device: &mut Mqtt, kind: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        device.publish(&format!("{LAMP}/{kind}"), body).unwrap();
    };
    ask(&mut device, "get", &json!({ "clientToken": "t1" }));
    let rejected = told(&mut device, "get/rejected");
    assert_eq!((&rejected["code"], &rejected["clientToken"]), (&json!(404), &json!("t1")), "{rejected}");
    assert_eq!(rejected["message"], "No shadow exists with name: 'lamp'");
    assert!(rejected["timestamp"].as_i64().unwrap() > 1_700_000_000, "{rejected}");

    let mut update = wanted(3);
    update["clientToken"] = json!("t2");
    ask(&mut device, "update", &update);
    let accepted = told(&mut device, "update/accepted");
    let at = accepted["timestamp"].clone();
    let level = json!({ "desired": { "level": { "timestamp": at } } });
    let expected = json!({
        "state": { "desired": { "level": 3 } }, "metadata": level, "version": 1, "timestamp": at, "clientToken": "t2",
    });
    assert_eq!(accepted, expected);
    let documents = told(&mut device, "update/documents");
    let current = json!({ "state": { "desired": { "level": 3 } }, "metadata": level, "version": 1 });
    assert_eq!(documents, json!({ "current": current, "timestamp": at, "clientToken": "t2" }));
    let delta = told(&mut device, "update/delta");
    let expected = json!({
        "state": { "level": 3 }, "metadata": { "level": { "timestamp": at } }, "version": 1, "timestamp": at,
        "clientToken": "t2",
    });
    assert_eq!(delta, expected);

    ask(&mut device, "update", &json!({ "state": { "reported": { "level": 3 } }, "version": 1 }));
    assert_eq!(told(&mut device, "update/accepted")["version"], 2);
    assert_eq!(told(&mut device, "update/documents")["previous"]["version"], 1);
    ask(&mut device, "update", &json!({ "state": {}, "version": 1, "clientToken": "old" }));
    let rejected = told(&mut device, "update/rejected");
    assert_eq!((&rejected["code"], &rejected["message"]), (&json!(409), &json!("Version conflict")));
    assert_eq!(rejected["clientToken"], "old");
    ask(&mut device, "get", &Value::Null);
    let got = told(&mut device, "get/accepted");
    let state = json!({ "desired": { "level": 3 }, "reported": { "level": 3 } });
    assert_eq!((&got["state"], &got["version"]), (&state, &json!(2)), "no delta, and no token: {got}");
    assert!(got.get("clientToken").is_none());
    assert!(!device.inbox.iter().any(|message| message.topic.ends_with("/delta")), "what is wanted is so");

    ask(&mut device, "delete", &Value::Null);
    assert_eq!(told(&mut device, "delete/accepted")["version"], 2);
    ask(&mut device, "update", &wanted(1));
    assert_eq!(told(&mut device, "update/accepted")["version"], 3, "a shadow that is made anew counts on");
    // A client that does not say what it wants, and a name that no thing may have.
    ask(&mut device, "update", &json!({ "desired": {} }));
    assert_eq!(told(&mut device, "update/rejected")["message"], "Missing required node: state");
    device.subscribe("$aws/things/a lamp/shadow/get/rejected");
    device.publish("$aws/things/a lamp/shadow/get", "").unwrap();
    assert_eq!(device.receive("$aws/things/a lamp/").json()["code"], 400);
}

#[test]
fn named_shadows_are_apart_and_requests_keep_their_order() {
    // A connection may have 100 messages a second, in and out.
    const UPDATES: u64 = 45;
    let place = Place::new(SMALL);
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    let accepted = format!("{LAMP}/name/colour/update/accepted");
    let mut device = gateway.observer(&[&accepted]);
    let ask = |device: &mut Mqtt, level: u64| {
        device.publish(&format!("{LAMP}/name/colour/update"), wanted(level).to_string()).unwrap();
    };
    // A connection may have ten requests on a thing unanswered, and whoever has read an answer may ask again.
    (1..=10).for_each(|level| ask(&mut device, level));
    for level in 1..=UPDATES {
        let told = device.receive(&accepted).json();
        if level + 10 <= UPDATES {
            ask(&mut device, level + 10);
        }
        assert_eq!((&told["version"], &told["state"]["desired"]["level"]), (&json!(level), &json!(level)));
    }
    rest(&gateway, "GET", "/things/lamp/shadow", &Value::Null).refused(404, "ResourceNotFoundException", "'lamp'");
    rest(&gateway, "POST", "/things/lamp/shadow?name=b", &wanted(1)).ok();
    rest(&gateway, "POST", "/things/lamp/shadow", &wanted(1)).ok();
    let list = |query: &str| {
        rest(&gateway, "GET", &format!("/api/things/shadow/ListNamedShadowsForThing/lamp{query}"), &Value::Null).ok()
    };
    let first = list("?pageSize=1");
    assert_eq!(first["results"], json!(["b"]));
    let token = first["nextToken"].as_str().unwrap();
    assert_eq!(list(&format!("?pageSize=1&nextToken={token}"))["results"], json!(["colour"]));

    gateway.kill();
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    let got = rest(&gateway, "GET", "/things/lamp/shadow?name=colour", &Value::Null).ok();
    assert_eq!((&got["version"], &got["state"]["desired"]["level"]), (&json!(UPDATES), &json!(UPDATES)));
    assert_eq!(got["state"]["delta"], json!({ "level": UPDATES }));
}

#[test]
fn over_http_everybody_is_told_and_devices_need_a_policy() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let mut observer = gateway.observer(&[&format!("{LAMP}/#")]);
    let accepted = rest(&gateway, "POST", "/things/lamp/shadow", &wanted(2)).ok();
    assert_eq!(told(&mut observer, "update/accepted"), accepted);
    assert_eq!(told(&mut observer, "update/documents")["current"]["version"], 1);
    assert_eq!(told(&mut observer, "update/delta")["state"], json!({ "level": 2 }));
    let conflict = json!({ "state": {}, "version": 7 });
    rest(&gateway, "POST", "/things/lamp/shadow", &conflict).refused(409, "ConflictException", "Version conflict");
    let large = json!({ "state": { "desired": { "text": "x".repeat(9_000) } } });
    rest(&gateway, "POST", "/things/lamp/shadow", &large).refused(
        413,
        "RequestEntityTooLargeException",
        "The payload exceeds the maximum size allowed",
    );

    let thing = "arn:aws:iot:us-east-1:123456789012:thing/lamp";
    let device = gateway.device(
        "lamp",
        &json!([
            { "Effect": "Allow", "Action": ["iot:GetThingShadow", "iot:UpdateThingShadow"], "Resource": thing },
            { "Effect": "Allow", "Action": "iot:GetThingShadow", "Resource": format!("{thing}/colour") },
        ]),
    );
    let https = |device: &Identity, method: &str, path: &str, body: &str| {
        let stream = device.stream(&gateway.root(), &["x-amzn-http-ca"], gateway.tcp(gateway.port("tls")));
        http::send(stream, method, path, &[("content-type", "application/json")], body.as_bytes())
    };
    let reported = r#"{"state":{"reported":{"level":2}}}"#;
    assert_eq!(https(&device, "POST", "/things/lamp/shadow", reported).ok()["version"], 2);
    assert!(https(&device, "GET", "/things/lamp/shadow", "").ok()["state"].get("delta").is_none());
    for (method, path) in [
        ("DELETE", "/things/lamp/shadow"),
        ("POST", "/things/lamp/shadow?name=colour"),
        ("GET", "/things/other/shadow"),
        ("GET", "/api/things/shadow/ListNamedShadowsForThing/lamp"),
    ] {
        https(&device, method, path, reported).refused(403, "ForbiddenException", "do not allow iot:");
    }
    https(&device, "GET", "/things/lamp/shadow?name=colour", "").refused(404, "ResourceNotFoundException", "'colour'");

    let deleted = rest(&gateway, "DELETE", "/things/lamp/shadow", &Value::Null).ok();
    assert_eq!(deleted["version"], 2);
    assert_eq!(told(&mut observer, "delete/accepted"), deleted);
}

#[test]
fn rules_see_shadows_read_them_and_change_them() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let rule = |name: &str, sql: &str, topic: &str| {
        let republish = json!({ "republish": { "topic": topic, "roleArn": ROLE, "qos": 1 } });
        let body = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [republish] });
        gateway.iot("POST", &format!("/rules/{name}"), &body);
    };
    rule("asked", "SELECT state.desired.level AS level FROM '$aws/things/+/shadow/update'", "asked");
    rule("changed", "SELECT current.version AS version FROM '$aws/things/+/shadow/update/documents'", "changed");
    let read = format!(
        "SELECT get_thing_shadow(topic(2), '{ROLE}').state.desired.level AS level, \
         get_or_default(get_thing_shadow(topic(2), 'none', '{ROLE}'), 'no such shadow') AS named FROM 'in/+'"
    );
    rule("read", &read, "read");
    let report = "SELECT state AS state.reported FROM '$aws/things/lamp/shadow/update/delta'";
    rule("twin", report, "$$aws/things/lamp/shadow/update");

    let mut device = gateway.observer(&["asked", "changed", "read"]);
    device.publish(&format!("{LAMP}/update"), wanted(5).to_string()).unwrap();
    // The second request and change are the rule's, which reports what was wanted. Messages of a rule keep no order.
    let mut levels = [(); 2].map(|()| device.receive("asked").json()["level"].as_u64());
    levels.sort_unstable();
    assert_eq!(levels, [None, Some(5)]);
    let mut versions = [(); 2].map(|()| device.receive("changed").json()["version"].as_u64().unwrap());
    versions.sort_unstable();
    assert_eq!(versions, [1, 2]);
    let got = rest(&gateway, "GET", "/things/lamp/shadow", &Value::Null).ok();
    assert_eq!(got["state"], json!({ "desired": { "level": 5 }, "reported": { "level": 5 } }));
    device.publish("in/lamp", "{}").unwrap();
    assert_eq!(device.receive("read").json(), json!({ "level": 5, "named": "no such shadow" }));
}

/// "Maximum number of in-flight, unacknowledged messages per thing": each request beyond the bound is told so.
#[test]
fn requests_beyond_the_bound_are_rejected_as_throttled() {
    let place = Place::new(SMALL);
    let limits = "[limits]\nshadow_requests_in_flight_per_thing = 1\npublishes_per_second = 0\n";
    std::fs::write(place.path().join("drydock.toml"), limits).unwrap();
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let update = format!("{LAMP}/update");
    let mut observer = gateway.observer(&[&format!("{update}/accepted"), &format!("{update}/rejected")]);
    let mut device = gateway.raw();
    device.connect("lamp");
    // All in one piece, so that the second is read while the first is on its way to the disk.
    let mut burst = Vec::new();
    for n in 0..60_u8 {
        let body = format!(r#"{{"state":{{"desired":{{"n":{n}}}}},"clientToken":"{n}"}}"#);
        let length = u8::try_from(4 + update.len() + body.len()).unwrap();
        burst.extend([0x32, length, 0, u8::try_from(update.len()).unwrap()]);
        burst.extend_from_slice(update.as_bytes());
        burst.extend([0, n + 1]);
        burst.extend_from_slice(body.as_bytes());
    }
    device.send(&burst);
    let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
    while accepted.len() + rejected.len() < 60 {
        let answer = observer.receive(&format!("{update}/"));
        let body = answer.json();
        let token = body["clientToken"].as_str().unwrap().to_owned();
        if answer.topic.ends_with("/accepted") {
            accepted.push(token);
        } else {
            assert_eq!((&body["code"], &body["message"]), (&json!(429), &json!("Too many requests")), "{body}");
            rejected.push(token);
        }
    }
    assert_eq!(accepted[0], "0", "{accepted:?}");
    assert!(!rejected.is_empty(), "{accepted:?}");
    let mut all: Vec<u8> = [accepted, rejected].concat().iter().map(|token| token.parse().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..60).collect::<Vec<_>>(), "each is answered, and once");
    // Each answer makes room for another.
    observer.publish(&update, wanted(1).to_string()).unwrap();
    assert!(observer.receive(&format!("{update}/")).topic.ends_with("/accepted"));
}
