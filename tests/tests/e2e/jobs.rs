//! AWS IoT Jobs over MQTT and HTTP, along the gateway's clock and over a kill. What becomes of jobs has cases of its own
//! (`shared/gateway/jobs/cases`).

use crate::signer;
use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http;
use drydock_tests::mqtt::Mqtt;
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

fn things(gateway: &Gateway<'_>, names: &[&str]) {
    for name in names {
        gateway.iot("POST", &format!("/things/{name}"), &json!({}));
    }
}

fn group(gateway: &Gateway<'_>, name: &str, members: &[&str]) {
    gateway.iot("POST", &format!("/thing-groups/{name}"), &json!({}));
    members.iter().for_each(|thing| join(gateway, thing, name));
}

fn join(gateway: &Gateway<'_>, thing: &str, group: &str) {
    let body = json!({ "thingName": thing, "thingGroupName": group });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &body);
}

fn leave(gateway: &Gateway<'_>, thing: &str, group: &str) {
    let body = json!({ "thingName": thing, "thingGroupName": group });
    gateway.iot("PUT", "/thing-groups/removeThingFromThingGroup", &body);
}

/// Makes a job of `{"do": ID}`, with more of the request.
fn job(gateway: &Gateway<'_>, id: &str, targets: &[&str], more: &Value) -> Value {
    let targets: Vec<String> = targets.iter().map(|target| arn(target)).collect();
    let mut body = json!({ "targets": targets, "document": json!({ "do": id }).to_string() });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    gateway.iot("PUT", &format!("/jobs/{id}"), &body)
}

fn described(gateway: &Gateway<'_>, id: &str) -> Value {
    gateway.iot("GET", &format!("/jobs/{id}"), &Value::Null)["job"].clone()
}

/// How many executions of a job are in a status.
fn count(gateway: &Gateway<'_>, id: &str, status: &str) -> i64 {
    described(gateway, id)["jobProcessDetails"][format!("numberOf{status}Things")].as_i64().unwrap()
}

fn status(gateway: &Gateway<'_>, thing: &str, id: &str) -> String {
    let found = gateway.iot("GET", &format!("/things/{thing}/jobs/{id}"), &Value::Null);
    found["execution"]["status"].as_str().unwrap().to_owned()
}

fn advance(gateway: &Gateway<'_>, by: &str) {
    gateway.send("POST", "/_drydock/clock", &[], json!({ "advance": by }).to_string().as_bytes()).ok();
}

/// A device that has subscribed to nothing but these of its topics.
fn device(gateway: &Gateway<'_>, name: &str, topics: &[&str]) -> Mqtt {
    let mut device = gateway.connect(&gateway.free_device(name));
    topics.iter().for_each(|topic| device.subscribe(&format!("$aws/things/{name}/jobs/{topic}")));
    device
}

/// Asks something of jobs, and gives the answer with the last level of its topic.
fn ask(device: &mut Mqtt, thing: &str, what: &str, payload: &Value) -> (String, Value) {
    let topic = format!("$aws/things/{thing}/jobs/{what}");
    device.publish(&topic, payload.to_string()).unwrap();
    let answer = device.receive(&format!("{topic}/"));
    (answer.topic.rsplit('/').next().unwrap().to_owned(), answer.json())
}

fn accepted(device: &mut Mqtt, thing: &str, what: &str, payload: &Value) -> Value {
    let (outcome, body) = ask(device, thing, what, payload);
    assert_eq!(outcome, "accepted", "{body}");
    body
}

fn rejected(device: &mut Mqtt, thing: &str, what: &str, payload: &Value, code: &str) -> Value {
    let (outcome, body) = ask(device, thing, what, payload);
    assert_eq!((outcome.as_str(), &body["code"]), ("rejected", &json!(code)), "{body}");
    body
}

