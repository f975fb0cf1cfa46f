//! Topic rules from a device's publish to what comes of it.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::123456789012:role/rules";

fn republish(topic: &str) -> Value {
    json!({ "republish": { "topic": topic, "roleArn": ROLE, "qos": 1 } })
}

fn rule(gateway: &Gateway<'_>, name: &str, sql: &str, actions: &Value, more: &Value) {
    let mut body = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": actions });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    gateway.iot("POST", &format!("/rules/{name}"), &body);
}

#[test]
fn an_action_that_fails_runs_the_error_action() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut device = gateway.observer(&["errors/#"]);
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:absent";
    let actions = json!([{ "lambda": { "functionArn": arn } }]);
    let error = json!({ "errorAction": republish("errors/absent") });
    rule(&gateway, "invoke", "SELECT * FROM 'dt/+'", &actions, &error);
    device.publish("dt/pump-1", r#"{"temperature":21}"#).unwrap();
    let document = device.receive("errors/absent").json();
    assert_eq!(document["ruleName"], "invoke");
    assert_eq!(document["topic"], "dt/pump-1");
    assert_eq!(document["clientId"], "observer");
    assert_eq!(document["base64OriginalPayload"], "eyJ0ZW1wZXJhdHVyZSI6MjF9");
    let failure = &document["failures"][0];
    assert_eq!(failure["failedAction"], "LambdaAction");
    assert_eq!(failure["failedResource"], arn);
    assert!(failure["errorMessage"].as_str().is_some_and(|text| !text.is_empty()), "{document}");
}

#[test]
fn a_rule_republishes_what_its_sql_makes() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut device = gateway.observer(&["hot/#"]);
    let sql = "SELECT temperature AS t, topic(2) AS thing FROM 'dt/+/telemetry' WHERE temperature > 50";
    rule(&gateway, "hot", sql, &json!([republish("hot/${topic(2)}")]), &Value::Null);
    device.publish("dt/pump-1/telemetry", r#"{"temperature":20}"#).unwrap();
    device.publish("dt/pump-2/telemetry", r#"{"temperature":80}"#).unwrap();
    let message = device.receive("hot/");
    assert_eq!((message.topic.as_str(), message.json()), ("hot/pump-2", json!({ "t": 80, "thing": "pump-2" })));
    assert!(device.inbox.is_empty(), "what is not hot stays: {:?}", device.inbox);
}

#[test]
fn basic_ingest_reaches_the_rule_and_no_subscriber() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut device = gateway.observer(&["out/#", "dt/#"]);
    rule(&gateway, "ingest", "SELECT *, topic() AS t FROM 'dt/#'", &json!([republish("out/x")]), &Value::Null);
    device.publish("$aws/rules/ingest/dt/pump-1", r#"{"a":1}"#).unwrap();
    assert_eq!(device.receive("").json(), json!({ "a": 1, "t": "dt/pump-1" }));
    assert!(device.inbox.is_empty(), "{:?}", device.inbox);
}

/// From public reports: the rule's name alone runs the rule, over each protocol.
#[test]
fn basic_ingest_to_the_rule_alone_runs_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["out/#"]);
    let again = json!([{ "republish": { "topic": "$$aws/rules/ingest", "roleArn": ROLE } }]);
    rule(&gateway, "ingest", "SELECT a, topic() AS t FROM 'dt/#'", &json!([republish("out/x")]), &Value::Null);
    rule(&gateway, "again", "SELECT * FROM 'in'", &again, &Value::Null);
    observer.publish("$aws/rules/ingest", r#"{"a":1}"#).unwrap();
    assert_eq!(observer.receive("").json(), json!({ "a": 1, "t": "" }));
    gateway.publish("$aws/rules/ingest", r#"{"a":2}"#, false);
    assert_eq!(observer.receive("").json(), json!({ "a": 2, "t": "" }));
    observer.publish("in", r#"{"a":3}"#).unwrap();
    assert_eq!(observer.receive("").json(), json!({ "a": 3, "t": "" }));
    observer.publish("$aws/rules/nobody", "1").unwrap();
    place.told("RuleNotFound");
}

#[test]
fn a_message_over_https_has_its_principal() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["out/#"]);
    let sql = "SELECT principal() AS who, clientid() AS client, sourceip() AS ip FROM 'in'";
    rule(&gateway, "who", sql, &json!([republish("out/x")]), &Value::Null);
    let device = gateway.free_device("pump-1");
    let stream = device.stream(&gateway.root(), &["x-amzn-http-ca"], gateway.tcp(gateway.port("tls")));
    http::send(stream, "POST", "/topics/in?qos=1", &[], b"{}").ok();
    let expected = json!({ "who": device.id, "client": "N/A", "ip": "127.0.0.1" });
    let mut seen = observer.receive("out/x").json();
    seen["client"] = seen["client"].as_str().map_or(Value::Null, |client| client.to_uppercase().into());
    assert_eq!(seen, expected);
    gateway.publish("in", "{}", false);
    assert!(observer.receive("out/x").json()["who"].as_str().is_some_and(|who| !who.is_empty()));
}

