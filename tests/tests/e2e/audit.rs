//! Device Defender's audits on the state that the gateway has: over HTTP, over a kill, on the clock, and what is done about what they
//! find. What each check says of a resource has cases of its own (`shared/gateway/audit/cases`).

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const ROLE: &str = "arn:aws:iam::123456789012:role/audit";

/// Switches these checks on.
fn enable(gateway: &Gateway<'_>, checks: &[&str]) {
    let checks: serde_json::Map<String, Value> =
        checks.iter().map(|name| ((*name).to_owned(), json!({ "enabled": true }))).collect();
    gateway.iot("PATCH", "/audit/configuration", &json!({ "roleArn": ROLE, "auditCheckConfigurations": checks }));
}

/// Runs an audit to its end; answers with its id and its description.
fn audit(gateway: &Gateway<'_>, checks: &[&str]) -> (String, Value) {
    let started = gateway.iot("POST", "/audit/tasks", &json!({ "targetCheckNames": checks }));
    let id = started["taskId"].as_str().unwrap().to_owned();
    (id.clone(), over(gateway, &format!("/audit/tasks/{id}")))
}

/// Waits until a task is over.
fn over(gateway: &Gateway<'_>, path: &str) -> Value {
    wait_for("the task to be over", || {
        let task = gateway.iot("GET", path, &Value::Null);
        (task["taskStatus"] != "IN_PROGRESS").then_some(task)
    })
}

fn findings(gateway: &Gateway<'_>, task: &str) -> Vec<Value> {
    gateway.iot("POST", "/audit/findings", &json!({ "taskId": task }))["findings"].as_array().unwrap().clone()
}

fn advance(gateway: &Gateway<'_>, change: &Value) {
    gateway.send("POST", "/_drydock/clock", &[], change.to_string().as_bytes()).ok();
}

fn now(gateway: &Gateway<'_>) -> i64 {
    let shown = gateway.send("GET", "/_drydock/clock", &[], b"").ok()["now"].as_str().unwrap().to_owned();
    let read = shown.parse::<jiff::Timestamp>();
    read.unwrap().as_second()
}