#[test]
fn devices_of_a_group_get_a_job_begin_it_and_end_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    things(&gateway, &["a", "b"]);
    group(&gateway, "fleet", &["a", "b"]);
    let mut a = device(&gateway, "a", &["notify", "notify-next"]);
    let mut b = device(&gateway, "b", &[]);
    let made = job(&gateway, "update-1", &["thinggroup/fleet"], &json!({ "description": "the first" }));
    assert_eq!(made, json!({ "jobArn": arn("job/update-1"), "jobId": "update-1", "description": "the first" }));

    let listed = a.receive("$aws/things/a/jobs/notify").json();
    assert_eq!(listed["jobs"]["QUEUED"][0]["jobId"], "update-1", "{listed}");
    let next = a.receive("$aws/things/a/jobs/notify-next").json();
    assert_eq!(next["execution"]["jobDocument"], json!({ "do": "update-1" }), "an object: {next}");
    assert_eq!((&next["execution"]["status"], &next["execution"]["versionNumber"]), (&json!("QUEUED"), &json!(1)));

    let pending = accepted(&mut a, "a", "get", &json!({ "clientToken": "t1" }));
    assert_eq!((&pending["clientToken"], &pending["inProgressJobs"]), (&json!("t1"), &json!([])));
    assert_eq!(pending["queuedJobs"][0]["executionNumber"], 1);
    let described = accepted(&mut a, "a", "$next/get", &json!({}));
    assert_eq!(described["execution"]["thingName"], "a");
    let started = accepted(&mut a, "a", "start-next", &json!({ "statusDetails": { "step": "download" } }));
    assert_eq!(started["execution"]["status"], "IN_PROGRESS");
    assert_eq!(started["execution"]["versionNumber"], 2);
    let update = json!({ "status": "SUCCEEDED", "expectedVersion": 2, "includeJobExecutionState": true });
    let done = accepted(&mut a, "a", "update-1/update", &update);
    assert_eq!(done["executionState"]["versionNumber"], 3);
    assert_eq!(a.receive("$aws/things/a/jobs/notify").json()["jobs"], json!({}));
    let last = a.receive("$aws/things/a/jobs/notify-next").json();
    assert!(last.get("execution").is_none() && last["timestamp"].is_i64(), "{last}");

    let refused = rejected(&mut a, "a", "update-1/update", &json!({ "status": "FAILED" }), "InvalidStateTransition");
    assert_eq!(refused["executionState"]["status"], "SUCCEEDED");
    rejected(&mut a, "a", "update-1/get", &json!({}), "TerminalStateReached");
    rejected(&mut a, "a", "other/get", &json!({ "clientToken": "t2" }), "ResourceNotFound");
    a.publish("$aws/things/a/jobs/get", "{").unwrap();
    assert_eq!(a.receive("$aws/things/a/jobs/get/rejected").json()["code"], "InvalidJson");

    accepted(&mut b, "b", "update-1/update", &json!({ "status": "FAILED", "statusDetails": { "why": "no room" } }));
    let ended = self::described(&gateway, "update-1");
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    assert_eq!((count(&gateway, "update-1", "Succeeded"), count(&gateway, "update-1", "Failed")), (1, 1));
}

