//! What answers Device Defender as `template.yaml` deploys it: audits and their response plans, devices in quarantine and out of it, and what
//! kills of the functions in the middle do.

use crate::backend::{place, rows, table};
use crate::detection::{arn, query};
use crate::releases::{advance, alerts, kill_function, queue, sqs, told};
use drydock_tests::gateway::{Gateway, comes, wait_for};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

const UP: [&str; 3] = ["--ephemeral", "--stack-name", "fleet"];
const SHARED: &str = "DEVICE_CERTIFICATE_SHARED_CHECK";
const WIDE: &str = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";
const SILENT: &str = "LOGGING_DISABLED_CHECK";

/// Writes a response plan, its attributes as DynamoDB has them.
fn plan(gateway: &Gateway<'_>, about: &str, mut attributes: Value) {
    attributes["about"] = json!({ "S": about });
    let item = json!({ "TableName": table(gateway, "ResponsePlansTable"), "Item": attributes });
    gateway.dynamodb("PutItem", &item);
}

/// A thing with a certificate that may do all.
fn thing(gateway: &Gateway<'_>, name: &str) -> Identity {
    gateway.iot("POST", &format!("/things/{name}"), &json!({}));
    let device = gateway.free_device(name);
    let headers = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", &format!("/things/{name}/principals"), &headers, &Value::Null).ok();
    device
}

/// The next alert of this kind.
fn told_of(gateway: &Gateway<'_>, kind: &str) -> Value {
    loop {
        let alert = told(gateway);
        if alert["kind"] == kind {
            return alert;
        }
    }
}

/// The report on an audit, once the audit is answered. The function is killed so often meanwhile.
fn report(gateway: &Gateway<'_>, task: &str, kills: usize) -> Value {
    let mut killed = 0;
    wait_for("the report", || {
        if killed < kills {
            killed += kill_function(gateway, "defender-audit");
        }
        // What died in the middle comes again after three minutes.
        advance(gateway, "3m 1s");
        let row = rows(gateway, "AuditsTable").into_iter().find(|row| row["taskId"]["S"] == task)?;
        (row["phase"]["S"] == "done").then(|| row["report"]["M"].clone())
    })
}

fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["checks"]["L"].as_array().unwrap();
    &all.iter().find(|check| check["M"]["check"]["S"] == name).unwrap()["M"]
}

fn audit(gateway: &Gateway<'_>, checks: &[&str]) -> String {
    let started = gateway.iot("POST", "/audit/tasks", &json!({ "targetCheckNames": checks }));
    started["taskId"].as_str().unwrap().to_owned()
}

#[test]
fn an_audit_is_answered_as_its_plans_say_whatever_is_killed() {
    let place = place("");
    let gateway = place.up(&UP);
    alerts(&gateway);
    gateway.send("POST", "/_drydock/clock", &[], json!({ "stop": true }).to_string().as_bytes()).ok();
    for number in 0..20 {
        gateway.iot("POST", &format!("/things/t{number}"), &json!({}));
    }
    let lamp = thing(&gateway, "lamp");
    let other = Identity { name: "other".to_owned(), ..lamp.clone() };
    plan(
        &gateway,
        &format!("check#{SHARED}"),
        json!({ "respond": { "S": "mitigate" }, "actions": { "S": "fleet-deactivate-certificate" }, "percent": { "N": "5" } }),
    );
    // One device of 21 is more than one in a hundred.
    plan(
        &gateway,
        &format!("check#{WIDE}"),
        json!({ "respond": { "S": "mitigate" }, "actions": { "S": "fleet-quarantine" }, "percent": { "N": "1" } }),
    );
    plan(&gateway, "check", json!({ "respond": { "S": "suppress" }, "days": { "N": "7" } }));

    let _first = gateway.connect(&lamp);
    let _second = gateway.connect(&other);
    advance(&gateway, "2h 1s");
    let task = audit(&gateway, &[SHARED, WIDE, SILENT]);
    let report = report(&gateway, &task, 3);

    let shared = check(&report, SHARED);
    assert_eq!(shared["severity"]["S"], "CRITICAL", "{report}");
    assert_eq!(shared["mitigated"]["M"]["succeeded"]["N"], "1", "{shared}");
    assert!(!shared["steps"]["L"].as_array().unwrap().is_empty());
    let certificate = gateway.iot("GET", &format!("/certificates/{}", lamp.id), &Value::Null);
    assert_eq!(certificate["certificateDescription"]["status"], "INACTIVE");
    let held = check(&report, WIDE)["heldBack"]["S"].as_str().unwrap_or_else(|| panic!("{report}"));
    assert!(held.contains("more than 1 %"), "{held}");
    let suppressed = gateway.iot("POST", "/audit/suppressions/list", &json!({}));
    let names: Vec<_> = suppressed["suppressions"].as_array().unwrap().iter().map(|one| &one["checkName"]).collect();
    assert_eq!(names, [&json!(SILENT)]);
    let tasks = gateway.iot("GET", &format!("/audit/mitigationactions/tasks/response-{task}"), &Value::Null);
    assert_eq!(tasks["taskStatus"], "COMPLETED", "{tasks}");

    let summary = wait_for("the summary", || Some(told_of(&gateway, "audit")).filter(|alert| alert["taskId"] == *task));
    assert_eq!(summary["findings"].as_array().unwrap().len(), 3, "{summary}");
    // The same message once more changes nothing.
    let again = json!({ "accountId": "1", "taskId": task, "taskStatus": "COMPLETED", "taskType": "ON_DEMAND_AUDIT_TASK",
        "taskStartTime": 0, "auditDetails": [] });
    let url = queue(&gateway, "AuditsQueue");
    sqs(&gateway, "SendMessage", &json!({ "QueueUrl": url, "MessageBody": again.to_string() }));
    assert!(comes(|| idle(&gateway, &url)), "the message is not handled");
    let row = rows(&gateway, "AuditsTable").into_iter().find(|row| row["taskId"]["S"] == *task).unwrap();
    assert_eq!(row["report"]["M"], report);
}

