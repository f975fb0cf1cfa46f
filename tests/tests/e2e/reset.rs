//! `POST /_drydock/reset` goes back to the template, with `?to=empty` to nothing, and the gateway goes on.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::maker::Maker;
use serde_json::{Value, json};

/// A path that lists, and the name of its list.
const LISTS: [(&str, &str); 6] = [
    ("/things", "things"),
    ("/thing-types", "thingTypes"),
    ("/certificates", "certificates"),
    ("/cacertificates", "certificates"),
    ("/policies", "policies"),
    ("/rules", "rules"),
];

#[test]
fn reset_empties_everything() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    let connection = gateway.connect(&gateway.free_device("pump-1"));
    gateway.iot("POST", "/things/pump-1", &json!({}));
    let republish = json!({ "republish": { "topic": "out", "roleArn": "arn:aws:iam::123456789012:role/r" } });
    gateway.iot("POST", "/rules/forward", &json!({ "sql": "SELECT * FROM 'in'", "actions": [republish] }));
    let maker = Maker::new("Harbour CA");
    let code = gateway.iot("GET", "/registrationcode", &Value::Null);
    let verification = maker.sign(code["registrationCode"].as_str().unwrap());
    let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification.certificate });
    gateway.iot("POST", "/cacertificate", &body);
    gateway.dynamodb(
        "CreateTable",
        &json!({
            "TableName": "readings", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        }),
    );
    gateway.publish("state", "kept", true);
    for (path, list) in LISTS {
        assert_eq!(gateway.iot("GET", path, &Value::Null)[list].as_array().unwrap().len(), 1, "{path} before");
    }

    assert_eq!(gateway.send("POST", "/_drydock/reset?to=empty", &[], b"").ok()["status"], "empty");
    connection.ended();
    for (path, list) in LISTS {
        assert_eq!(gateway.iot("GET", path, &Value::Null)[list], json!([]), "{path} after");
    }
    assert_eq!(gateway.dynamodb("ListTables", &json!({}))["TableNames"], json!([]));

    let mut connection = gateway.connect(&gateway.free_device("pump-1"));
    connection.subscribe("state");
    connection.subscribe("out");
    connection.publish("in", "{}").unwrap();
    connection.publish("state", "new").unwrap();
    assert_eq!(connection.receive("").payload, b"new", "neither the retained message nor the rule is left");
    drop(connection);
    gateway.kill();
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]), "empty on disk, too");
}

#[test]
fn reset_goes_back_to_the_template() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--data-dir", "state", "--no-functions"]);
    gateway.iot("POST", "/things/pump-1", &json!({}));
    gateway.iot("POST", "/thing-types/other", &json!({}));
    assert_eq!(gateway.send("POST", "/_drydock/reset", &[], b"").ok()["status"], "template");
    let types = |gateway: &Gateway<'_>| {
        let types = gateway.iot("GET", "/thing-types", &Value::Null);
        let names = types["thingTypes"].as_array().unwrap().iter().map(|one| one["thingTypeName"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(types(&gateway), ["pump"], "what the template makes is there, and nothing else");
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
    // And again, as often as one likes.
    gateway.send("POST", "/_drydock/reset?to=template", &[], b"").ok();
    assert_eq!(types(&gateway), ["pump"]);
    gateway.send("POST", "/_drydock/reset?to=nowhere", &[], b"").refused(400, "InvalidRequestException", "`empty`");

    let place = Place::new("");
    let gateway = place.up(&["--ephemeral"]);
    gateway.iot("POST", "/things/pump-1", &json!({}));
    assert_eq!(gateway.send("POST", "/_drydock/reset", &[], b"").ok()["status"], "template");
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
}
