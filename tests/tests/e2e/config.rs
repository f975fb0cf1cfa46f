//! `drydock.toml`: what it may say, what it changes, and how its mistakes are told.

use drydock_tests::gateway::{Place, SMALL, command};
use serde_json::Value;
use std::fs;
use std::process::Stdio;

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];

#[test]
fn mistakes_are_told_with_their_place_and_the_nearest_name() {
    let place = Place::new(SMALL);
    let cases = [
        ("[limits]\npublish_per_second = 1\n", "drydock.toml:2:1:", "did you mean `publishes_per_second`?"),
        ("[limits]\n\ntopic_bytes = 70000\n", "drydock.toml:3:15:", "it may be 1 to 65535"),
        ("[limits]\ntopic_bytes = -1\n", "drydock.toml:2:15:", "it may be 1 to 65535"),
        ("[limits]\ntopic_bytes = \"256\"\n", "drydock.toml:2:15:", "a whole number, not a string"),
        ("[limit]\ntopic_bytes = 256\n", "drydock.toml:1:2:", "did you mean `limits`?"),
        ("limits = 1\n", "drydock.toml:1:10:", "not an integer"),
        ("[limits]\ntopic_bytes = \n", "drydock.toml:2:", ""),
        ("[limits]\nkeep_alive_min_seconds = 60\nkeep_alive_max_seconds = 50\n", "drydock.toml:1:", "only 50"),
    ];
    for (text, at, what) in cases {
        fs::write(place.path().join("drydock.toml"), text).unwrap();
        let said = place.up_fails(&CALM);
        assert!(said.contains(at) && said.contains(what), "{text}: {said}");
    }
    let said = place.up_fails(&["--ephemeral", "--no-functions", "--config", "elsewhere.toml"]);
    assert!(said.contains("`elsewhere.toml` cannot be read"), "{said}");
}

#[test]
fn a_limit_of_the_file_holds() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("mine.toml"), "[limits]\npayload_bytes = 4\n").unwrap();
    let limits: Value = serde_json::from_str(&place.run(&["limits", "--json", "--config", "mine.toml"])).unwrap();
    let row = limits["limits"].as_array().unwrap().iter().find(|row| row["name"] == "payload_bytes").unwrap();
    assert_eq!((&row["default"], &row["value"]), (&131_072.into(), &4.into()));
    assert!(row["about"].as_str().unwrap().contains("Publish request payload size"), "{row}");

    let gateway = place.up(&["--ephemeral", "--no-functions", "--config", "mine.toml"]);
    let mut device = gateway.connect(&gateway.free_device("device"));
    device.publish("a", "four").unwrap();
    assert!(device.publish("a", "fives").is_err(), "five bytes, where four are allowed");
}

#[test]
fn faults_and_parameters_of_the_file_hold() {
    let template = "Parameters:\n  Kind:\n    Type: String\nResources:\n  Pump:\n    Type: AWS::IoT::ThingType\n    \
                    Properties:\n      ThingTypeName: !Ref Kind\n";
    let place = Place::new(template);
    let text = "[parameters]\nKind = \"valve\"\n\n[faults]\nseed = 7\nsns = { throttle = 1 }\n\
                dynamodb = { lose = 1 }\n\"iot.ListThings\" = { fail = 1 }\n";
    fs::write(place.path().join("drydock.toml"), text).unwrap();
    let gateway = place.up(&CALM);
    let types = gateway.iot("GET", "/thing-types", &Value::Null);
    assert_eq!(types["thingTypes"][0]["thingTypeName"], "valve");
    gateway.call("iot", "GET", "/things", &[], &Value::Null).refused(500, "InternalFailureException", "drydock.toml");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = gateway.call("sns", "POST", "/?Action=ListTopics", &form, &Value::Null);
    assert!(answer.status == 400 && answer.body.contains("<Code>Throttling</Code>"), "{}", answer.body);
    let dynamodb = |operation: &str, body: Value| {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        gateway.call("dynamodb", "POST", "/", &headers, &body)
    };
    let table = serde_json::json!({
        "TableName": "t", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }],
    });
    assert_eq!(dynamodb("CreateTable", table).status, 500, "its answer is lost");
    drop(gateway);
    fs::write(place.path().join("drydock.toml"), "[parameters]\nKind = \"valve\"\nKinds = \"x\"\n").unwrap();
    let said = place.up_fails(&CALM);
    assert!(said.contains("Kinds") && said.contains("did you mean `Kind`?"), "{said}");
}

#[test]
fn a_command_outlives_its_reader() {
    for arguments in [&["limits"][..], &["limits", "--json"], &["operations"], &["operations", "--markdown"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = command().args(arguments).stdin(Stdio::null()).stdout(writer).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