#[test]
fn an_evaluation_that_takes_too_much_runs_the_error_action_and_nobody_waits_for_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["out/#", "errors/#"]);
    let sql = r"SELECT regexp_replace(m, '(?<=\d)(?=(\d\d\d)+$)', ',') AS m FROM 'heavy'";
    let error = json!({ "errorAction": republish("errors/heavy") });
    rule(&gateway, "heavy", sql, &json!([republish("out/heavy")]), &error);
    rule(&gateway, "light", "SELECT * FROM 'light'", &json!([republish("out/light")]), &Value::Null);
    // The error document holds the payload in base64, and is a message of at most 128 KB itself.
    let payload = json!({ "m": "7".repeat(90_000) }).to_string();
    let mut sender = gateway.connect(&gateway.free_device("sender"));
    for _ in 0..2 {
        sender.publish("heavy", payload.clone()).unwrap();
    }
    // Others go on meanwhile.
    for count in 0..20 {
        observer.publish("light", json!({ "count": count }).to_string()).unwrap();
        assert_eq!(observer.receive("out/light").json()["count"], count);
    }
    for _ in 0..2 {
        let document = observer.receive("errors/heavy").json();
        let failure = &document["failures"][0];
        assert_eq!((&document["ruleName"], &failure["failedAction"]), (&json!("heavy"), &json!("SqlEvaluationAction")));
        assert!(failure["errorMessage"].as_str().unwrap().contains("the evaluation was ended"), "{failure}");
    }
    place.told("could not be evaluated on heavy");
}

#[test]
fn a_disabled_rule_does_nothing_until_it_is_enabled() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut device = gateway.observer(&["out/#"]);
    let sql = "SELECT * FROM 'in'";
    rule(&gateway, "asleep", sql, &json!([republish("out/asleep")]), &json!({ "ruleDisabled": true }));
    rule(&gateway, "awake", sql, &json!([republish("out/awake")]), &Value::Null);
    for count in 0..3 {
        device.publish("in", json!({ "count": count }).to_string()).unwrap();
        let message = device.receive("out/");
        assert_eq!((message.topic.as_str(), &message.json()["count"]), ("out/awake", &json!(count)));
    }
    gateway.iot("POST", "/rules/asleep/enable", &Value::Null);
    device.publish("in", r#"{"count":3}"#).unwrap();
    assert_eq!(device.receive("out/asleep").json()["count"], 3, "only what came after it was enabled");
    device.receive("out/awake");
    gateway.iot("POST", "/rules/asleep/disable", &Value::Null);
    device.publish("in", r#"{"count":4}"#).unwrap();
    assert_eq!(device.receive("out/").topic, "out/awake");
}

#[test]
fn a_rule_follows_lifecycle_events() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["seen/#"]);
    let sql = "SELECT clientId, eventType, principalIdentifier AS who FROM '$aws/events/presence/connected/#'";
    rule(&gateway, "presence", sql, &json!([republish("seen/${clientId}")]), &Value::Null);
    let device = gateway.free_device("pump-1");
    let connection = gateway.connect(&device);
    let seen = observer.receive("seen/pump-1").json();
    assert_eq!(seen, json!({ "clientId": "pump-1", "eventType": "connected", "who": device.id }));
    drop(connection);
}
