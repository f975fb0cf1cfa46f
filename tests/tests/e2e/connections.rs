//! The data plane's operations on connections: "DeleteConnection", "GetConnection", "ListSubscriptions" and "SendDirectMessage"
//! of the API reference.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http::{self, Answer};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};
use std::fs;

const PLAIN: [&str; 4] = ["--ephemeral", "--no-functions", "--plain-port", "0"];

fn data(gateway: &Gateway<'_>, method: &str, path: &str, body: &str) -> Answer {
    let body = if body.is_empty() { Value::Null } else { json!(body) };
    gateway.call("iotdata", method, path, &[], &body)
}

#[test]
fn a_connection_is_described_while_it_is_there_and_after() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), "[limits]\nget_connections_per_second_per_client = 0\n").unwrap();
    let gateway = place.up(&PLAIN);
    data(&gateway, "GET", "/connections/nobody", "").refused(404, "ResourceNotFoundException", "nobody");
    data(&gateway, "GET", "/connections/%24SYS", "").refused(400, "InvalidRequestException", "");

    let device = gateway.free_device("dock-1");
    gateway.iot("POST", "/things/dock-1", &json!({}));
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/dock-1/principals", &principal, &Value::Null).ok();
    let connection = gateway.connect(&device);
    let seen = data(&gateway, "GET", "/connections/dock-1", "").ok();
    let expected = json!({
        "clientId": "dock-1", "connected": true, "thingName": "dock-1", "cleanSession": true,
        "keepAliveDuration": 1200, "sessionExpiry": 0, "connectedSince": seen["connectedSince"],
    });
    assert_eq!(seen, expected, "no socket where nobody asked for it");
    assert!(seen["connectedSince"].as_i64().unwrap() > 1_700_000_000_000, "{seen}");
    let seen = data(&gateway, "GET", "/connections/dock-1?includeSocketInformation=true", "").ok();
    assert_eq!((&seen["sourceIp"], &seen["targetIp"]), (&json!("127.0.0.1"), &json!("127.0.0.1")));
    assert_eq!(seen["targetPort"], gateway.port("mqtt"));
    assert!(seen["sourcePort"].as_u64().unwrap() > 0, "{seen}");

    connection.disconnect();
    let gone = wait_for("the connection is gone", || {
        let seen = data(&gateway, "GET", "/connections/dock-1", "").ok();
        (seen["connected"] == false).then_some(seen)
    });
    assert_eq!(gone["disconnectReason"], "CLIENT_INITIATED_DISCONNECT", "{gone}");
    assert!(gone["disconnectedSince"].is_i64() && gone["connectedSince"].is_null(), "{gone}");
}

#[test]
fn subscriptions_are_listed_by_page() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), "[limits]\nlist_subscriptions_per_second_per_client = 0\n").unwrap();
    let gateway = place.up(&PLAIN);
    let mut device = gateway.connect(&gateway.free_device("dock-1"));
    let filters: Vec<String> = (0..23).map(|n| format!("f/{n:02}")).collect();
    filters.iter().for_each(|filter| device.subscribe(filter));
    let first = data(&gateway, "GET", "/connections/dock-1/subscriptions", "").ok();
    assert_eq!(first["subscriptions"].as_array().unwrap().len(), 20, "20 where the caller does not say");
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = data(&gateway, "GET", &format!("/connections/dock-1/subscriptions?maxResults=10{token}"), "").ok();
        for one in page["subscriptions"].as_array().unwrap() {
            assert_eq!(one["qos"], 1);
            found.push(one["topicFilter"].as_str().unwrap().to_owned());
        }
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(found, filters);
    let path = "/connections/dock-1/subscriptions?maxResults=201";
    data(&gateway, "GET", path, "").refused(400, "InvalidRequestException", "");
    let path = "/connections/nobody/subscriptions";
    data(&gateway, "GET", path, "").refused(404, "ResourceNotFoundException", "nobody");
}

#[test]
fn each_operation_has_its_pace_for_a_client() {
    let place = Place::new(SMALL);
    let gateway = place.up(&PLAIN);
    for (method, path) in
        [("GET", "/connections/a"), ("GET", "/connections/a/subscriptions"), ("DELETE", "/connections/a")]
    {
        let throttled = wait_for("a second call in one second", || {
            let answers = [data(&gateway, method, path, ""), data(&gateway, method, path, "")];
            let [first, second] = answers;
            (first.status == 404 && second.status == 429).then_some(second)
        });
        throttled.refused(429, "ThrottlingException", "1 times a second");
    }
}

#[test]
fn a_direct_message_needs_no_subscription_and_is_confirmed() {
    let place = Place::new(SMALL);
    let gateway = place.up(&PLAIN);
    let receive = "arn:aws:iot:us-east-1:123456789012:topic/to/*";
    let statements = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": "iot:Receive", "Resource": receive },
    ]);
    let device = gateway.device("dock-1", &statements);
    let mut connection = gateway.connect(&device);
    let path = "/connections/dock-1/messages?topic=to%2Fdock-1";
    let sent = data(&gateway, "POST", path, "hello").ok();
    assert!(sent["message"] == "OK" && sent["traceId"].is_string(), "{sent}");
    assert_eq!(connection.receive("to/dock-1").payload, b"\"hello\"");
    let confirmed = std::thread::scope(|scope| {
        let asked = scope.spawn(|| data(&gateway, "POST", &format!("{path}&confirmation=true"), "again"));
        assert_eq!(connection.receive("to/dock-1").payload, b"\"again\"");
        // The acknowledgement leaves when the client next looks at its socket.
        scope.spawn(move || connection.ended());
        let answer = asked.join().unwrap();
        data(&gateway, "DELETE", "/connections/dock-1", "").ok();
        answer
    });
    confirmed.ok();
}

