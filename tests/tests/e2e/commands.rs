//! AWS IoT commands over MQTT and HTTP, along the gateway's clock and over a kill. What becomes of commands and their executions
//! has cases of its own (`shared/gateway/commands/cases`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::{self, Answer};
use drydock_tests::mqtt::{Mqtt, Wish};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

/// Makes a command of a payload in JSON.
fn command(gateway: &Gateway<'_>, id: &str, payload: &Value) -> Value {
    let payload = json!({ "content": STANDARD.encode(payload.to_string()), "contentType": "application/json" });
    gateway.iot("PUT", &format!("/commands/{id}"), &json!({ "payload": payload }))
}

fn begin(gateway: &Gateway<'_>, id: &str, target: &str, more: &Value) -> Answer {
    let mut body = json!({ "commandArn": arn(&format!("command/{id}")), "targetArn": arn(target) });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    gateway.call("iot-jobs-data", "POST", "/command-executions", &[], &body)
}

/// Starts an execution, and gives its id.
fn start(gateway: &Gateway<'_>, id: &str, target: &str, more: &Value) -> String {
    begin(gateway, id, target, more).ok()["executionId"].as_str().unwrap().to_owned()
}

fn path(execution: &str, target: &str) -> String {
    format!("/command-executions/{execution}?targetArn={}&includeResult=true", arn(target).replace('/', "%2F"))
}

fn execution(gateway: &Gateway<'_>, id: &str, target: &str) -> Value {
    gateway.iot("GET", &path(id, target), &Value::Null)
}

fn clock(gateway: &Gateway<'_>, what: &Value) {
    gateway.send("POST", "/_drydock/clock", &[], what.to_string().as_bytes()).ok();
}

/// A device that has subscribed to its requests, with a session that outlives its connection.
fn stays(gateway: &Gateway<'_>, identity: &Identity) -> Mqtt {
    let wish = Wish { stays: true, ..Wish::default() };
    let tls = identity.config(&gateway.root(), &[]);
    Mqtt::connect_wishing(&identity.name, gateway.port("mqtt"), tls, wish).unwrap()
}

fn response(kind: &str, device: &str, execution: &str) -> String {
    format!("$aws/commands/{kind}/{device}/executions/{execution}/response")
}

