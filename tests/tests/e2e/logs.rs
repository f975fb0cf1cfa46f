//! AWS-style logs, their options, and counts. Entries are those of "CloudWatch Logs AWS IoT log entries" in the developer guide.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http;
use drydock_tests::maker::Maker;
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls;
use serde_json::{Value, json};
use std::fs;

const ROLE: &str = "arn:aws:iam::123456789012:role/logs";
/// The kind of entry that is written only where it is asked for.
const AUTHN_ERROR: &str = "Connection.AuthNError";

fn options(gateway: &Gateway<'_>, level: &str, more: Value) {
    let mut body = json!({ "roleArn": ROLE, "defaultLogLevel": level });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.iot("POST", "/v2LoggingOptions", &body);
}

fn entries(place: &Place, gateway: &Gateway<'_>, more: &[&str]) -> Vec<Value> {
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let said = place.run(&[&["logs", "--json", "--api-url", url], more].concat());
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until there is an entry of a kind that is like this.
fn entry(place: &Place, gateway: &Gateway<'_>, event: &str, like: impl Fn(&Value) -> bool) -> Value {
    wait_for(event, || {
        let found = entries(place, gateway, &["--event-type", event]);
        found.into_iter().find(|entry| entry["eventType"] == event && like(entry))
    })
}

#[test]
fn what_happens_is_logged_once_it_is_asked_for() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--no-functions"]);
    let iot = |method, path: &str, body: Value| gateway.call("iot", method, path, &[], &body);
    iot("GET", "/v2LoggingOptions", Value::Null).refused(404, "NotConfiguredException", "SetV2LoggingOptions");
    let level = json!({ "logTarget": { "targetType": "CLIENT_ID", "targetName": "a" }, "logLevel": "INFO" });
    iot("POST", "/v2LoggingLevel", level).refused(404, "NotConfiguredException", "");
    iot("POST", "/v2LoggingOptions", json!({ "roleArn": ROLE })).refused(
        400,
        "InvalidRequestException",
        "defaultLogLevel",
    );
    gateway.connect(&gateway.free_device("before")).disconnect();
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    assert!(place.run(&["logs", "--api-url", url]).contains("no entries"));

    options(&gateway, "DEBUG", json!({}));
    let topic = "arn:aws:iot:us-east-1:123456789012:topic";
    let device = gateway.device(
        "dock-1",
        &json!([
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
            { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": format!("{topic}/mine") },
            { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": format!("{topic}filter/mine") },
        ]),
    );
    let mut connection = gateway.connect(&device);
    connection.subscribe("mine");
    connection.publish("mine", "1").unwrap();
    connection.receive("mine");
    connection.publish("yours", "2").expect_err("not allowed");
    let mine = |entry: &Value| entry["clientId"] == "dock-1";
    let of = |event: &str, like: &dyn Fn(&Value) -> bool| entry(&place, &gateway, event, |e| mine(e) && like(e));
    let connected = of("Connect", &|_| true);
    for (name, value) in [
        ("logLevel", "INFO"),
        ("accountId", "123456789012"),
        ("status", "Success"),
        ("protocol", "MQTT"),
        ("principalId", device.id.as_str()),
        ("sourceIp", "127.0.0.1"),
    ] {
        assert_eq!(connected[name], value, "{connected}");
    }
    assert!(connected["sourcePort"].is_u64() && connected["traceId"].as_str().unwrap().len() == 36, "{connected}");
    let time = connected["timestamp"].as_str().unwrap();
    assert!(time.len() == 23 && time.as_bytes()[10] == b' ', "{time}");
    assert_eq!(of("Subscribe", &|_| true)["topicName"], "mine");
    assert_eq!(of("Publish-In", &|e| e["topicName"] == "mine")["status"], "Success");
    assert_eq!(of("Publish-Out", &|_| true)["topicName"], "mine");
    let refused = of("Publish-In", &|e| e["topicName"] == "yours");
    assert_eq!(
        (&refused["logLevel"], &refused["reason"]),
        (&json!("ERROR"), &json!("AUTHORIZATION_FAILURE")),
        "{refused}"
    );
    assert_eq!(of("Disconnect", &|_| true)["disconnectReason"], "AUTH_ERROR");
    gateway.call("iotdata", "GET", "/connections/nobody", &[], &Value::Null).refused(
        404,
        "ResourceNotFoundException",
        "",
    );
    let asked = entry(&place, &gateway, "GetConnection", |e| e["clientId"] == "nobody");
    assert_eq!((&asked["protocol"], &asked["reason"]), (&json!("HTTP"), &json!("ResourceNotFoundException")));
    gateway.publish("$aws/rules/nothing/a", "1", false);
    assert_eq!(entry(&place, &gateway, "RuleNotFound", |_| true)["ruleName"], "nothing");
    let published = entry(&place, &gateway, "Publish-In", |e| e["topicName"] == "$aws/rules/nothing/a");
    assert_eq!((&published["protocol"], &published["clientId"]), (&json!("HTTP"), &Value::Null), "{published}");
    let only = entries(&place, &gateway, &["--client-id", "dock-1"]);
    assert!(only.iter().all(mine) && only.len() >= 6, "{only:?}");
    assert!(place.run(&["logs", "--api-url", url]).contains("disconnectReason=AUTH_ERROR"));

    let metrics = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
    for line in [
        "aws_iot{metric=\"PublishIn.AuthError\",protocol=\"MQTT\"} 1",
        "aws_iot{metric=\"Connect.Success\",protocol=\"MQTT\"} 2",
        "aws_iot{metric=\"Subscribe.Success\",protocol=\"MQTT\"} 1",
        "aws_iot{metric=\"PublishIn.Success\",protocol=\"MQTT\"} 1",
        "aws_iot{metric=\"PublishOut.Success\",protocol=\"MQTT\"} 1",
        "drydock_messages_dropped{reason=\"THROTTLED\"} 0",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }

    // The file has the same lines, and what was set and written survives.
    let file = place.path().join(".drydock/logs/AWSIotLogsV2.log");
    wait_for("the file is written", || fs::read_to_string(&file).ok().filter(|text| text.contains("RuleNotFound")));
    gateway.kill();
    let gateway = place.up(&["--no-functions"]);
    assert_eq!(gateway.iot("GET", "/v2LoggingOptions", &Value::Null)["defaultLogLevel"], "DEBUG");
    assert!(!entries(&place, &gateway, &["--event-type", "RuleNotFound"]).is_empty());
    options(&gateway, "DEBUG", json!({ "disableAllLogs": true }));
    let count = entries(&place, &gateway, &[]).len();
    gateway.connect(&device).disconnect();
    assert_eq!(entries(&place, &gateway, &[]).len(), count, "all logs are disabled");
}

#[test]
fn resources_and_event_types_have_levels_of_their_own() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--no-functions"]);
    let events = json!([
        { "eventType": "Connection.AuthNError" },
        { "eventType": "Subscribe", "logLevel": "INFO", "logDestination": "my/subscriptions" },
    ]);
    options(&gateway, "ERROR", json!({ "eventConfigurations": events }));
    let level = |kind: &str, name: &str, level: &str| {
        let target = json!({ "targetType": kind, "targetName": name });
        gateway.iot("POST", "/v2LoggingLevel", &json!({ "logTarget": target, "logLevel": level }));
    };
    level("CLIENT_ID", "loud", "INFO");
    level("THING_GROUP", "harbour", "INFO");
    let listed = gateway.iot("GET", "/v2LoggingLevel", &Value::Null);
    let kinds: Vec<_> =
        listed["logTargetConfigurations"].as_array().unwrap().iter().map(|c| &c["logTarget"]["targetType"]).collect();
    assert_eq!(kinds, ["DEFAULT", "CLIENT_ID", "THING_GROUP"]);

    let grouped = gateway.free_device("grouped");
    gateway.iot("POST", "/things/grouped", &json!({}));
    let principal = [("x-amzn-principal", grouped.arn.as_str())];
    gateway.call("iot", "PUT", "/things/grouped/principals", &principal, &Value::Null).ok();
    gateway.iot("POST", "/thing-groups/harbour", &json!({}));
    gateway.iot("POST", "/thing-groups/pier", &json!({ "parentGroupName": "harbour" }));
    let membership = json!({ "thingGroupName": "pier", "thingName": "grouped" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &membership);

    let mut quiet = gateway.connect(&gateway.free_device("quiet"));
    quiet.subscribe("a");
    gateway.connect(&grouped).disconnect();
    let stranger = gateway.free_device("stranger");
    gateway.iot("PUT", &format!("/certificates/{}?newStatus=INACTIVE", stranger.id), &Value::Null);
    assert!(gateway.try_connect(&stranger).is_err());
    gateway.connect(&gateway.free_device("loud")).disconnect();
    entry(&place, &gateway, "Connect", |e| e["clientId"] == "loud");
    entry(&place, &gateway, "Connect", |e| e["clientId"] == "grouped");
    let unproven = entry(&place, &gateway, "Connection.AuthNError", |e| e["principalId"] == stranger.id.as_str());
    assert_eq!(unproven["reason"], "DEVICE_CERTIFICATE_INACTIVE", "{unproven}");
    assert_eq!(unproven["authenticationType"], "AWS_X509");
    entry(&place, &gateway, "Subscribe", |e| e["clientId"] == "quiet");
    assert!(entries(&place, &gateway, &["--event-type", "Connect"]).iter().all(|e| e["clientId"] != "quiet"));
    let stream = grouped.stream(&gateway.root(), &["x-amzn-http-ca"], gateway.tcp(gateway.port("tls")));
    http::send(stream, "GET", "/role-aliases/none/credentials", &[], b"").refused(404, "ResourceNotFoundException", "");
    let refused = entry(&place, &gateway, "GetDeviceCredentials", |e| e["deviceCertificateId"] == grouped.id.as_str());
    assert!(refused["details"].as_str().unwrap().contains("role alias"), "{refused}");
    let own = place.path().join(".drydock/logs/my_subscriptions.log");
    wait_for("the event type's own file", || fs::read_to_string(&own).ok().filter(|text| text.contains("quiet")));

    gateway.iot("DELETE", "/v2LoggingLevel?targetType=CLIENT_ID&targetName=loud", &Value::Null);
    let left = gateway.iot("GET", "/v2LoggingLevel?targetType=CLIENT_ID", &Value::Null);
    assert_eq!(left["logTargetConfigurations"], json!([]));
}

#[test]
fn a_certificate_that_does_not_count_is_logged_wherever_it_is_shown() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    options(&gateway, "ERROR", json!({ "eventConfigurations": [{ "eventType": AUTHN_ERROR }] }));
    // Nobody knows it: the handshake ends there, before there is a client id.
    let stranger = Maker::new("Unknown CA").sign("stranger");
    gateway.try_connect(&stranger).err().unwrap();
    let entry = gateway.logged(AUTHN_ERROR, |entry| entry["protocol"] == "MQTT");
    assert_eq!(entry["reason"], "DEVICE_CERTIFICATE_NOT_REGISTERED", "{entry}");
    assert_eq!((&entry["clientId"], &entry["targetPort"]), (&Value::Null, &json!(gateway.port("mqtt"))), "{entry}");

    let device = gateway.free_device("retired");
    gateway.iot("PUT", &format!("/certificates/{}?newStatus=REVOKED", device.id), &Value::Null);
    let stream = device.stream(&gateway.root(), &["x-amzn-http-ca"], gateway.tcp(gateway.port("tls")));
    http::send(stream, "POST", "/topics/a?qos=1", &[], b"1").refused(401, "UnauthorizedException", "revoked");
    let entry = gateway.logged(AUTHN_ERROR, |entry| entry["protocol"] == "HTTP");
    for (name, value) in [
        ("logLevel", json!("ERROR")),
        ("status", json!("Failure")),
        ("reason", json!("DEVICE_CERTIFICATE_REVOKED")),
        ("authenticationType", json!("AWS_X509")),
        ("principalId", json!(device.id)),
        ("sourceIp", json!("127.0.0.1")),
        ("targetIp", json!("127.0.0.1")),
        ("targetPort", json!(gateway.port("tls"))),
    ] {
        assert_eq!(entry[name], value, "{entry}");
    }
}

#[test]
fn whom_an_authorizer_does_not_let_in_is_logged_with_the_reason() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    options(&gateway, "ERROR", json!({ "eventConfigurations": [{ "eventType": AUTHN_ERROR }] }));
    let function = "arn:aws:lambda:us-east-1:123456789012:function:nowhere";
    let open = json!({ "authorizerFunctionArn": function, "signingDisabled": true, "status": "ACTIVE" });
    gateway.iot("POST", "/authorizer/open", &open);
    let key = include_str!("../../../shared/fleet/tests/tokens/rs256.pem");
    let signed = json!({
        "authorizerFunctionArn": function, "status": "ACTIVE", "tokenKeyName": "token",
        "tokenSigningPublicKeys": { "first": key },
    });
    gateway.iot("POST", "/authorizer/signed", &signed);
    let long = format!("signed&token={}", "t".repeat(6145));
    for (client_id, user_name, reason) in [
        ("e", long.as_str(), "CUSTOM_AUTHORIZER_PARAMETER_INVALID"),
        ("a", "nobody", "CUSTOM_AUTHORIZER_NOT_FOUND"),
        ("b", "open", "CUSTOM_AUTHORIZER_LAMBDA_EXECUTION_ERROR"),
        ("c", "signed", "CUSTOM_AUTHORIZER_PARAMETER_INVALID"),
        ("d", "signed&token=t&x-amz-customauthorizer-signature=AAAA", "NOT_AUTHENTICATED"),
    ] {
        let user_name = format!("device?x-amz-customauthorizer-name={user_name}");
        let config = tls::anonymous(&gateway.root(), &["mqtt"]);
        let refused = Mqtt::connect_as(client_id, gateway.port("tls"), config, Some((&user_name, "secret")));
        assert!(refused.is_err(), "{client_id}");
        let entry = gateway.logged(AUTHN_ERROR, |entry| entry["clientId"] == client_id);
        assert_eq!(entry["reason"], reason, "{entry}");
        assert_eq!((&entry["protocol"], &entry["authenticationType"]), (&json!("MQTT"), &json!("CUSTOM_AUTH")));
        assert!(!entry.to_string().contains("secret"), "{entry}");
    }
    let name = [("x-amz-customauthorizer-name", "nobody")];
    http::send(gateway.anonymous(), "POST", "/topics/a", &name, b"1").refused(403, "ForbiddenException", "Forbidden");
    let entry = gateway.logged(AUTHN_ERROR, |entry| entry["protocol"] == "HTTP");
    assert_eq!(entry["reason"], "CUSTOM_AUTHORIZER_NOT_FOUND", "{entry}");
    assert_eq!(entry["authenticationType"], "CUSTOM_AUTH", "{entry}");
}