#[test]
fn answers_go_to_whoever_asked_and_to_nobody_else() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    things(&gateway, &["a"]);
    job(&gateway, "j", &["thing/a"], &json!({}));
    let mut observer = gateway.observer(&["$aws/things/a/jobs/#"]);
    let mut a = device(&gateway, "a", &[]);
    accepted(&mut a, "a", "start-next", &json!({}));
    accepted(&mut a, "a", "j/update", &json!({ "status": "SUCCEEDED" }));
    // What is told of the list comes after the answers.
    observer.receive("$aws/things/a/jobs/notify");
    let seen: Vec<_> = observer.inbox.iter().map(|message| message.topic.clone()).collect();
    assert!(seen.iter().all(|topic| !topic.contains("accepted")), "{seen:?}");
    // Who may not publish there is cut, as with any topic.
    let own = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": arn("topic/$aws/things/liar/jobs/*") },
    ]);
    let mut liar = gateway.connect(&gateway.device("liar", &own));
    assert!(liar.publish("$aws/things/a/jobs/j/update", json!({ "status": "FAILED" }).to_string()).is_err());
    assert_eq!(status(&gateway, "a", "j"), "SUCCEEDED");
}

#[test]
fn a_continuous_job_follows_its_group() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    things(&gateway, &["a", "b"]);
    group(&gateway, "fleet", &["a"]);
    job(&gateway, "j", &["thinggroup/fleet"], &json!({ "targetSelection": "CONTINUOUS" }));
    let mut b = device(&gateway, "b", &["notify-next"]);
    join(&gateway, "b", "fleet");
    assert_eq!(b.receive("$aws/things/b/jobs/notify-next").json()["execution"]["jobId"], "j");
    leave(&gateway, "b", "fleet");
    assert!(b.receive("$aws/things/b/jobs/notify-next").json().get("execution").is_none());
    assert_eq!(status(&gateway, "b", "j"), "REMOVED");
    join(&gateway, "b", "fleet");
    assert_eq!(b.receive("$aws/things/b/jobs/notify-next").json()["execution"]["executionNumber"], 2);
    accepted(&mut b, "b", "j/update", &json!({ "status": "SUCCEEDED" }));
    assert_eq!(described(&gateway, "j")["status"], "IN_PROGRESS");
    gateway.iot("DELETE", "/things/a", &Value::Null);
    wait_for("the execution of a thing that is gone to be removed", || {
        (count(&gateway, "j", "Removed") == 2).then_some(())
    });
}

#[test]
fn jobs_are_canceled_and_told_of() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    things(&gateway, &["a", "b"]);
    let on = json!({ "eventConfigurations": { "JOB": { "Enabled": true }, "JOB_EXECUTION": { "Enabled": true } } });
    gateway.iot("PATCH", "/event-configurations", &on);
    let mut watch = gateway.observer(&["$aws/events/job/#", "$aws/events/jobExecution/#"]);
    job(&gateway, "j", &["thing/a", "thing/b"], &json!({ "description": "d" }));
    let mut a = device(&gateway, "a", &[]);
    accepted(&mut a, "a", "start-next", &json!({}));
    let cancel = json!({ "reasonCode": "BAD", "comment": "it is bad" });
    gateway.iot("PUT", "/jobs/j/cancel", &cancel);
    let begun = watch.receive("$aws/events/job/j/cancellation_in_progress").json();
    assert_eq!((&begun["status"], &begun["comment"]), (&json!("CANCELLATION_IN_PROGRESS"), &json!("it is bad")));
    let ended = watch.receive("$aws/events/jobExecution/j/canceled").json();
    assert_eq!((&ended["thingArn"], &ended["eventType"]), (&json!(arn("thing/b")), &json!("JOB_EXECUTION")));
    let canceled = watch.receive("$aws/events/job/j/canceled").json();
    assert_eq!((&canceled["operation"], &canceled["targetSelection"]), (&json!("canceled"), &json!("SNAPSHOT")));
    assert!(canceled["eventId"].is_string() && canceled["createdAt"].as_i64() > Some(1_700_000_000_000));
    assert_eq!(status(&gateway, "a", "j"), "IN_PROGRESS");
    accepted(&mut a, "a", "j/update", &json!({ "status": "SUCCEEDED", "statusDetails": { "x": "y" } }));
    let done = watch.receive("$aws/events/jobExecution/j/succeeded").json();
    assert_eq!(done["statusDetails"], json!({ "x": "y" }));

    job(&gateway, "k", &["thing/a"], &json!({}));
    accepted(&mut a, "a", "k/update", &json!({ "status": "SUCCEEDED" }));
    let completed = watch.receive("$aws/events/job/k/completed").json();
    assert_eq!(completed["jobProcessDetails"]["numberOfSucceededThings"], 1, "{completed}");
    gateway.iot("DELETE", "/jobs/k", &Value::Null);
    watch.receive("$aws/events/job/k/deletion_in_progress");
    assert_eq!(watch.receive("$aws/events/job/k/deleted").json()["status"], "DELETED");
    let gone = gateway.iot_answer("GET", "/jobs/k");
    gone.refused(404, "ResourceNotFoundException", "k");
}

#[test]
fn time_brings_rollouts_timeouts_and_schedules_about() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    let clock = gateway.send("POST", "/_drydock/clock", &[], json!({ "stop": true }).to_string().as_bytes()).ok();
    things(&gateway, &["a", "b", "c"]);
    let rate = json!({
        "jobExecutionsRolloutConfig": { "maximumPerMinute": 1 }, "timeoutConfig": { "inProgressTimeoutInMinutes": 5 },
        "jobExecutionsRetryConfig": { "criteriaList": [{ "failureType": "TIMED_OUT", "numberOfRetries": 1 }] },
    });
    job(&gateway, "j", &["thing/a", "thing/b", "thing/c"], &rate);
    assert_eq!(count(&gateway, "j", "Queued"), 1);
    // No connection lasts as long as this clock goes: the device asks over HTTP.
    let signed = |method: &str, path: &str, body: &Value| gateway.call("iot-jobs-data", method, path, &[], body);
    let started = signed("PUT", "/things/a/jobs/$next", &json!({})).ok();
    assert_eq!(started["execution"]["approximateSecondsBeforeTimedOut"], 300);
    advance(&gateway, "60s");
    assert_eq!(count(&gateway, "j", "Queued"), 1);
    advance(&gateway, "239s");
    assert_eq!((count(&gateway, "j", "Queued"), count(&gateway, "j", "InProgress")), (2, 1));
    advance(&gateway, "1s");
    assert_eq!((count(&gateway, "j", "Queued"), count(&gateway, "j", "TimedOut")), (3, 1), "and tries it again");
    let next = signed("GET", "/things/a/jobs/$next", &Value::Null).ok();
    assert_eq!(next["execution"]["executionNumber"], 2);
    let late = json!({ "status": "SUCCEEDED", "executionNumber": 1 });
    signed("POST", "/things/a/jobs/j", &late).refused(409, "InvalidStateTransitionException", "TIMED_OUT");

    let now = clock["now"].as_str().unwrap();
    assert!(now.contains('T'), "{now}");
    let start = format!("{}-01-01T00:00", now[..4].parse::<i32>().unwrap() + 1);
    let scheduled = json!({ "schedulingConfig": { "startTime": start } });
    job(&gateway, "k", &["thing/b"], &scheduled);
    assert_eq!(described(&gateway, "k")["status"], "SCHEDULED");
    advance(&gateway, "366d");
    assert_eq!(described(&gateway, "k")["status"], "IN_PROGRESS");
    assert_eq!(status(&gateway, "b", "k"), "QUEUED");
}

#[test]
fn a_kill_in_the_middle_loses_nothing() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    gateway.send("POST", "/_drydock/clock", &[], json!({ "stop": true }).to_string().as_bytes()).ok();
    things(&gateway, &["a", "b", "c"]);
    group(&gateway, "fleet", &["a", "b"]);
    let more = json!({
        "targetSelection": "CONTINUOUS", "jobExecutionsRolloutConfig": { "maximumPerMinute": 1 },
        "timeoutConfig": { "inProgressTimeoutInMinutes": 60 }, "tags": [{ "Key": "team", "Value": "a" }],
    });
    job(&gateway, "j", &["thinggroup/fleet"], &more);
    let identity = gateway.free_device("a");
    let mut a = gateway.connect(&identity);
    accepted(&mut a, "a", "start-next", &json!({ "statusDetails": { "step": "1" } }));
    join(&gateway, "c", "fleet");
    gateway.kill();

    let gateway = place.up(&DURABLE);
    wait_for("who had joined to have the job, and the rollout to go on", || {
        // The clock runs on from the machine's time, which is later than where it stood.
        advance(&gateway, "60s");
        (count(&gateway, "j", "Queued") == 2).then_some(())
    });
    assert_eq!(status(&gateway, "c", "j"), "QUEUED");
    let mut a = gateway.connect(&identity);
    let going = accepted(&mut a, "a", "j/get", &json!({}));
    assert_eq!(going["execution"]["statusDetails"], json!({ "step": "1" }));
    assert_eq!(
        (&going["execution"]["status"], &going["execution"]["versionNumber"]),
        (&json!("IN_PROGRESS"), &json!(2))
    );
    let tags = gateway.iot("GET", &format!("/tags?resourceArn={}", arn("job/j")), &Value::Null);
    assert_eq!(tags["tags"], json!([{ "Key": "team", "Value": "a" }]));
    advance(&gateway, "60m");
    assert_eq!(status(&gateway, "a", "j"), "TIMED_OUT");
    let exported = gateway.send("GET", "/_drydock/export", &[], b"");
    assert!(exported.status != 200 || exported.body.contains("job_things"), "{}", exported.status);
}

#[test]
fn devices_ask_over_https_with_certificates_and_with_signatures() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    things(&gateway, &["a", "b"]);
    job(&gateway, "j", &["thing/a", "thing/b"], &json!({}));
    let own = json!([{
        "Effect": "Allow", "Action": "iotjobsdata:*", "Resource": arn("thing/a"),
    }]);
    let identity = gateway.device("a", &own);
    let root = gateway.root();
    let https = |method: &str, path: &str, body: &Value| {
        let stream = identity.stream(&root, &[], gateway.tcp(gateway.port("tls")));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        http::send(stream, method, path, &[], &body)
    };
    let pending = https("GET", "/things/a/jobs", &Value::Null).ok();
    assert_eq!(pending["queuedJobs"][0]["jobId"], "j", "{pending}");
    let started = https("PUT", "/things/a/jobs/$next", &json!({ "statusDetails": { "a": "b" } })).ok();
    assert_eq!(started["execution"]["jobDocument"], "{\"do\":\"j\"}", "a text: {started}");
    let update = json!({ "status": "SUCCEEDED", "includeJobExecutionState": true, "includeJobDocument": true });
    let done = https("POST", "/things/a/jobs/j", &update).ok();
    assert_eq!(
        done["executionState"],
        json!({ "status": "SUCCEEDED", "statusDetails": { "a": "b" }, "versionNumber": 3 })
    );
    https("GET", "/things/a/jobs/j", &Value::Null).refused(410, "TerminalStateException", "terminal state");
    https("POST", "/things/a/jobs/j", &update).refused(409, "InvalidStateTransitionException", "SUCCEEDED");
    assert_eq!(https("GET", "/things/b/jobs", &Value::Null).status, 403, "another's");

    let signed = |method: &str, path: &str, body: &Value| gateway.call("iot-jobs-data", method, path, &[], body);
    let found = signed("GET", "/things/b/jobs/$next?includeJobDocument=false", &Value::Null).ok();
    assert_eq!((&found["execution"]["jobId"], &found["execution"]["jobDocument"]), (&json!("j"), &Value::Null));
    let stale = json!({ "status": "IN_PROGRESS", "expectedVersion": 7 });
    signed("POST", "/things/b/jobs/j", &stale).refused(
        400,
        "InvalidRequestException",
        "Expected version 7 but found version 1",
    );
    signed("PUT", "/things/none/jobs/$next", &json!({})).refused(404, "ResourceNotFoundException", "none");
    signed("POST", "/things/b/jobs/j", &json!({ "status": "REJECTED" })).ok();
    assert_eq!(described(&gateway, "j")["status"], "COMPLETED");
}

#[test]
fn documents_come_from_amazon_s3_and_hold_links_to_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    things(&gateway, &["a"]);
    gateway.s3("PUT", "/firmware", &[], b"").ok();
    gateway.s3("PUT", "/firmware/v%201.bin", &[], b"the image").ok();
    let document = r#"{"get": "${aws:iot:s3-presigned-url:https://s3.us-east-1.amazonaws.com/firmware/v 1.bin}"}"#;
    gateway.s3("PUT", "/firmware/job.json", &[], document.as_bytes()).ok();
    let source = "https://firmware.s3.us-east-1.amazonaws.com/job.json";
    let mut body = json!({ "targets": [arn("thing/a")], "documentSource": source });
    let refused = gateway.call("iot", "PUT", "/jobs/j", &[], &body);
    refused.refused(400, "InvalidRequestException", "presignedUrlConfig");
    body["presignedUrlConfig"] = json!({ "roleArn": "arn:aws:iam::123456789012:role/links", "expiresInSec": 60 });
    gateway.iot("PUT", "/jobs/j", &body);
    assert_eq!(gateway.iot("GET", "/jobs/j/job-document", &Value::Null)["document"], document);
    let mut a = device(&gateway, "a", &[]);
    let started = accepted(&mut a, "a", "start-next", &json!({}));
    let link = started["execution"]["jobDocument"]["get"].as_str().unwrap().to_owned();
    assert_eq!(gateway.follow(&link).body, "the image", "{link}");
    let missing = json!({ "targets": [arn("thing/a")], "documentSource": "https://firmware.s3.amazonaws.com/none" });
    gateway.call("iot", "PUT", "/jobs/k", &[], &missing).refused(400, "InvalidRequestException", "no object `none`");
    gateway.s3("PUT", "/firmware/huge.json", &[], &[b' '; 40_000]).ok();
    let huge = json!({ "targets": [arn("thing/a")], "documentSource": "https://firmware.s3.amazonaws.com/huge.json" });
    gateway.call("iot", "PUT", "/jobs/k", &[], &huge).refused(400, "InvalidRequestException", "at most 32768");
}

#[test]
fn documents_hold_what_signer_made_of_an_object() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    things(&gateway, &["a"]);
    let version = signer::versioned(&gateway, "source", "app.bin", b"the image");
    gateway.s3("PUT", "/signed", &[], b"").ok();
    signer::profile(&gateway, "fleet", "AWSIoTDeviceManagement-SHA256-ECDSA");
    let signature = format!("${{aws:iot:code-sign-signature:s3://us-east-1.source/app.bin@{version}}}");
    let document = json!({ "codesign": signature, "image": format!("${{aws:iot:s3-presigned-url:{signature}}}") });
    let links = json!({ "roleArn": "arn:aws:iam::123456789012:role/links" });
    let job = json!({ "targets": [arn("thing/a")], "document": document.to_string(), "presignedUrlConfig": links });
    let unsigned = gateway.call("iot", "PUT", "/jobs/j", &[], &job);
    unsigned.refused(400, "InvalidRequestException", "sign it with StartSigningJob first");
    let id = signer::start(&gateway, "fleet", &version, "t1").ok()["jobId"].as_str().unwrap().to_owned();
    signer::ended(&gateway, &id);
    gateway.iot("PUT", "/jobs/j", &job);
    let mut a = device(&gateway, "a", &[]);
    let started = accepted(&mut a, "a", "start-next", &json!({}));
    let got = &started["execution"]["jobDocument"];
    let object = gateway.follow(got["image"].as_str().unwrap()).ok();
    assert_eq!(object["signature"], got["codesign"], "the link is one to the signed object");
    signer::holds(&place.path().join("state"), b"the image", got["codesign"].as_str().unwrap());
}