/// Whether nothing lies in a queue.
fn idle(gateway: &Gateway<'_>, url: &str) -> bool {
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let asked = json!({ "QueueUrl": url, "AttributeNames": names });
    let got = sqs(gateway, "GetQueueAttributes", &asked);
    names.iter().all(|name| got["Attributes"][name] == "0")
}

/// A report of a device with these ports open.
fn ports(id: i64, ports: &[u16]) -> String {
    let ports: Vec<Value> = ports.iter().map(|port| json!({ "interface": "eth0", "port": port })).collect();
    let listening = json!({ "ports": ports, "total": ports.len() });
    json!({ "header": { "report_id": id, "version": "1.0" }, "metrics": { "listening_tcp_ports": listening } })
        .to_string()
}

#[test]
fn a_device_that_does_not_behave_is_in_quarantine_until_it_does_whatever_is_killed() {
    let place = place("");
    let gateway = place.up(&UP);
    alerts(&gateway);
    let groups = gateway.iot("GET", "/thing-groups", &Value::Null);
    let names = groups["thingGroups"].as_array().unwrap().iter().map(|group| group["groupName"].as_str().unwrap());
    let group = names.clone().find(|name| name.contains("QuarantineGroup")).unwrap().to_owned();
    let cam = thing(&gateway, "cam");
    let one_door = json!({ "name": "one-door", "metric": "aws:listening-tcp-ports",
        "criteria": { "comparisonOperator": "not-in-port-set", "value": { "ports": [4444] } } });
    let role = arn(&query(&gateway, ("iam", "2010-05-08"), "ListRoles"), "DefenderAlertsRole");
    let topic = arn(&query(&gateway, ("sns", "2010-03-31"), "ListTopics"), "ViolationsTopic");
    let target = json!({ "SNS": { "alertTargetArn": topic, "roleArn": role } });
    gateway.iot("POST", "/security-profiles/doors", &json!({ "behaviors": [one_door], "alertTargets": target }));
    let all = "arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Aall%2Fregistered-things";
    let path = format!("/security-profiles/doors/targets?securityProfileTargetArn={all}");
    gateway.call("iot", "PUT", &path, &[], &Value::Null).ok();
    let remedy = json!({ "M": { "name": { "S": "factory-reset" } } });
    plan(&gateway, "behavior#doors", json!({ "respond": { "S": "quarantine" }, "remedy": remedy }));

    let mut device = gateway.connect(&cam);
    device.subscribe("$aws/things/cam/defender/metrics/json/+");
    let mut say = |id, open: &[u16]| {
        device.publish("$aws/things/cam/defender/metrics/json", ports(id, open)).unwrap();
        device.receive("$aws/things/cam/defender/metrics/json/accepted");
    };
    let members = || gateway.iot("GET", &format!("/thing-groups/{group}/things"), &Value::Null)["things"].clone();
    let row = || rows(&gateway, "ViolationsTable").into_iter().find(|row| row["thingName"]["S"] == "cam");
    let settled = |quarantined: bool| {
        let mut killed = 0;
        wait_for("what follows from the violation", || {
            if killed < 2 {
                killed += kill_function(&gateway, "defender-response");
            }
            advance(&gateway, "3m 1s");
            let row = row()?;
            (row["quarantined"]["BOOL"] == quarantined && row.get("busyUntil").is_none()).then_some(())
        });
    };
    say(1, &[443, 4444]);
    settled(true);
    assert_eq!(members(), json!(["cam"]));
    let target = format!("arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Athinggroup%2F{group}");
    let attached = gateway.iot("POST", &format!("/attached-policies/{target}"), &Value::Null);
    assert_eq!(attached["policies"].as_array().unwrap().len(), 1, "{attached}");
    let jobs = wait_for("the job of the remedy", || {
        let jobs = gateway.iot("GET", "/jobs", &Value::Null)["jobs"].as_array().unwrap().clone();
        (!jobs.is_empty()).then_some(jobs)
    });
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert!(jobs[0]["jobId"].as_str().unwrap().starts_with("release-remedy-"), "{jobs:?}");

    say(2, &[443]);
    settled(false);
    assert_eq!(members(), json!([]));
    let what = |alert: &Value| alert["what"].as_str().unwrap().to_owned();
    let mut heard: Vec<String> = Vec::new();
    while !heard.iter().any(|word| word == "released") {
        let next = what(&told_of(&gateway, "violation"));
        if !heard.contains(&next) {
            heard.push(next);
        }
    }
    assert_eq!(heard, ["violated", "quarantined", "remedied", "over", "released"]);
}