#[test]
fn a_thing_gets_a_command_and_reports_on_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    gateway.iot("POST", "/things/lamp", &json!({}));
    let mut watch = gateway.observer(&["$aws/events/commandExecution/#", "$aws/commands/#"]);
    let mut lamp = gateway.connect(&gateway.free_device("lamp"));
    lamp.subscribe("$aws/commands/things/lamp/executions/+/request/json");
    let made = command(&gateway, "light", &json!({ "light": "on" }));
    assert_eq!(made, json!({ "commandId": "light", "commandArn": arn("command/light") }));
    let id = start(&gateway, "light", "thing/lamp", &json!({ "executionTimeoutSeconds": 60 }));

    let request = lamp.receive("$aws/commands/things/lamp/executions/");
    assert_eq!(request.topic, format!("$aws/commands/things/lamp/executions/{id}/request/json"));
    assert_eq!(request.json(), json!({ "light": "on" }));
    let response = response("things", "lamp", &id);
    // The answers come though nobody subscribed to them.
    let progress =
        json!({ "status": "IN_PROGRESS", "statusReason": { "reasonCode": "WARMING_UP" }, "clientToken": "t" });
    lamp.publish(&format!("{response}/json"), progress.to_string()).unwrap();
    let accepted = lamp.receive(&format!("{response}/accepted/json")).json();
    assert_eq!(accepted, json!({ "executionId": id, "clientToken": "t" }));
    let result = json!({ "level": { "s": "80 %" }, "on": { "b": true }, "raw": { "bin": "AAE=" } });
    let reason = json!({ "reasonCode": "DONE", "reasonDescription": "it is bright" });
    let done = json!({ "status": "SUCCEEDED", "statusReason": reason, "result": result });
    lamp.publish(&format!("{response}/json"), done.to_string()).unwrap();
    assert_eq!(lamp.receive(&format!("{response}/accepted/json")).json(), json!({ "executionId": id }));

    lamp.publish(&format!("{response}/json"), done.to_string()).unwrap();
    let rejected = lamp.receive(&format!("{response}/rejected/json")).json();
    assert_eq!(
        (&rejected["executionId"], &rejected["error"]),
        (&json!(id), &json!("TerminalStateReached")),
        "{rejected}"
    );
    assert!(rejected["errorMessage"].as_str().unwrap().contains("SUCCEEDED"), "{rejected}");
    lamp.publish(&format!("{response}/json"), "{").unwrap();
    assert_eq!(lamp.receive(&format!("{response}/rejected/json")).json()["error"], "InvalidJson");

    let told = execution(&gateway, &id, "thing/lamp");
    assert_eq!((&told["status"], &told["statusReason"]), (&json!("SUCCEEDED"), &reason), "{told}");
    let shown = json!({ "level": { "S": "80 %" }, "on": { "B": true }, "raw": { "BIN": "AAE=" } });
    assert_eq!(told["result"], shown, "{told}");
    assert!(told["completedAt"].as_f64() >= told["createdAt"].as_f64(), "{told}");
    let list = json!({ "commandArn": arn("command/light"), "status": "SUCCEEDED" });
    let listed = gateway.iot("POST", "/command-executions", &list);
    assert_eq!(listed["commandExecutions"][0]["executionId"], json!(id), "{listed}");

    for (status, code) in [("CREATED", Value::Null), ("IN_PROGRESS", json!("WARMING_UP")), ("SUCCEEDED", json!("DONE"))]
    {
        let event = watch.receive(&format!("$aws/events/commandExecution/light/{status}")).json();
        assert_eq!(event["statusReason"]["reasonCode"], code, "{event}");
        assert_eq!((&event["executionId"], &event["status"]), (&json!(id), &json!(status)));
        assert_eq!(
            (&event["commandArn"], &event["targetArn"]),
            (&json!(arn("command/light")), &json!(arn("thing/lamp")))
        );
        assert_eq!(event["eventType"], "COMMAND_EXECUTION");
        assert!(event["timestamp"].as_i64() > Some(1_700_000_000_000), "milliseconds: {event}");
    }
    let seen: Vec<_> = watch.inbox.iter().map(|message| message.topic.clone()).collect();
    assert!(seen.iter().any(|topic| topic.ends_with("/request/json")), "{seen:?}");
    assert!(seen.iter().all(|topic| !topic.contains("accepted") && !topic.contains("rejected")), "{seen:?}");
    gateway.iot("DELETE", &path(&id, "thing/lamp"), &Value::Null);
    gateway.iot_answer("GET", &path(&id, "thing/lamp")).refused(404, "ResourceNotFoundException", &id);
}

#[test]
fn a_client_gets_a_template_in_cbor_and_reports_in_cbor() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let parameter = json!({
        "name": "level", "type": "INTEGER", "defaultValue": { "I": 50 },
        "valueConditions": [{ "comparisonOperator": "IN_RANGE", "operand": { "numberRange": { "min": "0", "max": "100" } } }],
    });
    let template = "{\"level\":\"${aws:iot:commandexecution::parameter:level}\",\"within\":\"${aws:iot:commandexecution::executionTimeoutSec}\"}";
    let body = json!({
        "payloadTemplate": template, "mandatoryParameters": [parameter],
        "preprocessor": { "awsJsonSubstitution": { "outputFormat": "CBOR" } },
    });
    gateway.iot("PUT", "/commands/dim", &body);
    let mut bulb = gateway.connect(&gateway.free_device("bulb"));
    bulb.subscribe("$aws/commands/clients/bulb/executions/+/request/+");
    let much = json!({ "parameters": { "level": { "I": 101 } } });
    begin(&gateway, "dim", "client/bulb", &much).refused(400, "ValidationException", "IN_RANGE");
    let id = start(&gateway, "dim", "client/bulb", &json!({ "parameters": { "level": { "I": 7 } } }));
    let request = bulb.receive("$aws/commands/clients/bulb/executions/");
    assert!(request.topic.ends_with(&format!("{id}/request/cbor")), "{}", request.topic);
    let got: Value = ciborium::from_reader(request.payload.as_slice()).unwrap();
    assert_eq!(got, json!({ "level": 7, "within": 10 }));

    let response = response("clients", "bulb", &id);
    let mut report = Vec::new();
    ciborium::into_writer(&json!({ "status": "FAILED", "statusReason": { "reasonCode": "BROKEN" } }), &mut report)
        .unwrap();
    bulb.publish(&format!("{response}/cbor"), report).unwrap();
    let answer = bulb.receive(&format!("{response}/accepted/cbor"));
    let answer: Value = ciborium::from_reader(answer.payload.as_slice()).unwrap();
    assert_eq!(answer, json!({ "executionId": id }));
    let told = execution(&gateway, &id, "client/bulb");
    assert_eq!((&told["status"], &told["parameters"]), (&json!("FAILED"), &json!({ "level": { "I": 7 } })), "{told}");
    // JSON where CBOR is said, and a device that there is not.
    bulb.publish(&format!("{response}/cbor"), "{\"status\":\"FAILED\"}").unwrap();
    let rejected = bulb.receive(&format!("{response}/rejected/cbor"));
    let rejected: Value = ciborium::from_reader(rejected.payload.as_slice()).unwrap();
    assert_eq!(rejected["error"], "InvalidRequest", "{rejected}");
    let other = response.replace("clients/bulb", "things/bulb");
    bulb.publish(&format!("{other}/json"), "{\"status\":\"FAILED\"}").unwrap();
    assert_eq!(bulb.receive(&format!("{other}/rejected/json")).json()["error"], "ResourceNotFound");
}

