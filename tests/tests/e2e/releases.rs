//! Releases as `template.yaml` deploys their function: waves of jobs that real devices follow over MQTT, stops, the way back, and what a
//! redelivery or a kill in the middle does.

use crate::backend::{place, rows};
use crate::detection::{arn, query};
use drydock_tests::gateway::{Gateway, authorization, comes, wait_for};
use drydock_tests::mqtt::Mqtt;
use serde_json::{Value, json};
use std::process::Command;

const UP: [&str; 3] = ["--ephemeral", "--stack-name", "fleet"];

/// Asks the function for something.
fn ask(gateway: &Gateway<'_>, command: &Value) -> Value {
    gateway.call("lambda", "POST", "/2015-03-31/functions/fleet-job-orchestration/invocations", &[], command).ok()
}

fn order(gateway: &Gateway<'_>, command: &str, id: &str) -> Value {
    ask(gateway, &json!({ "command": command, "releaseId": id, "by": "bob" }))
}

fn create(gateway: &Gateway<'_>, id: &str, more: &Value) -> Value {
    let mut release = json!({
        "releaseId": id, "environment": "production", "what": { "version": id, "document": { "install": id } },
        "waves": [
            { "name": "canary", "group": "canary" },
            { "name": "half", "group": "fleet", "percent": 50, "success": { "minimum": 0 } },
            { "name": "all", "group": "fleet", "continuous": true },
        ],
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        release[key] = value.clone();
    }
    ask(gateway, &json!({ "command": "create", "release": release, "by": "alice" }))
}

fn shown(gateway: &Gateway<'_>, id: &str) -> Value {
    ask(gateway, &json!({ "command": "show", "releaseId": id }))["release"].clone()
}

fn group(gateway: &Gateway<'_>, name: &str, things: &[&str]) {
    gateway.iot("POST", &format!("/thing-groups/{name}"), &json!({}));
    for thing in things {
        let body = json!({ "thingName": thing, "thingGroupName": name });
        gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &body);
    }
}

/// Devices that are things, each with its connection.
fn devices(gateway: &Gateway<'_>, names: &[&'static str]) -> Vec<(&'static str, Mqtt)> {
    let made = names.iter().map(|name| {
        gateway.iot("POST", &format!("/things/{name}"), &json!({}));
        (*name, gateway.connect(&gateway.free_device(name)))
    });
    made.collect()
}

