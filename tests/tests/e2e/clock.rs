//! One clock for everything that waits for a time: advanced by a week, it brings about what is due in order, each at its own time.

use drydock_core::Timestamp;
use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::sign::Keys;
use serde_json::{Value, json};
use std::fs;

const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Delayed:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: delayed
  Presence:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: presence
      MessageRetentionPeriod: 1209600
  Outcomes:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: outcomes
      MessageRetentionPeriod: 1209600
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: worker
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: worker/
      Events:
        Poll:
          Type: SQS
          Properties:
            Queue: !GetAtt Delayed.Arn
  Flaky:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: flaky
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: flaky/
      EventInvokeConfig:
        DestinationConfig:
          OnSuccess:
            Type: SQS
            Destination: !GetAtt Outcomes.Arn
";
const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
const CREATE: &str = "$aws/certificates/create/json";

fn clock(gateway: &Gateway<'_>, change: &Value) -> Value {
    gateway.send("POST", "/_drydock/clock", &[], change.to_string().as_bytes()).ok()
}

fn now(gateway: &Gateway<'_>) -> Timestamp {
    time(&gateway.send("GET", "/_drydock/clock", &[], b"").ok()["now"])
}

fn time(text: &Value) -> Timestamp {
    let read: jiff::Timestamp = text.as_str().unwrap_or_default().parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    Timestamp(read.as_millisecond())
}

fn sqs(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    gateway.call("sqs", "POST", "/", &headers, body).ok()
}

fn url(gateway: &Gateway<'_>, queue: &str) -> Value {
    sqs(gateway, "GetQueueUrl", &json!({ "QueueName": queue }))["QueueUrl"].clone()
}

/// The messages of a queue: when each was sent, and its body.
fn messages(gateway: &Gateway<'_>, queue: &str) -> Vec<(i64, Value)> {
    let wanted = json!({ "QueueUrl": url(gateway, queue), "MaxNumberOfMessages": 10, "AttributeNames": ["All"] });
    let received = sqs(gateway, "ReceiveMessage", &wanted);
    let read = |message: &Value| {
        let sent = message["Attributes"]["SentTimestamp"].as_str().unwrap().parse().unwrap();
        (sent, serde_json::from_str(message["Body"].as_str().unwrap()).unwrap())
    };
    received["Messages"].as_array().into_iter().flatten().map(read).collect()
}

#[test]
fn a_week_brings_about_what_is_due_in_order_and_each_at_its_time() {
    let place = Place::new(TEMPLATE);
    for (function, answer) in [
        ("worker", r#"answer="{}""#),
        ("flaky", r#"answer="{}"; [ "$(wc -l <"${BASH_SOURCE[0]%/*}/events")" = 1 ] && path=error"#),
    ] {
        let folder = place.path().join(function);
        fs::create_dir(&folder).unwrap();
        bootstrap::write(&folder, answer);
    }
    let gateway = place.up(&["--ephemeral", "--plain-port", "0"]);
    let queue_url = url(&gateway, "presence");
    let rule = json!({
        "sql": "SELECT * FROM '$aws/events/presence/disconnected/#'", "awsIotSqlVersion": "2016-03-23",
        "actions": [{ "sqs": { "queueUrl": queue_url, "roleArn": ROLE, "useBase64": false } }],
    });
    gateway.iot("POST", "/rules/presence", &rule);

    // From here on no second passes by itself.
    clock(&gateway, &json!({ "stop": true }));
    let begin = now(&gateway);
    let after = |seconds: i64| begin.plus_millis(seconds * 1000);

    // A token for a certificate that nobody provisions: it goes within the hour.
    let asking = gateway.free_device("asking");
    let mut device = gateway.connect(&asking);
    device.subscribe(&format!("{CREATE}/accepted"));
    device.publish(CREATE, "{}").unwrap();
    let pending = device.receive(CREATE).json()["certificateId"].as_str().unwrap().to_owned();
    device.disconnect();
    let waits = |gateway: &Gateway<'_>| gateway.iot_answer("GET", &format!("/certificates/{pending}")).status == 200;

    // A device that goes silent, with a session that outlives its connection by an hour.
    let mut silent = gateway.raw();
    assert!(!silent.resume("silent"));
    // A message that is delayed, and an event whose function fails at first.
    let message = json!({ "QueueUrl": url(&gateway, "delayed"), "MessageBody": "late", "DelaySeconds": 30 });
    sqs(&gateway, "SendMessage", &message);
    let invoke = "/2015-03-31/functions/flaky/invocations";
    let accepted = gateway.call("lambda", "POST", invoke, &[("x-amz-invocation-type", "Event")], &json!({}));
    assert_eq!(accepted.status, 202, "{accepted:?}");

    // Up to the last second of the hour nothing of the hour's has happened, and all the rest has.
    let advanced = clock(&gateway, &json!({ "advance": "59m 59s" }));
    assert_eq!(time(&advanced["now"]), after(3_599));
    assert!(waits(&gateway), "the hour is not over");
    let advanced_further = clock(&gateway, &json!({ "advance": "6d 23h 1s" }));
    assert_eq!(now(&gateway), after(7 * 24 * 3_600));

    let happened: Vec<(Timestamp, &str)> = [&advanced, &advanced_further]
        .into_iter()
        .flat_map(|answer| answer["done"].as_array().unwrap())
        .map(|done| (time(&done["due"]), done["what"].as_str().unwrap()))
        .collect();
    assert!(happened.is_sorted_by_key(|(at, _)| *at), "{happened:?}");
    let first = |what: &str| happened.iter().find(|(_, done)| *done == what).map(|(at, _)| at.since(begin) / 1000);
    assert_eq!(first("Lambda event"), Some(1), "{happened:?}");
    assert_eq!(first("SQS message becomes visible"), Some(30), "{happened:?}");
    assert_eq!(first("MQTT connection"), Some(90), "{happened:?}");
    assert_eq!(first("what provisioning left behind"), Some(3_600), "{happened:?}");
    // The broker looks in between, too, for what it may forget of who left.
    let expiry = (after(90 + 3_600), "MQTT session expiry");
    assert!(happened.contains(&expiry), "{happened:?}");

    // And each did what it had to, at its time.
    let events = |function: &str| fs::read_to_string(place.path().join(function).join("events")).unwrap_or_default();
    assert_eq!(events("flaky").lines().count(), 2, "the attempt that failed, and the one after it");
    let outcomes = messages(&gateway, "outcomes");
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes[0].0, after(1).millis(), "the record of the second attempt");
    let worked: Value = serde_json::from_str(events("worker").trim()).unwrap();
    let first_received = &worked["Records"][0]["attributes"]["ApproximateFirstReceiveTimestamp"];
    assert_eq!(first_received, after(30).millis().to_string().as_str(), "{worked}");
    let told: Vec<(i64, Value)> =
        messages(&gateway, "presence").into_iter().filter(|(_, told)| told["clientId"] == "silent").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1["disconnectReason"], "MQTT_KEEP_ALIVE_TIMEOUT");
    assert_eq!(told[0].1["timestamp"], after(90).millis());
    assert_eq!(told[0].0, after(90).millis(), "its rule ran before the clock went on");
    assert!(!waits(&gateway), "the certificate went with its token");
    silent.closed();
    assert!(!gateway.raw().resume("silent"), "the session has ended");
}