#[test]
fn a_device_that_was_offline_gets_what_is_still_in_time() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    clock(&gateway, &json!({ "stop": true }));
    gateway.iot("POST", "/things/pump", &json!({}));
    let identity = gateway.free_device("pump");
    let mut watch = gateway.observer(&["$aws/events/commandExecution/+/TIMED_OUT"]);
    let mut pump = stays(&gateway, &identity);
    pump.subscribe("$aws/commands/things/pump/executions/+/request/json");
    pump.disconnect();
    command(&gateway, "run", &json!({ "run": true }));
    let short = start(&gateway, "run", "thing/pump", &json!({ "executionTimeoutSeconds": 5 }));
    let long = start(&gateway, "run", "thing/pump", &json!({ "executionTimeoutSeconds": 30 }));
    clock(&gateway, &json!({ "advance": "4s" }));
    assert_eq!(execution(&gateway, &short, "thing/pump")["status"], "CREATED");
    clock(&gateway, &json!({ "advance": "1s" }));
    let event = watch.receive("$aws/events/commandExecution/run/TIMED_OUT").json();
    assert_eq!(event["executionId"], json!(short));
    assert_eq!(event["statusReason"]["reasonCode"], "$NO_RESPONSE_FROM_DEVICE", "{event}");
    let told = execution(&gateway, &short, "thing/pump");
    assert_eq!((&told["status"], &told["completedAt"]), (&json!("TIMED_OUT"), &Value::Null), "{told}");

    let mut pump = stays(&gateway, &identity);
    assert!(pump.resumed, "its session");
    let request = pump.receive("$aws/commands/things/pump/executions/");
    assert!(request.topic.contains(&long), "what has timed out is dropped: {}", request.topic);
    let report = |pump: &mut Mqtt, id: &str, status: &str| {
        let response = response("things", "pump", id);
        pump.publish(&format!("{response}/json"), json!({ "status": status }).to_string()).unwrap();
        pump.receive(&format!("{response}/"))
    };
    assert!(report(&mut pump, &long, "SUCCEEDED").topic.ends_with("accepted/json"));
    // A device that is late may say how it ended, and not that it begins.
    let begins = report(&mut pump, &short, "IN_PROGRESS");
    assert_eq!(begins.json()["error"], "InvalidStateTransition");
    assert!(report(&mut pump, &short, "FAILED").topic.ends_with("accepted/json"));
    assert_eq!(execution(&gateway, &short, "thing/pump")["status"], "FAILED");
}

