//! What was answered is on disk: `kill -9`, and `up` again on the same folder.

use drydock_tests::gateway::{Place, SMALL};
use serde_json::{Value, json};

#[test]
fn everything_is_there_after_kill_9() {
    let place = Place::new(SMALL);
    let options = ["--data-dir", "state", "--no-functions"];
    let gateway = place.up(&options);
    let device = gateway.free_device("pump-1");
    gateway.iot("POST", "/things/pump-1", &json!({ "attributePayload": { "attributes": { "site": "harbour" } } }));
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/pump-1/principals", &principal, &Value::Null).ok();
    let republish = json!({ "republish": { "topic": "out", "roleArn": "arn:aws:iam::123456789012:role/r" } });
    gateway.iot("POST", "/rules/forward", &json!({ "sql": "SELECT * FROM 'in'", "actions": [republish] }));
    gateway.dynamodb(
        "CreateTable",
        &json!({
            "TableName": "readings", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        }),
    );
    gateway.dynamodb("PutItem", &json!({ "TableName": "readings", "Item": { "id": { "S": "a" }, "n": { "N": "7" } } }));
    gateway.publish("state/pump-1", "on", true);
    let thing = gateway.iot("GET", "/things/pump-1", &Value::Null);
    let policy = gateway.iot("GET", "/policies/pump-1", &Value::Null);
    let rule = gateway.iot("GET", "/rules/forward", &Value::Null);
    let root = gateway.root();
    gateway.kill();

    let gateway = place.up(&options);
    assert_eq!(gateway.iot("GET", "/things/pump-1", &Value::Null), thing);
    assert_eq!(thing["attributes"]["site"], "harbour");
    assert_eq!(gateway.iot("GET", "/policies/pump-1", &Value::Null), policy);
    assert_eq!(gateway.iot("GET", "/rules/forward", &Value::Null), rule);
    let principals = gateway.iot("GET", "/things/pump-1/principals", &Value::Null);
    assert_eq!(principals["principals"], json!([device.arn]));
    let row = gateway.dynamodb("GetItem", &json!({ "TableName": "readings", "Key": { "id": { "S": "a" } } }));
    assert_eq!(row["Item"]["n"], json!({ "N": "7" }));
    assert_eq!(gateway.root(), root, "devices need no new trust");

    let mut connection = gateway.connect(&device);
    connection.subscribe("state/pump-1");
    assert_eq!(connection.receive("state/pump-1").payload, b"on", "the retained message");
    connection.subscribe("out");
    connection.publish("in", r#"{"a":1}"#).unwrap();
    assert_eq!(connection.receive("out").json(), json!({ "a": 1 }), "the rule works");
}

#[test]
fn a_folder_in_use_is_refused() {
    let first = Place::new(SMALL);
    let gateway = first.up(&["--data-dir", "state", "--no-functions"]);
    let second = Place::new(SMALL);
    let state = first.path().join("state");
    let said = second.up_fails(&["--data-dir", state.to_str().unwrap(), "--no-functions"]);
    assert!(said.contains("state") && said.contains("in use"), "{said}");
    assert_eq!(gateway.health()["status"], "up");
}
