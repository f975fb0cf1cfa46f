//! The function `defender-detect` as `template.yaml` deploys it, beside the gateway's own Device Defender Detect: a device floods, both
//! raise an alarm and clear it, and say the same.

use crate::backend::{place, rows};
use drydock_tests::gateway::{Gateway, authorization, wait_for};
use serde_json::{Value, json};

fn clock(gateway: &Gateway<'_>, what: &Value) {
    gateway.send("POST", "/_drydock/clock", &[], what.to_string().as_bytes()).ok();
}

fn sqs(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    gateway.call("sqs", "POST", "/", &headers, body).ok()
}

/// An operation of a service with AWS's query protocol, that must succeed: its XML.
pub(crate) fn query(gateway: &Gateway<'_>, (service, version): (&str, &str), action: &str) -> String {
    let authorization = authorization("us-east-1", service);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let answer = gateway.send("POST", "/", &headers, format!("Action={action}&Version={version}").as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn sns(gateway: &Gateway<'_>, action: &str) -> String {
    query(gateway, ("sns", "2010-03-31"), action)
}

/// The ARN in an answer, of what is called like this.
pub(crate) fn arn(answer: &str, part: &str) -> String {
    let mut arns = answer.split("Arn>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0));
    arns.find(|arn| arn.contains(part)).unwrap_or_else(|| panic!("no {part} in {answer}")).to_owned()
}

/// A queue that gets what a topic is told.
fn listen(gateway: &Gateway<'_>, topic: &str, queue: &str) -> String {
    let url = sqs(gateway, "CreateQueue", &json!({ "QueueName": queue }))["QueueUrl"].as_str().unwrap().to_owned();
    let topic = topic.replace(':', "%3A");
    let endpoint = format!("arn%3Aaws%3Asqs%3Aus-east-1%3A123456789012%3A{queue}");
    let raw = "Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true";
    sns(gateway, &format!("Subscribe&TopicArn={topic}&Protocol=sqs&Endpoint={endpoint}&{raw}"));
    url
}

/// The next message of a queue.
fn told(gateway: &Gateway<'_>, url: &str) -> Value {
    wait_for("an alert", || {
        let got = sqs(gateway, "ReceiveMessage", &json!({ "QueueUrl": url, "MaxNumberOfMessages": 1 }));
        let message = got["Messages"].get(0)?.clone();
        sqs(gateway, "DeleteMessage", &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
        serde_json::from_str(message["Body"].as_str()?).ok()
    })
}

/// What is the same, whoever judges: all but the violation's id.
fn content(alert: &Value) -> Value {
    let mut content = alert.clone();
    content.as_object_mut().unwrap().remove("violationId");
    content
}

#[test]
fn a_device_that_floods_raises_an_alarm_of_the_function_as_of_detect() {
    let place = place("");
    let gateway = place.up(&["--ephemeral"]);
    // Just after a period has begun, so that all that is done is of one.
    clock(&gateway, &json!({ "stop": true }));
    let now = gateway.send("GET", "/_drydock/clock", &[], b"").ok()["now"].as_str().unwrap().to_owned();
    let now = now.parse::<jiff::Timestamp>().unwrap().as_second();
    clock(&gateway, &json!({ "advance": format!("{}s", 301 - now.rem_euclid(300)) }));
    let ours = arn(&sns(&gateway, "ListTopics"), "ViolationsTopic");
    let ours = listen(&gateway, &ours, "ours");
    // The same behavior, for the gateway's Detect.
    let theirs = arn(&sns(&gateway, "CreateTopic&Name=theirs"), "theirs");
    let role = arn(&query(&gateway, ("iam", "2010-05-08"), "ListRoles"), "DefenderAlertsRole");
    let alerts = json!({ "SNS": { "alertTargetArn": theirs, "roleArn": role } });
    let theirs = listen(&gateway, &theirs, "theirs");
    let behavior = json!({ "name": "few-messages", "metric": "aws:num-messages-sent", "criteria": {
        "comparisonOperator": "less-than-equals", "value": { "count": 100 }, "durationSeconds": 300 } });
    let profile = json!({ "behaviors": [behavior], "alertTargets": alerts });
    gateway.iot("POST", "/security-profiles/fleet", &profile);
    let all = "arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Aall%2Fthings";
    let path = format!("/security-profiles/fleet/targets?securityProfileTargetArn={all}");
    gateway.call("iot", "PUT", &path, &[], &Value::Null).ok();

    gateway.iot("POST", "/things/meter", &json!({}));
    let mut meter = gateway.connect(&gateway.free_device("meter"));
    for n in 0..101 {
        meter.publish("dt/meter/other", json!({ "n": n }).to_string()).unwrap();
        if n == 60 {
            // A connection sends a hundred messages a second, by the gateway's clock.
            clock(&gateway, &json!({ "advance": "2s" }));
        }
    }
    let report = json!({
        "header": { "report_id": 1, "version": "1.0" },
        "metrics": { "listening_tcp_ports": { "ports": [{ "port": 23 }], "total": 1 } },
    });
    let mut cam = gateway.connect(&gateway.free_device("cam"));
    cam.publish("$aws/things/cam/defender/metrics/json", report.to_string()).unwrap();
    wait_for("all is counted", || {
        let rows = rows(&gateway, "DetectionTable");
        let awaited = |row: &&Value| row["row"]["S"] != "state" && row["awaited"]["BOOL"] == true;
        let all = |row: &Value| row["messages"]["NS"].as_array().is_some_and(|all| all.len() == 101);
        let reported = |row: &Value| row["report"]["M"].is_object();
        let mut is_there = [false; 2];
        for row in rows.iter().filter(awaited) {
            is_there = [is_there[0] || all(row), is_there[1] || reported(row)];
        }
        (is_there == [true; 2]).then_some(())
    });
    clock(&gateway, &json!({ "advance": "7m" }));
    let mut found = [told(&gateway, &ours), told(&gateway, &ours)];
    found.sort_by_key(|alert| alert["behavior"]["name"].as_str().unwrap().to_owned());
    let by_detect = told(&gateway, &theirs);
    assert_eq!(found[0]["metricValue"], json!({ "count": 101 }), "{found:?}");
    assert_eq!(content(&found[0]), content(&by_detect));
    let telnet = &found[1];
    assert_eq!(
        (&telnet["behavior"]["name"], &telnet["violationEventType"], &telnet["metricValue"]),
        (&json!("no-telnet"), &json!("in-alarm"), &json!({ "ports": [23] })),
        "{telnet}"
    );

    clock(&gateway, &json!({ "advance": "6m" }));
    let (cleared, by_detect) = (told(&gateway, &ours), told(&gateway, &theirs));
    assert_eq!(cleared["violationEventType"], "alarm-cleared", "{cleared}");
    assert_eq!(cleared["violationId"], found[0]["violationId"]);
    assert_eq!(content(&cleared), content(&by_detect));
    meter.disconnect();
    cam.disconnect();
}