/// Each device does the jobs that it has, until it has none: which ones those were.
fn work(devices: &mut [(&'static str, Mqtt)], how: impl Fn(&str, &str) -> &'static str) -> Vec<(String, String)> {
    let mut done = Vec::new();
    for (name, device) in devices {
        loop {
            let topic = format!("$aws/things/{name}/jobs/start-next");
            device.publish(&topic, "{}").unwrap();
            let next = device.receive(&format!("{topic}/accepted")).json();
            let Some(job) = next["execution"]["jobId"].as_str() else { break };
            let document = next["execution"]["jobDocument"]["install"].as_str().unwrap_or_default();
            let update = json!({ "status": how(name, document), "statusDetails": { "why": "no room" } });
            device.publish(&format!("$aws/things/{name}/jobs/{job}/update"), update.to_string()).unwrap();
            device.receive(&format!("$aws/things/{name}/jobs/{job}/update/accepted"));
            done.push(((*name).to_owned(), job.to_owned()));
        }
    }
    done
}

/// The devices do what comes until a release is in a phase, and what follows from that is done.
fn until(
    gateway: &Gateway<'_>,
    devices: &mut [(&'static str, Mqtt)],
    id: &str,
    phase: &str,
    how: impl Fn(&str, &str) -> &'static str + Copy,
) -> (Value, Vec<(String, String)>) {
    let mut done = Vec::new();
    let release = wait_for(&format!("{id} is {phase}"), || {
        done.extend(work(devices, how));
        Some(shown(gateway, id)).filter(|release| release["phase"] == phase && release["todo"] == json!([]))
    });
    (release, done)
}

/// A queue that gets all alerts.
pub(crate) fn alerts(gateway: &Gateway<'_>) {
    sqs(gateway, "CreateQueue", &json!({ "QueueName": "told" }));
    let headers =
        [("authorization", &*authorization("us-east-1", "sns")), ("content-type", "application/x-www-form-urlencoded")];
    let sns = |body: &str| gateway.send("POST", "/", &headers, body.as_bytes());
    let topic = arn(&query(gateway, ("sns", "2010-03-31"), "ListTopics"), "AlertsTopic");
    let subscribe = format!(
        "Action=Subscribe&TopicArn={topic}&Protocol=sqs&Endpoint=arn:aws:sqs:us-east-1:123456789012:told\
         &Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"
    );
    assert_eq!(sns(&subscribe).status, 200);
}

/// The next alert of a release; alarms come on the same topic.
pub(crate) fn told(gateway: &Gateway<'_>) -> Value {
    let url = format!("http://127.0.0.1:{}/123456789012/told", gateway.api_port());
    wait_for("an alert", || {
        let got = sqs(gateway, "ReceiveMessage", &json!({ "QueueUrl": url, "MaxNumberOfMessages": 1 }));
        let message = got["Messages"].get(0)?.clone();
        sqs(gateway, "DeleteMessage", &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
        let alert: Value = serde_json::from_str(message["Body"].as_str()?).ok()?;
        alert.get("AlarmName").is_none().then_some(alert)
    })
}

pub(crate) fn sqs(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    gateway.call("sqs", "POST", "/", &headers, body).ok()
}

/// The URL of the template's queue.
pub(crate) fn queue(gateway: &Gateway<'_>, logical_id: &str) -> String {
    let all = sqs(gateway, "ListQueues", &json!({}));
    let urls: Vec<_> =
        all["QueueUrls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap().to_owned()).collect();
    urls.into_iter().find(|url| url.contains(logical_id)).unwrap()
}

/// The ids of all jobs.
fn jobs(gateway: &Gateway<'_>) -> Vec<String> {
    let listed = gateway.iot("GET", "/jobs", &Value::Null);
    let mut ids: Vec<_> =
        listed["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn a_release_in_waves_succeeds_and_a_bad_one_is_stopped_and_taken_back() {
    let place = place("");
    let gateway = place.up(&UP);
    alerts(&gateway);
    let mut fleet = devices(&gateway, &["a", "b", "c", "d"]);
    group(&gateway, "canary", &["a"]);
    group(&gateway, "fleet", &["a", "b", "c", "d"]);

    let definition = json!({
        "releaseId": "v1", "environment": "production", "what": { "document": { "install": "v1" } },
        "waves": [{ "name": "half", "group": "fleet", "percent": 50 }, { "name": "rest", "group": "fleet", "percent": 100 }],
    });
    let dry = ask(&gateway, &json!({ "command": "create", "release": definition, "by": "alice", "dryRun": true }));
    let numbers = [0, 1].map(|at| dry["waves"][at]["number"].as_u64().unwrap());
    assert_eq!(numbers.iter().sum::<u64>(), 4, "{dry}");
    assert_eq!(dry["waves"][0]["job"]["document"], r#"{"install":"v1"}"#);
    assert!(jobs(&gateway).is_empty() && rows(&gateway, "ReleasesTable").is_empty(), "a dry run makes nothing");

    let made = create(&gateway, "v1", &json!({ "approval": true }));
    assert_eq!(made["release"]["phase"], "awaitingApproval", "{made}");
    assert_eq!(told(&gateway)["phase"], "awaitingApproval");
    let own = ask(&gateway, &json!({ "command": "approve", "releaseId": "v1", "by": "alice" }));
    assert!(own["refused"].as_str().unwrap().contains("a second person"), "{own}");
    assert_eq!(order(&gateway, "approve", "v1")["release"]["phase"], "rollingOut");
    assert_eq!(create(&gateway, "v2", &json!({}))["release"]["phase"], "stopped", "one at a time");
    let (release, done) = until(&gateway, &mut fleet, "v1", "succeeded", |_, _| "SUCCEEDED");
    let names: Vec<_> = release["runs"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["canary", "half", "all"], "{release}");
    assert_eq!(jobs(&gateway), ["release-v1-w1", "release-v1-w2", "release-v1-w3"]);
    let succeeded = told(&gateway);
    assert_eq!((&succeeded["kind"], &succeeded["phase"]), (&json!("release"), &json!("succeeded")));
    // Each execution is in its device's history once, with what it was.
    let history =
        wait_for("the history", || Some(rows(&gateway, "FirmwareHistoryTable")).filter(|all| all.len() == done.len()));
    assert!(history.iter().all(|row| row["what"]["S"] == "v1" && row["outcome"]["S"] == "succeeded"), "{history:?}");

    // A device that joins late gets it by the job that stays.
    let mut late = devices(&gateway, &["e"]);
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &json!({ "thingName": "e", "thingGroupName": "fleet" }));
    wait_for("the late one has it", || (!work(&mut late, |_, _| "SUCCEEDED").is_empty()).then_some(()));
    fleet.append(&mut late);

    let waves = json!([{ "name": "canary", "group": "canary" }, { "name": "all", "group": "fleet", "abort": { "percent": 30 } }]);
    create(&gateway, "v3", &json!({ "waves": waves, "rollback": "automatic" }));
    let bad = |name: &str, document: &str| if document == "v3" && name != "a" { "FAILED" } else { "SUCCEEDED" };
    let (release, done) = until(&gateway, &mut fleet, "v3", "rolledBack", bad);
    assert_eq!(jobs(&gateway)[3..], ["release-v3-back", "release-v3-w1", "release-v3-w2"], "{release}");
    let taken_back = done.iter().filter(|(_, job)| job == "release-v3-back").count();
    assert_eq!(taken_back, 5, "{done:?}");
    let stopped = told(&gateway);
    assert_eq!((&stopped["phase"], &stopped["wave"]), (&json!("stopped"), &json!("all")), "{stopped}");
    assert!(stopped["reason"].as_str().unwrap().contains("30 %"), "{stopped}");
    assert_eq!(stopped["failures"][0]["details"]["why"], "no room", "{stopped}");
    assert_eq!(told(&gateway)["phase"], "rollingBack");
    assert_eq!(told(&gateway)["phase"], "rolledBack");
    let listed = ask(&gateway, &json!({ "command": "list" }));
    assert_eq!(listed["environments"], json!([{ "environment": "production", "active": null, "current": "v1" }]));

    // The one that had to wait goes on.
    assert_eq!(order(&gateway, "resume", "v2")["release"]["phase"], "rollingOut");
    until(&gateway, &mut fleet, "v2", "succeeded", |_, _| "SUCCEEDED");
    assert_eq!(told(&gateway)["phase"], "succeeded");
}

/// Kills the function's processes, as Lambda's own death would.
pub(crate) fn kill_function(gateway: &Gateway<'_>, name: &str) -> usize {
    let listed = Command::new("ps").args(["-o", "pid=,args=", "--ppid", &gateway.pid().to_string()]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let ours = listed.lines().filter(|line| line.contains(name));
    let pids: Vec<_> = ours.filter_map(|line| line.split_whitespace().next()).collect();
    for pid in &pids {
        Command::new("kill").args(["-9", pid]).status().unwrap();
    }
    pids.len()
}

#[test]
fn kills_and_redeliveries_in_the_middle_change_nothing_twice() {
    let place = place("");
    let gateway = place.up(&UP);
    alerts(&gateway);
    let on = json!({ "eventConfigurations": { "JOB": { "Enabled": true }, "JOB_EXECUTION": { "Enabled": true } } });
    gateway.iot("PATCH", "/event-configurations", &on);
    let mut watch = gateway.observer(&["$aws/events/job/#", "$aws/events/jobExecution/#"]);
    let mut fleet = devices(&gateway, &["a", "b"]);
    group(&gateway, "canary", &["a"]);
    group(&gateway, "fleet", &["a", "b"]);
    let waves = json!([{ "name": "canary", "group": "canary" }, { "name": "all", "group": "fleet" }]);
    create(&gateway, "r", &json!({ "waves": waves }));
    let events = queue(&gateway, "JobEventsQueue");
    let (mut killed, mut executed) = (0, 0);
    let mut succeeds = || {
        executed += work(&mut fleet, |_, _| "SUCCEEDED").len();
        if killed < 3 {
            killed += kill_function(&gateway, "job-orchestration");
            // What died in the middle is taken up once its lease has run out, after 28 seconds.
            advance(&gateway, "29s");
        }
        // What the schedule asks for each minute.
        let reconcile = json!({ "command": "reconcile" });
        let path = "/2015-03-31/functions/fleet-job-orchestration/invocations";
        let answer = gateway.call("lambda", "POST", path, &[], &reconcile);
        answer.status == 200 && row_phase(&gateway, "r").as_deref() == Some("succeeded")
    };
    assert!(comes(&mut succeeds), "it does not succeed");
    assert!(killed >= 1, "the function was not killed");
    assert_eq!(executed, 3);
    let told_once: Vec<_> = (0..5).map(|_| String::from_utf8(watch.receive("$aws/events/").payload).unwrap()).collect();
    // Messages that a killed function had come again, and then all that was told comes once more.
    handled(&gateway, &events);
    for body in &told_once {
        sqs(&gateway, "SendMessage", &json!({ "QueueUrl": events, "MessageBody": body }));
    }
    handled(&gateway, &events);
    assert_eq!(jobs(&gateway), ["release-r-w1", "release-r-w2"]);
    assert_eq!(rows(&gateway, "FirmwareHistoryTable").len(), 3);
    let release = shown(&gateway, "r");
    assert_eq!((&release["tellings"], &release["todo"]), (&json!(1), &json!([])), "{release}");
    assert_eq!(told(&gateway)["phase"], "succeeded");
}

pub(crate) fn advance(gateway: &Gateway<'_>, by: &str) -> i64 {
    let now = gateway.send("POST", "/_drydock/clock", &[], json!({ "advance": by }).to_string().as_bytes()).ok();
    now["now"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// Waits until nothing is left in a queue, nor in the hands of its function. What came while a lease was held comes again when its
/// message is visible again, which is after the lease has run out: both by the gateway's clock.
fn handled(gateway: &Gateway<'_>, url: &str) {
    advance(gateway, "200s");
    wait_for("all is handled", || {
        let all = sqs(gateway, "GetQueueAttributes", &json!({ "QueueUrl": url, "AttributeNames": ["All"] }));
        let none = |name: &str| all["Attributes"][name] == "0";
        (none("ApproximateNumberOfMessages") && none("ApproximateNumberOfMessagesNotVisible")).then_some(())
    });
}

#[test]
fn a_release_lives_by_the_gateways_clock() {
    const MINUTE: i64 = 60_000;
    let place = place("");
    let gateway = place.up(&UP);
    gateway.send("POST", "/_drydock/clock", &[], json!({ "stop": true }).to_string().as_bytes()).ok();
    let now = advance(&gateway, "90m");
    let mut fleet = devices(&gateway, &["a", "b"]);
    group(&gateway, "canary", &["a"]);
    group(&gateway, "fleet", &["a", "b"]);
    let waves =
        json!([{ "name": "canary", "group": "canary", "soakMinutes": 60 }, { "name": "all", "group": "fleet" }]);
    let made = create(&gateway, "r", &json!({ "waves": waves }))["release"].clone();
    assert_eq!(made["createdAt"], now, "{made}");
    let mut done = 0;
    wait_for("the canary has done its job", || {
        done += work(&mut fleet, |_, _| "SUCCEEDED").len();
        (done == 1).then_some(())
    });
    let run = |number: usize, member: &str| shown(&gateway, "r")["runs"][number][member].as_i64();
    // The function hears of it in its schedule's next minute at the latest.
    let half_way = advance(&gateway, "30m");
    let well = run(0, "wellSince").expect("the canary does well");
    assert!((now..=now + MINUTE).contains(&well), "{well} {now}");
    assert_eq!(run(1, "begunAt"), None, "an hour has not passed at {half_way}");
    // Each invocation sees the time that it is at, not the one that the clock is advanced to.
    advance(&gateway, "3h");
    let begun = run(1, "begunAt").expect("the next wave has begun");
    assert!((60 * MINUTE..=61 * MINUTE).contains(&(begun - well)), "{}", begun - well);
}

/// The phase that the row has, without the function.
fn row_phase(gateway: &Gateway<'_>, id: &str) -> Option<String> {
    let rows = rows(gateway, "ReleasesTable");
    let row = rows.into_iter().find(|row| row["releaseId"]["S"] == id)?;
    row["phase"]["S"].as_str().map(str::to_owned)
}

#[test]
fn the_command_line_begins_shows_and_stops_releases() {
    let place = place("");
    let gateway = place.up(&UP);
    let mut fleet = devices(&gateway, &["a", "b"]);
    group(&gateway, "canary", &["a"]);
    group(&gateway, "fleet", &["a", "b"]);
    let release = json!({
        "releaseId": "r", "environment": "production", "what": { "document": { "install": "r" } }, "approval": true,
        "waves": [{ "name": "canary", "group": "canary" }, { "name": "all", "group": "fleet", "promote": "manual" }],
    });
    std::fs::write(place.path().join("release.json"), release.to_string()).unwrap();
    let url = format!("http://127.0.0.1:{}", gateway.api_port());
    let to = |by: &'static str| ["--api-url", url.as_str(), "--stack-name", "fleet", "--by", by].map(str::to_owned);
    let run = |by: &'static str, arguments: &[&str]| {
        let to = to(by);
        let all: Vec<_> = ["release"].iter().chain(arguments).copied().chain(to.iter().map(String::as_str)).collect();
        place.run(&all)
    };
    let dry = run("alice", &["create", "release.json", "--dry-run"]);
    assert!(dry.contains("all: 2 things, job release-r-w2") && dry.contains(r#"{"install":"r"}"#), "{dry}");
    assert!(run("alice", &["list"]).contains("there are no releases"));
    assert!(run("alice", &["create", "release.json"]).contains("r in production: awaitingApproval"));
    assert!(run("bob", &["approve", "r"]).contains("rollingOut"));
    until(&gateway, &mut fleet, "r", "awaitingPromotion", |_, _| "SUCCEEDED");
    let promoted = run("bob", &["promote", "r", "--wave", "2"]);
    assert!(promoted.contains("release-r-w2"), "{promoted}");
    let stopped: Value = serde_json::from_str(&run("bob", &["stop", "r", "--why", "it is late", "--json"])).unwrap();
    assert_eq!(stopped["release"]["reason"], "it is late (stopped by bob)", "{stopped}");
    assert!(run("bob", &["resume", "r"]).contains("release-r-w2_2"));
    until(&gateway, &mut fleet, "r", "succeeded", |_, _| "SUCCEEDED");
    assert!(run("bob", &["show", "r"]).contains("r in production: succeeded"));
    let listed = run("bob", &["list", "--environment", "production"]);
    assert!(listed.contains("production: has `r`, and nothing goes on"), "{listed}");
    // The last of them went to all, and there is none before it: the function says so, and the command fails.
    let refused =
        drydock_tests::gateway::command().args(["release", "rollback", "r"]).args(to("bob")).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has none before it"), "{refused:?}");
}
