//! Bad input of every kind: each ends in one clear error and leaves the rest running.

use drydock_tests::gateway::{Place, SMALL, authorization};
use serde_json::{Value, json};
use std::net::TcpListener;

#[test]
fn a_broken_template_is_told_with_its_place() {
    let place = Place::new("Resources:\n  Pump:\n    Type: [AWS::IoT::ThingType\n    Properties: {\n");
    let said = place.up_fails(&["--ephemeral", "--no-functions"]);
    let place_in_file = said.split_whitespace().find(|word| word.contains("template.yaml:"));
    let place_in_file = place_in_file.unwrap_or_else(|| panic!("no place in: {said}"));
    let numbers: Vec<_> = place_in_file.trim_end_matches([':', ',', ']']).rsplit(':').take(2).collect();
    assert!(numbers.iter().all(|n| n.parse::<u32>().is_ok()), "file:line:column in: {said}");
    assert_eq!(said.matches("template.yaml:").count(), 1, "one error: {said}");
}

#[test]
fn an_unknown_resource_type_is_named_with_its_place() {
    let place = Place::new("Resources:\n  Lake:\n    Type: AWS::IoT::Lake\n");
    let said = place.up_fails(&["--ephemeral", "--no-functions"]);
    assert!(said.contains("AWS::IoT::Lake") && said.contains("template.yaml:3:"), "{said}");
    // What nothing here stands in for is left to AWS, and said.
    let place = Place::new("Resources:\n  Lake:\n    Type: AWS::Water::Lake\n");
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    place.told("left to AWS, nothing here stands in for its type: Lake (AWS::Water::Lake)");
    gateway.stop();
}

#[test]
fn a_port_in_use_names_its_option() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let place = Place::new(SMALL);
    for option in ["--api-port", "--mqtt-port", "--tls-port", "--plain-port"] {
        let said = place.up_fails(&["--ephemeral", "--no-functions", option, &port]);
        assert!(said.contains(option) && said.contains(&port) && said.contains("in use"), "{said}");
    }
}

#[test]
fn bad_requests_are_refused_by_name_and_the_rest_goes_on() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut device = gateway.connect(&gateway.free_device("device"));
    let iot = |method, path: &str, body: Value| gateway.call("iot", method, path, &[], &body);

    let certificate = "-----BEGIN CERTIFICATE-----\nbm8gREVS\n-----END CERTIFICATE-----\n";
    iot("POST", "/certificate/register-no-ca", json!({ "certificatePem": certificate })).refused(
        400,
        "CertificateValidationException",
        "",
    );
    iot("POST", "/policies/p", json!({ "policyDocument": "{ \"Version\": " })).refused(
        400,
        "MalformedPolicyException",
        "",
    );

    let republish = json!([{ "republish": { "topic": "b", "roleArn": "arn:aws:iam::123456789012:role/r" } }]);
    let rule = |sql: &str, actions: &Value| json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": actions });
    iot("POST", "/rules/unknown", rule("SELECT frobnicate(a) FROM 'a'", &republish)).refused(
        400,
        "SqlParseException",
        "frobnicate",
    );
    let invented = json!([{ "teleport": { "topic": "b" } }]);
    iot("POST", "/rules/unknown", rule("SELECT * FROM 'a'", &invented)).refused(
        400,
        "InvalidRequestException",
        "actions[0]",
    );
    // One that AWS has and this gateway does not.
    let destination = "arn:aws:iot:us-east-1:123456789012:ruledestination/vpc/1";
    let kafka =
        json!([{ "kafka": { "destinationArn": destination, "topic": "t", "clientProperties": { "acks": "1" } } }]);
    let (status, _, message) = iot("POST", "/rules/unknown", rule("SELECT * FROM 'a'", &kafka)).error();
    assert!(status >= 400 && message.contains("kafka"), "{status} {message}");
    assert_eq!(gateway.iot("GET", "/rules", &Value::Null)["rules"], json!([]), "no rule came of it");

    let (status, _, message) = gateway.call("water", "GET", "/", &[], &Value::Null).error();
    assert!(status == 501 && message.contains("`water`"), "{status} {message}");
    for region in ["nowhere", "us_east_1", "us-east", "EU-WEST-1", ""] {
        let elsewhere = authorization(region, "iot");
        let (status, _, message) = gateway.send("GET", "/things", &[("authorization", &elsewhere)], b"").error();
        assert!(
            status == 400 && message.contains("is not called as AWS's regions are"),
            "{region}: {status} {message}"
        );
    }

    let large = vec![b'x'; 7 * 1024 * 1024];
    let answer =
        gateway.send("POST", "/topics/a", &[("authorization", &authorization("us-east-1", "iotdata"))], &large);
    answer.refused(413, "RequestEntityTooLargeException", "");

    assert_eq!(gateway.health()["status"], "up");
    device.publish("still/there", "1").unwrap();
}

#[test]
fn bad_mqtt_packets_end_their_connection_alone() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions", "--plain-port", "0"]);
    let mut device = gateway.connect(&gateway.free_device("device"));
    device.subscribe("ping");
    // A name, and what follows the CONNECT.
    let oversized = {
        // PUBLISH to `a` whose remaining length says 256 MB less one.
        let mut packet = vec![0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b'a'];
        packet.resize(1024, b'x');
        packet
    };
    let malformed: [(&str, Vec<u8>); 4] = [
        ("an oversized packet", oversized),
        ("a packet of no type", vec![0x00, 0x00]),
        ("a remaining length of five bytes", vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a topic longer than its packet", vec![0x30, 0x03, 0x00, 0x10, b'a']),
    ];
    for (name, bytes) in malformed {
        let mut raw = gateway.raw();
        raw.connect("bad");
        raw.send(&bytes);
        assert_eq!(raw.closed(), b"", "{name}");
        device.publish("ping", name).unwrap();
        assert_eq!(device.receive("ping").payload, name.as_bytes());
    }
    let mut raw = gateway.raw();
    raw.send(b"GET / HTTP/1.1\r\n\r\n");
    raw.closed();
    device.publish("ping", "after HTTP").unwrap();
    assert_eq!(gateway.health()["status"], "up");
}
