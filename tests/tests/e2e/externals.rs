//! Rules whose SQL reaches out: to a function, a table, the registry, a secret.

use base64::Engine as _;
use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place, SMALL};
use prost_reflect::prost::Message;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use serde_json::{Value, json};
use std::fs;

const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Enrich:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: enrich, Runtime: provided.al2023, Handler: bootstrap, CodeUri: enrich/, Timeout: 10}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Enrich.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: arn:aws:iot:us-east-1:123456789012:rule/enriched
  SlowPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Enrich.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: arn:aws:iot:us-east-1:123456789012:rule/a_slow
";

fn rule(gateway: &Gateway<'_>, name: &str, sql: &str, topic: &str) {
    let republish = json!({ "republish": { "topic": topic, "roleArn": ROLE, "qos": 1 } });
    let body = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [republish] });
    gateway.iot("POST", &format!("/rules/{name}"), &body);
}

fn secret(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("secretsmanager.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
    gateway.call("secretsmanager", "POST", "/", &headers, body).ok()
}

#[test]
fn a_message_is_enriched_from_everywhere() {
    let place = Place::new(TEMPLATE);
    let folder = place.path().join("enrich");
    fs::create_dir(&folder).unwrap();
    bootstrap::write(&folder, r#"answer="{\"seen\":$event}""#);
    let gateway = place.up(&["--ephemeral"]);
    // A rule waits for a function for two seconds, which is no time for its start.
    gateway.call("lambda", "POST", "/2015-03-31/functions/enrich/invocations", &[], &json!({})).ok();
    let table = json!({
        "TableName": "places", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "device", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "device", "KeyType": "HASH" }],
    });
    gateway.dynamodb("CreateTable", &table);
    let item = json!({
        "device": { "S": "pump-1" }, "level": { "N": "-1.5" }, "tags": { "SS": ["a", "b"] },
        "place": { "M": { "town": { "S": "Ulm" }, "open": { "BOOL": true }, "none": { "NULL": true } } },
    });
    gateway.dynamodb("PutItem", &json!({ "TableName": "places", "Item": item }));
    gateway.iot("POST", "/things/pump-1", &json!({ "attributePayload": { "attributes": { "colour": "red" } } }));
    gateway.iot("POST", "/thing-groups/cellar", &json!({}));
    let membership = json!({ "thingGroupName": "cellar", "thingName": "pump-1" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &membership);
    let made = secret(&gateway, "CreateSecret", &json!({ "Name": "where", "SecretString": r#"{"topic":"old"}"# }));
    secret(&gateway, "PutSecretValue", &json!({ "SecretId": made["ARN"], "SecretString": r#"{"topic":"cellar"}"# }));
    let value = secret(&gateway, "GetSecretValue", &json!({ "SecretId": "where" }));
    assert_eq!(
        (&value["SecretString"], &value["VersionStages"]),
        (&json!(r#"{"topic":"cellar"}"#), &json!(["AWSCURRENT"]))
    );

    let function = "arn:aws:lambda:us-east-1:123456789012:function:enrich";
    let sql = format!(
        "SELECT aws_lambda('{function}', {{'n': n, 'id': newuuid()}}).seen.n AS n, \
         get_dynamodb('places', 'device', topic(2), '{ROLE}') AS item, \
         get_registry_data('DescribeThing', topic(2), '{ROLE}').attributes.colour AS colour FROM 'in/+' WHERE n > 1"
    );
    let topic = format!("out/${{get_secret('where', 'SecretString', 'topic', '{ROLE}')}}/${{n}}");
    rule(&gateway, "enriched", &sql, &topic);
    let groups = format!("SELECT get_registry_data('ListThingGroupsForThing', topic(2), '{ROLE}') AS g FROM 'in/+'");
    rule(&gateway, "groups", &groups, "groups");
    let missing =
        format!("SELECT get_or_default(get_dynamodb('places', 'device', 'nobody', '{ROLE}'), 'none') AS i FROM 'in/+'");
    rule(&gateway, "missing", &missing, "missing");
    // The function's policy does not name this rule, and nothing catches it.
    let stranger = format!("SELECT aws_lambda('{function}', *) AS a FROM 'in/+'");
    rule(&gateway, "stranger", &stranger, "stranger/raw");
    let caught = format!("SELECT get_or_default(aws_lambda('{function}', *), 'refused') AS a FROM 'in/+'");
    rule(&gateway, "stranger_caught", &caught, "caught");

    let mut device = gateway.observer(&["out/#", "groups", "missing", "stranger/#", "caught"]);
    device.publish("in/pump-1", r#"{"n":2}"#).unwrap();
    let enriched = device.receive("out/");
    let item = json!({
        "device": "pump-1", "level": -1.5, "tags": ["a", "b"],
        "place": { "town": "Ulm", "open": true, "none": null },
    });
    assert_eq!(enriched.topic, "out/cellar/2");
    assert_eq!(enriched.json(), json!({ "n": 2, "item": item, "colour": "red" }));
    assert_eq!(device.receive("groups").json()["g"]["thingGroups"][0]["groupName"], "cellar");
    assert_eq!(device.receive("missing").json(), json!({ "i": "none" }));
    assert_eq!(device.receive("caught").json(), json!({ "a": "refused" }));
    assert!(!device.inbox.iter().any(|message| message.topic.starts_with("stranger")), "{:?}", device.inbox);
}

/// What `protoc --descriptor_set_out` writes of a file with `message Reading`.
fn descriptors() -> Vec<u8> {
    let field = |number, name: &str, kind, label| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        r#type: Some(kind as i32),
        label: Some(label as i32),
        ..Default::default()
    };
    let reading = DescriptorProto {
        name: Some("Reading".to_owned()),
        field: vec![
            field(1, "pressure", Type::Int32, Label::Optional),
            field(2, "device_id", Type::String, Label::Optional),
            field(3, "total", Type::Uint64, Label::Optional),
            field(4, "samples", Type::Double, Label::Repeated),
            field(5, "raw", Type::Bytes, Label::Optional),
        ],
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("readings.proto".to_owned()),
        package: Some("fleet".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![reading],
        ..Default::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}

/// A `Reading`, byte by byte ("Encoding" in protobuf's guide; its own example is `08 96 01`).
fn reading() -> Vec<u8> {
    let mut bytes = vec![0x08, 0x96, 0x01];
    bytes.extend(b"\x12\x06pump-1");
    bytes.extend([0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    bytes.extend([0x22, 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    bytes.extend([0x2a, 2, 0xff, 0x00]);
    bytes
}

#[test]
fn protobuf_is_decoded_by_descriptors_in_s3() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    assert_eq!(gateway.s3("PUT", "/schemas", &[], b"").status, 200);
    assert_eq!(gateway.s3("PUT", "/schemas/readings.desc", &[], &descriptors()).status, 200);
    assert_eq!(gateway.s3("PUT", "/schemas/big.desc", &[], &vec![0; 32 * 1024 + 1]).status, 200);
    let decode = |data: &str, key: &str, file: &str, kind: &str| {
        format!("decode({data}, 'proto', 'schemas', '{key}', '{file}', '{kind}')")
    };
    let whole = decode("*", "readings.desc", "readings", "Reading");
    rule(&gateway, "whole", &format!("SELECT VALUE {whole} FROM 'raw' WHERE {whole}.pressure > 100"), "whole");
    let member = decode("data", "readings.desc", "readings.proto", "fleet.Reading");
    rule(&gateway, "member", &format!("SET @r = {member} SELECT @r.deviceId, @r.samples FROM 'json'"), "member");
    // What cannot be decoded ends the rule; caught, the rest goes on.
    let wrong = [
        ("no_object", decode("data", "nothing.desc", "readings", "Reading"), "no object `nothing.desc`"),
        ("too_big", decode("data", "big.desc", "readings", "Reading"), "at most 32768"),
        ("no_file", decode("data", "readings.desc", "other", "Reading"), "they have `readings.proto`"),
        ("no_message", decode("data", "readings.desc", "readings", "Other"), "it has `Reading`"),
        ("no_data", decode("missing", "readings.desc", "readings", "Reading"), "the data is Undefined"),
        ("no_base64", decode("'%'", "readings.desc", "readings", "Reading"), "not base64"),
        ("no_reading", decode("'CJY='", "readings.desc", "readings", "Reading"), "not a `fleet.Reading`"),
    ];
    for (name, call, _) in &wrong {
        rule(&gateway, name, &format!("SELECT {call} AS x FROM 'json'"), "lost");
    }
    let caught = format!("SELECT get_or_default({}, 'none') AS x FROM 'json'", wrong[0].1);
    rule(&gateway, "caught", &caught, "caught");

    let mut device = gateway.observer(&["whole", "member", "lost", "caught"]);
    device.publish("raw", reading()).unwrap();
    let decoded = json!({
        "pressure": 150, "deviceId": "pump-1", "total": "18446744073709551615", "samples": [1.5], "raw": "/wA=",
    });
    assert_eq!(device.receive("whole").json(), decoded);
    let data = base64::engine::general_purpose::STANDARD.encode(reading());
    device.publish("json", json!({ "data": data }).to_string()).unwrap();
    assert_eq!(device.receive("member").json(), json!({ "deviceId": "pump-1", "samples": [1.5] }));
    assert_eq!(device.receive("caught").json(), json!({ "x": "none" }));
    for (name, _, why) in &wrong {
        let told = place.told(why);
        assert!(told.lines().any(|line| line.contains(name) && line.contains(why)), "{name}: {told}");
    }
    assert!(!device.inbox.iter().any(|message| message.topic == "lost"), "{:?}", device.inbox);

    let three = format!("SELECT {whole} AS a, {whole} AS b, {whole} AS c FROM 'raw'");
    let body = json!({ "sql": three, "awsIotSqlVersion": "2016-03-23", "actions": [] });
    gateway.call("iot", "POST", "/rules/three", &[], &body).refused(400, "SqlParseException", "at most 2 times");
}

#[test]
fn a_secret_is_told_to_its_receiver_alone() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    secret(&gateway, "CreateSecret", &json!({ "Name": "stream", "SecretString": "xyzzy-42" }));
    let stream = format!("${{get_secret('stream', 'SecretString', '{ROLE}')}}");
    let kinesis = json!({ "kinesis": { "streamName": stream, "roleArn": ROLE } });
    let error = json!({ "republish": { "topic": "errors", "roleArn": ROLE } });
    let body = json!({
        "sql": "SELECT * FROM 'in'", "awsIotSqlVersion": "2016-03-23", "actions": [kinesis], "errorAction": error,
    });
    gateway.iot("POST", "/rules/hushed", &body);
    let mut device = gateway.observer(&["errors"]);
    device.publish("in", "{}").unwrap();
    let document = device.receive("errors").json();
    assert_eq!(document["failures"][0]["failedResource"], stream, "{document}");
    assert!(!document.to_string().contains("xyzzy"), "{document}");
    let log = place.told("hushed");
    assert!(!log.contains("xyzzy"), "{log}");
}

#[test]
fn a_slow_function_holds_up_its_own_rule_alone() {
    let place = Place::new(TEMPLATE);
    let folder = place.path().join("enrich");
    fs::create_dir(&folder).unwrap();
    bootstrap::write(&folder, "sleep 4\n  answer=1");
    let gateway = place.up(&["--ephemeral"]);
    let call = "aws_lambda('arn:aws:lambda:us-east-1:123456789012:function:enrich', *)";
    rule(&gateway, "a_slow", &format!("SELECT get_or_default({call}, 'late') AS a, n FROM 'in'"), "slow");
    rule(&gateway, "b_quick", "SELECT n FROM 'in'", "quick");
    let mut device = gateway.observer(&["slow", "quick"]);
    device.publish("in", r#"{"n":1}"#).unwrap();
    let first = device.receive("");
    assert_eq!((first.topic.as_str(), first.json()), ("quick", json!({ "n": 1 })), "what is quick comes first");
    assert_eq!(device.receive("slow").json()["a"], "late", "2000 ms are all that a function gets");
}

#[test]
fn what_nobody_answers_is_refused_when_the_rule_is_made() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let sql = format!("SELECT machinelearning_predict('m', '{ROLE}', {{}}) AS x FROM 'a'");
    let body = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [] });
    let named = "machinelearning_predict is not implemented";
    gateway.call("iot", "POST", "/rules/refused", &[], &body).refused(400, "SqlParseException", named);
}
