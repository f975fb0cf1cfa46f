//! Topic rules from a device's publish to what comes of it.

use drydock_tests::gateway::{Gateway, Place, SMALL};
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