#[test]
fn a_kill_loses_no_command_and_no_execution() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    clock(&gateway, &json!({ "stop": true }));
    gateway.iot("POST", "/things/pump", &json!({}));
    let identity = gateway.free_device("pump");
    let mut pump = stays(&gateway, &identity);
    pump.subscribe("$aws/commands/things/pump/executions/+/request/json");
    pump.disconnect();
    command(&gateway, "run", &json!({ "run": true }));
    gateway.iot("POST", "/tags", &json!({ "resourceArn": arn("command/run"), "tags": [{ "Key": "k", "Value": "v" }] }));
    let asked = json!({ "executionTimeoutSeconds": 3600, "clientToken": "once" });
    let id = start(&gateway, "run", "thing/pump", &asked);
    gateway.kill();

    let gateway = place.up(&DURABLE);
    assert_eq!(start(&gateway, "run", "thing/pump", &asked), id, "the same request");
    let again = json!({ "executionTimeoutSeconds": 60, "clientToken": "once" });
    begin(&gateway, "run", "thing/pump", &again).refused(409, "ConflictException", "clientToken");
    let mut pump = stays(&gateway, &identity);
    let request = pump.receive("$aws/commands/things/pump/executions/");
    assert!(request.topic.contains(&id) && request.json() == json!({ "run": true }), "{request:?}");
    assert!(pump.inbox.is_empty(), "once: {:?}", pump.inbox);
    pump.disconnect();
    clock(&gateway, &json!({ "advance": "1h" }));
    assert_eq!(execution(&gateway, &id, "thing/pump")["status"], "TIMED_OUT");

    // A command that is deleted is there for 12 hours; its tags go with it.
    let deleted = gateway.iot_answer("DELETE", "/commands/run");
    assert_eq!(deleted.status, 202);
    let shown = gateway.iot("GET", "/commands/run", &Value::Null);
    assert_eq!((&shown["pendingDeletion"], &shown["deprecated"]), (&json!(true), &json!(false)));
    begin(&gateway, "run", "thing/pump", &json!({})).refused(400, "ValidationException", "pending deletion");
    clock(&gateway, &json!({ "advance": "12h" }));
    gateway.iot_answer("GET", "/commands/run").refused(404, "ResourceNotFoundException", "run");
    command(&gateway, "run", &json!({ "run": false }));
    let tags = gateway.iot("GET", &format!("/tags?resourceArn={}", arn("command/run")), &Value::Null);
    assert_eq!(tags["tags"], json!([]));
    gateway.iot("PATCH", "/commands/run", &json!({ "deprecated": true }));
    clock(&gateway, &json!({ "advance": "13h" }));
    assert_eq!(gateway.iot_answer("DELETE", "/commands/run").status, 204);
    assert_eq!(gateway.iot("GET", "/commands", &Value::Null)["commands"], json!([]));
}

#[test]
fn who_may_not_report_is_cut_and_who_has_no_key_starts_nothing() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    gateway.iot("POST", "/things/lamp", &json!({}));
    command(&gateway, "light", &json!({ "light": "on" }));
    let id = start(&gateway, "light", "thing/lamp", &json!({ "executionTimeoutSeconds": 60 }));
    let own = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": arn("topic/$aws/commands/things/liar/*") },
    ]);
    let identity = gateway.device("liar", &own);
    let mut liar = gateway.connect(&identity);
    let report = json!({ "status": "FAILED" }).to_string();
    assert!(liar.publish(&format!("{}/json", response("things", "lamp", &id)), report.clone()).is_err());
    // Topics that are told of by the gateway alone are nobody's to publish to, whatever policies say.
    let mut free = gateway.connect(&gateway.free_device("free"));
    assert!(free.publish(&format!("{}/accepted/json", response("things", "lamp", &id)), report.clone()).is_err());
    let mut free = gateway.connect(&gateway.free_device("free-2"));
    let request = format!("$aws/commands/things/lamp/executions/{id}/request/json");
    assert!(free.publish(&request, report.clone()).is_err());
    assert_eq!(execution(&gateway, &id, "thing/lamp")["status"], "CREATED");
    // What comes over HTTP is a report as well; nobody is answered.
    gateway.publish(&format!("{}/json", response("things", "lamp", &id)), &report, false);
    drydock_tests::gateway::wait_for("the report to be taken", || {
        (execution(&gateway, &id, "thing/lamp")["status"] == "FAILED").then_some(())
    });

    let body = json!({ "commandArn": arn("command/light"), "targetArn": arn("thing/lamp") }).to_string();
    let stream = identity.stream(&gateway.root(), &[], gateway.tcp(gateway.port("tls")));
    let answer = http::send(stream, "POST", "/command-executions", &[], body.as_bytes());
    assert_eq!(answer.status, 403, "{}", answer.body);
    let fleetwise = json!({ "namespace": "AWS-IoT-FleetWise" });
    let refused = gateway.call("iot", "PUT", "/commands/f", &[], &fleetwise);
    refused.refused(501, "NotImplementedException", "AWS-IoT-FleetWise");
    begin(&gateway, "none", "thing/lamp", &json!({})).refused(404, "ResourceNotFoundException", "none");
    let refused = gateway.call("iot", "POST", "/command-executions", &[], &json!({}));
    refused.refused(400, "ValidationException", "one of commandArn and targetArn");
}