#[test]
fn what_an_audit_has_found_is_there_after_a_kill_and_what_mends_it_is_applied() {
    const CHECK: &str = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    gateway.call("iot", "POST", "/audit/tasks", &[], &json!({ "targetCheckNames": [CHECK] })).refused(
        400,
        "InvalidRequestException",
        "not enabled",
    );
    enable(&gateway, &[CHECK, "LOGGING_DISABLED_CHECK"]);
    let wide = gateway.free_device("wide");
    let _narrow = gateway.device(
        "narrow",
        &json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:us-east-1:123456789012:topic/one" }]),
    );
    let (task, described) = audit(&gateway, &[CHECK, "LOGGING_DISABLED_CHECK"]);
    assert_eq!(described["taskStatus"], "COMPLETED");
    assert_eq!(described["taskStatistics"]["nonCompliantChecks"], 2, "{described}");
    let details = &described["auditDetails"][CHECK];
    assert_eq!((&details["totalResourcesCount"], &details["nonCompliantResourcesCount"]), (&json!(2), &json!(1)));
    let counted = |metric: &str, count: f64| {
        let dimensions = [("CheckName", CHECK), ("ScheduledAuditName", "OnDemand")];
        wait_for(metric, || (gateway.metric(metric, &dimensions) == Some(count)).then_some(()));
    };
    counted("ResourcesEvaluated", 2.0);
    counted("NonCompliantResources", 1.0);
    gateway.kill();

    let gateway = place.up(&DURABLE);
    let found = findings(&gateway, &task);
    assert_eq!(found.len(), 2, "{found:?}");
    let of = |name: &str| found.iter().find(|finding| finding["checkName"] == name).unwrap();
    let policy = of(CHECK);
    assert_eq!(
        policy["nonCompliantResource"]["resourceIdentifier"],
        json!({ "policyVersionIdentifier": { "policyName": "wide", "policyVersionId": "1" } })
    );
    let why = policy["reasonForNonCompliance"].as_str().unwrap();
    assert!(why.starts_with("Policy allows broad access to IoT data plane actions: [iot:Connect, "), "{why}");

    let action = |name: &str, params: Value| {
        let body = json!({ "roleArn": ROLE, "actionParams": params });
        gateway.iot("POST", &format!("/mitigationactions/actions/{name}"), &body);
    };
    action("blank", json!({ "replaceDefaultPolicyVersionParams": { "templateName": "BLANK_POLICY" } }));
    action("log", json!({ "enableIoTLoggingParams": { "roleArnForLogging": ROLE, "logLevel": "ERROR" } }));
    let task = json!({
        "target": { "auditTaskId": task },
        "auditCheckToActionsMapping": { CHECK: ["blank"], "LOGGING_DISABLED_CHECK": ["log"] },
        "clientRequestToken": "once",
    });
    let wrong = json!({
        "target": { "auditTaskId": policy["taskId"] },
        "auditCheckToActionsMapping": { CHECK: ["log"] },
        "clientRequestToken": "wrong",
    });
    gateway.call("iot", "POST", "/audit/mitigationactions/tasks/wrong", &[], &wrong).refused(
        400,
        "InvalidRequestException",
        "ENABLE_IOT_LOGGING",
    );
    // What the policy allows until it is replaced.
    let mut device = gateway.connect(&wide);
    device.subscribe("anything");
    gateway.iot("POST", "/audit/mitigationactions/tasks/mend", &task);
    let mended = over(&gateway, "/audit/mitigationactions/tasks/mend");
    assert_eq!(mended["taskStatus"], "COMPLETED", "{mended}");
    assert_eq!(mended["taskStatistics"][CHECK]["succeededFindingsCount"], 1);
    gateway.call("iot", "POST", "/audit/mitigationactions/tasks/mend", &[], &task).refused(
        400,
        "TaskAlreadyExistsException",
        "mend",
    );
    let finding = policy["findingId"].as_str().unwrap();
    let executions = gateway.iot(
        "GET",
        &format!("/audit/mitigationactions/executions?taskId=mend&findingId={finding}"),
        &Value::Null,
    );
    assert_eq!(executions["actionsExecutions"][0]["status"], "COMPLETED", "{executions}");
    assert_eq!(executions["actionsExecutions"][0]["actionName"], "blank");

    let replaced = gateway.iot("GET", "/policies/wide", &Value::Null);
    assert_eq!(replaced["defaultVersionId"], "2");
    assert_eq!(replaced["policyDocument"], r#"{"Version":"2012-10-17","Statement":[]}"#);
    assert!(gateway.try_connect(&wide).is_err(), "it may do nothing any more");
    assert_eq!(gateway.iot("GET", "/v2LoggingOptions", &Value::Null)["defaultLogLevel"], "ERROR");
    let (_, again) = audit(&gateway, &[CHECK, "LOGGING_DISABLED_CHECK"]);
    assert_eq!(again["taskStatistics"]["compliantChecks"], 2, "{again}");
}

#[test]
fn a_certificate_that_two_devices_share_is_found_and_its_thing_is_put_aside() {
    const CHECKS: [&str; 2] = ["DEVICE_CERTIFICATE_SHARED_CHECK", "CONFLICTING_CLIENT_IDS_CHECK"];
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    enable(&gateway, &CHECKS);
    let one = gateway.free_device("one");
    let other = Identity { name: "other".to_owned(), ..one.clone() };
    gateway.iot("POST", "/things/lamp", &json!({}));
    let headers = [("x-amzn-principal", one.arn.as_str())];
    gateway.call("iot", "PUT", "/things/lamp/principals", &headers, &Value::Null).ok();
    gateway.iot("POST", "/thing-groups/quarantine", &json!({}));

    advance(&gateway, &json!({ "stop": true }));
    let _first = gateway.connect(&one);
    let second = gateway.connect(&other);
    // Under a client id that is there: the connection before is thrown off.
    let _third = gateway.connect(&other);
    drop(second);
    // What happens to connections is told beside the answers to them.
    let conflicts = wait_for("the conflict", || {
        let (task, described) = audit(&gateway, &CHECKS);
        let shared = &described["auditDetails"][CHECKS[0]];
        assert_eq!(shared["nonCompliantResourcesCount"], 0, "results come after two hours");
        Some(findings(&gateway, &task)).filter(|found| !found.is_empty())
    });
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(conflicts[0]["nonCompliantResource"]["resourceIdentifier"], json!({ "clientId": "other" }));
    assert_eq!(conflicts[0]["relatedResources"][0]["resourceIdentifier"]["deviceCertificateId"], one.id);

    advance(&gateway, &json!({ "advance": "2h 1s" }));
    let (task, _) = audit(&gateway, &CHECKS[..1]);
    let shared = findings(&gateway, &task);
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert_eq!(shared[0]["severity"], "CRITICAL");
    assert_eq!(shared[0]["nonCompliantResource"]["resourceIdentifier"], json!({ "deviceCertificateId": one.id }));
    let clients: Vec<&Value> = shared[0]["relatedResources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|related| &related["resourceIdentifier"]["clientId"])
        .collect();
    assert!(clients.contains(&&json!("one")) && clients.contains(&&json!("other")), "{clients:?}");

    let aside = json!({ "roleArn": ROLE, "actionParams": { "addThingsToThingGroupParams": { "thingGroupNames": ["quarantine"] } } });
    gateway.iot("POST", "/mitigationactions/actions/aside", &aside);
    let off =
        json!({ "roleArn": ROLE, "actionParams": { "updateDeviceCertificateParams": { "action": "DEACTIVATE" } } });
    gateway.iot("POST", "/mitigationactions/actions/off", &off);
    let mend = json!({
        "target": { "findingIds": [shared[0]["findingId"]] },
        "auditCheckToActionsMapping": { CHECKS[0]: ["aside", "off"] },
        "clientRequestToken": "once",
    });
    gateway.iot("POST", "/audit/mitigationactions/tasks/mend", &mend);
    let mended = over(&gateway, "/audit/mitigationactions/tasks/mend");
    assert_eq!(mended["taskStatus"], "COMPLETED", "{mended}");
    let members = gateway.iot("GET", "/thing-groups/quarantine/things", &Value::Null);
    assert_eq!(members["things"], json!(["lamp"]));
    let certificate = gateway.iot("GET", &format!("/certificates/{}", one.id), &Value::Null);
    assert_eq!(certificate["certificateDescription"]["status"], "INACTIVE");
}

#[test]
fn audits_come_on_their_days_and_find_what_time_has_brought() {
    const CHECKS: [&str; 2] = ["DEVICE_CERTIFICATE_EXPIRING_CHECK", "DEVICE_CERTIFICATE_AGE_CHECK"];
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    enable(&gateway, &CHECKS);
    let configured = json!({ "auditCheckConfigurations": {
        "DEVICE_CERTIFICATE_AGE_CHECK": { "enabled": true, "configuration": { "CERT_AGE_THRESHOLD_IN_DAYS": "30" } }
    } });
    gateway.iot("PATCH", "/audit/configuration", &configured);
    advance(&gateway, &json!({ "stop": true }));
    let _device = gateway.free_device("one");
    let from = now(&gateway);
    let daily = json!({ "frequency": "DAILY", "targetCheckNames": CHECKS, "tags": [{ "Key": "a", "Value": "b" }] });
    let made = gateway.iot("POST", "/audit/scheduledaudits/daily", &daily);
    let arn = made["scheduledAuditArn"].as_str().unwrap().replace(':', "%3A").replace('/', "%2F");
    assert_eq!(
        gateway.iot("GET", &format!("/tags?resourceArn={arn}"), &Value::Null)["tags"],
        json!([{ "Key": "a", "Value": "b" }])
    );
    advance(&gateway, &json!({ "advance": "31d" }));
    let until = now(&gateway);
    let tasks = gateway.iot(
        "GET",
        &format!("/audit/tasks?startTime={from}&endTime={until}&taskType=SCHEDULED_AUDIT_TASK&maxResults=250"),
        &Value::Null,
    );
    let tasks = tasks["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 31, "one a day");
    assert!(tasks.iter().all(|task| task["taskStatus"] == "COMPLETED"), "{tasks:?}");
    let evaluated = [("CheckName", CHECKS[1]), ("ScheduledAuditName", "daily")];
    assert_eq!(gateway.metric("ResourcesEvaluated", &evaluated), Some(31.0));
    let last = tasks[0]["taskId"].as_str().unwrap();
    let described = gateway.iot("GET", &format!("/audit/tasks/{last}"), &Value::Null);
    assert_eq!(described["scheduledAuditName"], "daily");
    let found = findings(&gateway, last);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["reasonForNonComplianceCode"], "CERTIFICATE_PAST_AGE_THRESHOLD");
    let first = tasks.last().unwrap()["taskId"].as_str().unwrap();
    assert_eq!(findings(&gateway, first), Vec::<Value>::new(), "it was young then");
}

/// The line of a certificate's key in a list of Debian's package `openssl-blacklist`.
fn listed(der: &[u8]) -> String {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    let x509_parser::public_key::PublicKey::RSA(key) = certificate.public_key().parsed().unwrap() else {
        panic!("RSA")
    };
    let hex: String = key.modulus.iter().skip_while(|byte| **byte == 0).map(|byte| format!("{byte:02X}")).collect();
    let text = format!("Modulus={hex}\n");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest.as_ref()[10..].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys_that_a_configured_list_has_are_found() {
    const CHECK: &str = "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK";
    let place = Place::new(SMALL);
    let made = [0, 1].map(|_| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        rcgen::CertificateParams::default().self_signed(&key).unwrap()
    });
    std::fs::write(place.path().join("weak"), format!("# RSA, 2048 bits\n{}\n", listed(made[0].der()))).unwrap();
    std::fs::write(place.path().join("drydock.toml"), "[audit]\ndebian_weak_keys = [\"weak\"]\n").unwrap();
    let gateway = place.up(&CALM);
    enable(&gateway, &[CHECK]);
    let ids = made.map(|certificate| {
        let body = json!({ "certificatePem": certificate.pem(), "status": "ACTIVE" });
        gateway.iot("POST", "/certificate/register-no-ca", &body)["certificateId"].clone()
    });
    let (task, _) = audit(&gateway, &[CHECK]);
    let found = findings(&gateway, &task);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["nonCompliantResource"]["resourceIdentifier"]["deviceCertificateId"], ids[0]);
    assert_eq!(found[0]["reasonForNonComplianceCode"], "CERTIFICATE_KEY_VULNERABILITY_CVE-2008-0166");
}