#[test]
fn reading_retained_messages_is_logged() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    options(&gateway, "INFO", json!({}));
    gateway.publish("state", "kept", true);
    let data = |path: &str| gateway.call("iotdata", "GET", path, &[], &Value::Null);
    data("/retainedMessage/state").ok();
    data("/retainedMessage/none").refused(404, "ResourceNotFoundException", "none");
    data("/retainedMessage").ok();
    let entry = gateway.logged("GetRetainedMessage", |entry| entry["topicName"] == "state");
    assert_eq!((&entry["protocol"], &entry["qos"]), (&json!("HTTP"), &json!("1")), "{entry}");
    assert_eq!(entry["lastModifiedDate"].as_str().map(str::len), Some(23), "{entry}");
    let entry = gateway.logged("GetRetainedMessage", |entry| entry["topicName"] == "none");
    assert_eq!((&entry["status"], &entry["reason"]), (&json!("Failure"), &json!("ResourceNotFoundException")));
    assert_eq!(gateway.logged("ListRetainedMessage", |_| true)["status"], "Success");
}

#[test]
fn a_connection_whose_client_id_another_takes_is_logged_as_an_error() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    options(&gateway, "ERROR", json!({}));
    let device = gateway.free_device("twin");
    let first = gateway.connect(&device);
    let second = gateway.connect(&device);
    first.ended();
    let entry = gateway.logged("Disconnect", |entry| entry["clientId"] == "twin");
    for (name, value) in [
        ("logLevel", "ERROR"),
        ("status", "Failure"),
        ("reason", "DUPLICATE_CLIENT_ID"),
        ("disconnectReason", "DUPLICATE_CLIENTID"),
        ("principalId", device.id.as_str()),
    ] {
        assert_eq!(entry[name], value, "{entry}");
    }
    second.disconnect();
}