#[test]
fn a_session_is_there_until_its_time_is_over() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    clock(&gateway, &json!({ "stop": true }));
    let (mut first, mut second) = (gateway.raw(), gateway.raw());
    assert!(!first.resume("pump-1") && !second.resume("pump-2"));
    clock(&gateway, &json!({ "advance": "90s" }));
    first.closed();
    second.closed();
    clock(&gateway, &json!({ "advance": "59m 59s" }));
    assert!(gateway.raw().resume("pump-1"), "a second is left");
    clock(&gateway, &json!({ "advance": "1s" }));
    assert!(!gateway.raw().resume("pump-2"), "the hour is over");
}

#[test]
fn the_clock_is_shown_stopped_set_and_sped_up_and_says_what_it_does_not_do() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let api = gateway.ready["apiUrl"].as_str().unwrap().to_owned();
    let drydock = |words: &[&str]| -> Value {
        let all: Vec<&str> = ["clock"].iter().chain(words).copied().chain(["--json", "--api-url", &api]).collect();
        serde_json::from_str(&place.run(&all)).unwrap()
    };
    assert_eq!(drydock(&[])["running"], true);
    let stopped = drydock(&["stop"]);
    assert_eq!(stopped["running"], false);
    assert_eq!(drydock(&["show"])["now"], stopped["now"], "it stands still");
    let advanced = drydock(&["advance", "90m"]);
    assert_eq!(time(&advanced["now"]).since(time(&stopped["now"])), 90 * 60_000);
    assert_eq!(drydock(&["set", "2030-01-01T00:00:00.5Z"])["now"], "2030-01-01T00:00:00.500Z");
    let fast = drydock(&["speed", "3600"]);
    assert_eq!((&fast["running"], &fast["rate"]), (&json!(false), &json!(3600.0)));
    let begin = time(&drydock(&["start"])["now"]);
    wait_for("an hour in a second", || (now(&gateway).since(begin) >= 3_600_000).then_some(()));
    assert_eq!(drydock(&["speed", "1"])["running"], true);
    let shown = place.run(&["clock", "--api-url", &api]);
    assert!(shown.contains("the clock shows 2030-01-01T") && shown.contains("and runs"), "{shown}");

    for (change, why) in [
        (json!({ "set": "2020-01-01T00:00:00Z" }), "cannot be set back"),
        (json!({ "set": "tomorrow" }), "is not a time such as 2027-01-01T00:00:00Z"),
        (json!({ "advance": "a while" }), "is not a span such as 7d"),
        (json!({ "advance": "-1h" }), "does not go back"),
        (json!({ "advance": "11000d" }), "more than ten years after"),
        (json!({ "rate": 0 }), "to let the clock stand still, stop it"),
        (json!({ "rate": 2, "stop": true }), "an object with one of"),
        (json!({ "hurry": true }), "unknown field `hurry`"),
        (json!([]), "an object with one of"),
    ] {
        let refused = gateway.send("POST", "/_drydock/clock", &[], change.to_string().as_bytes());
        refused.refused(400, "InvalidRequestException", why);
    }
    gateway.send("PUT", "/_drydock/clock", &[], b"").refused(405, "MethodNotAllowedException", "GET and POST");
}

#[test]
fn requests_are_judged_by_the_machines_clock_wherever_the_gateways_is() {
    let place = Place::new(SMALL);
    let keys = "[[credentials]]\naccess_key_id = \"AKIAFLEET\"\nsecret_access_key = \"a secret\"\n";
    fs::write(place.path().join("drydock.toml"), keys).unwrap();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let keys = Keys::new("AKIAFLEET", "a secret");
    let signed = |method: &str, path: &str, body: &str| {
        let headers = keys.headers("iot", method, path, body.as_bytes());
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        gateway.send(method, path, &headers, body.as_bytes()).ok()
    };
    let things = || signed("GET", "/things", "");
    things();
    let advanced = signed("POST", "/_drydock/clock", &json!({ "advance": "4w" }).to_string());
    assert!(time(&advanced["now"]).since(time(&advanced["machine"])) > 27 * 24 * 3_600_000, "{advanced}");
    things();
}