#[test]
fn a_direct_message_that_cannot_be_is_refused_with_its_reason() {
    let place = Place::new(SMALL);
    let gateway = place.up(&PLAIN);
    let deaf = gateway.device("deaf", &json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" }]));
    let _deaf = gateway.connect(&deaf);
    let mut silent = gateway.raw();
    silent.connect("silent");
    let send = |client: &str, query: &str, body: &str| {
        data(&gateway, "POST", &format!("/connections/{client}/messages?{query}"), body)
    };
    send("nobody", "topic=a", "").refused(404, "ResourceNotFoundException", "TARGET_CLIENT_ID_NOT_FOUND");
    send("deaf", "topic=a", "").refused(403, "ForbiddenException", "RECEIVE_AUTHORIZATION_FAILURE");
    let unconfirmed = send("silent", "topic=a&confirmation=true&timeout=1", "");
    unconfirmed.refused(504, "GatewayTimeoutException", "DELIVERY_CONFIRMATION_TIMEOUT");
    for timeout in ["0", "16"] {
        let query = format!("topic=a&confirmation=true&timeout={timeout}");
        send("silent", &query, "").refused(400, "InvalidRequestException", "INVALID_TIMEOUT_PARAMETER");
    }
    send("silent", "topic=a&timeout=16", "").ok();
    send("silent", "topic=a&confirmation=maybe", "").refused(400, "InvalidRequestException", "confirmation");
    send("silent", "topic=%24aws%2Fa", "").refused(400, "InvalidRequestException", "INVALID_TOPIC");
    send("silent", "topic=1%2F2%2F3%2F4%2F5%2F6%2F7%2F8%2F9", "").refused(400, "InvalidRequestException", "");
    send("silent", "topic=a%2F%2B", "").refused(400, "InvalidRequestException", "");
    send("silent", "topic=a", &"x".repeat(131_071)).refused(413, "RequestEntityTooLargeException", "131072");
    drop(silent);
    let gone = wait_for("the client is gone", || {
        let answer = send("silent", "topic=a", "");
        (answer.status == 404).then_some(answer)
    });
    gone.refused(404, "ResourceNotFoundException", "TARGET_CLIENT_NOT_CONNECTED");
}

#[test]
fn a_device_may_end_the_connections_that_its_policies_name() {
    let place = Place::new(SMALL);
    let gateway = place.up(&PLAIN);
    let own = "arn:aws:iot:us-east-1:123456789012:client/dock-1";
    let device =
        gateway.device("keeper", &json!([{ "Effect": "Allow", "Action": "iot:DeleteConnection", "Resource": own }]));
    let connection = gateway.connect(&gateway.free_device("dock-1"));
    let call = |device: &Identity, method: &str, path: &str| {
        let stream = device.stream(&gateway.root(), &["x-amzn-http-ca"], gateway.tcp(gateway.port("tls")));
        http::send(stream, method, path, &[], b"")
    };
    call(&device, "DELETE", "/connections/dock-2").refused(403, "ForbiddenException", "iot:DeleteConnection");
    call(&device, "GET", "/connections/dock-1").refused(403, "ForbiddenException", "iot:GetConnection");
    call(&device, "DELETE", "/connections/dock-1").ok();
    connection.ended();
}

#[test]
fn what_changes_a_policy_counts_for_the_next_connect_and_for_the_present_one() {
    let place = Place::new(SMALL);
    let gateway = place.up(&PLAIN);
    let statement = |action: &str| json!([{ "Effect": "Allow", "Action": action, "Resource": "*" }]);
    let device = gateway.device("dock-1", &statement("iot:Connect"));
    // Again and again, so that what the gateway remembers of the first connect could be in the way.
    for _ in 0..2 {
        gateway.connect(&device).publish("a", "1").expect_err("it may connect and nothing else");
    }
    let version = |statements: &Value| {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        let body = json!({ "policyDocument": document.to_string() });
        gateway.iot("POST", "/policies/dock-1/version?setAsDefault=true", &body);
    };
    version(&statement("iot:*"));
    for _ in 0..2 {
        gateway.connect(&device).publish("a", "1").expect("the second version allows it");
    }
    let mut present = gateway.connect(&device);
    gateway.iot("PATCH", "/policies/dock-1/version/1", &Value::Null);
    present.publish("a", "1").expect_err("the first version is in force again");
    gateway.connect(&device).publish("a", "1").expect_err("for a new connection, too");
    version(&statement("iot:Publish"));
    gateway.try_connect(&device).err().expect("the third version lets nobody connect");
    gateway.iot("PATCH", "/policies/dock-1/version/2", &Value::Null);
    gateway.connect(&device).disconnect();
    gateway.iot("POST", "/target-policies/dock-1", &json!({ "target": device.arn }));
    gateway.try_connect(&device).err().expect("the policy is detached");
}

/// A decision that was kept ends when the time of a condition comes, while the topic is in use.
#[test]
fn what_a_policy_allows_until_a_time_ends_then() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 10;
    let until = json!({ "DateLessThan": { "aws:CurrentTime": seconds.to_string() } });
    let device = gateway.device(
        "shift-1",
        &json!([
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": "*", "Condition": until },
        ]),
    );
    let mut connection = gateway.connect(&device);
    connection.publish("dt/shift-1", "1").unwrap();
    wait_for("the time of the condition has come", || connection.publish("dt/shift-1", "1").err());
    place.told("iot:Publish on arn:aws:iot:us-east-1:123456789012:topic/dt/shift-1 refused");
}
