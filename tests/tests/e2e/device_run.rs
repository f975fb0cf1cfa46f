//! `drydock device run`: what devices make of their jobs and shadows, as well or as badly as they are told to.

use crate::devices::{bad, device, good};
use crate::signer::versioned;
use drydock_tests::gateway::{Gateway, Place, wait_for};
use serde_json::{Value, json};

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

/// What a run tells, line by line, without the times.
fn told(place: &Place, gateway: &Gateway<'_>, arguments: &[&str]) -> Vec<Value> {
    let all = [&["run"], arguments, &["--json"]].concat();
    let lines = good(&device(place, gateway, &all));
    let parsed = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    parsed
        .map(|mut line| {
            assert!(line["at"].is_i64(), "{line}");
            line.as_object_mut().unwrap().remove("at");
            line
        })
        .collect()
}

fn job(gateway: &Gateway<'_>, id: &str, target: &str) {
    let body = json!({ "targets": [arn(target)], "document": "{}" });
    gateway.iot("PUT", &format!("/jobs/{id}"), &body);
}

fn counts(gateway: &Gateway<'_>, id: &str) -> (i64, i64) {
    let details = &gateway.iot("GET", &format!("/jobs/{id}"), &Value::Null)["job"]["jobProcessDetails"];
    let of = |name: &str| details[name].as_i64().unwrap();
    (of("numberOfSucceededThings"), of("numberOfFailedThings"))
}

fn of_job(job: &str, status: &str) -> Value {
    json!({ "device": "dock-1", "event": "job", "jobId": job, "status": status })
}

#[test]
fn a_device_does_its_jobs_and_reports_what_its_shadow_desires() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let _ = good(&device(&place, &gateway, &["create", "dock-1"]));
    job(&gateway, "first", "thing/dock-1");
    job(&gateway, "second", "thing/dock-1");
    let shadow = r#"{"state":{"desired":{"color":"red"}}}"#;
    gateway.call("iotdata", "POST", "/things/dock-1/shadow", &[], &serde_json::from_str(shadow).unwrap()).ok();
    let lines = told(&place, &gateway, &["dock-1", "--takes", "0", "--executions", "2"]);
    let jobs: Vec<&Value> = lines.iter().filter(|line| line["event"] == "job").collect();
    let wanted = [
        of_job("first", "IN_PROGRESS"),
        of_job("first", "SUCCEEDED"),
        of_job("second", "IN_PROGRESS"),
        of_job("second", "SUCCEEDED"),
    ];
    assert_eq!(jobs, wanted.iter().collect::<Vec<_>>());
    let reported =
        json!({ "device": "dock-1", "event": "shadow", "topic": "shadow/update", "reported": { "color": "red" } });
    assert!(lines.contains(&reported), "{lines:?}");
    let shadow = gateway.call("iotdata", "GET", "/things/dock-1/shadow", &[], &Value::Null).ok();
    assert_eq!(shadow["state"], json!({ "desired": { "color": "red" }, "reported": { "color": "red" } }));
}

#[test]
fn a_device_carries_out_commands_that_waited_for_it() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let _ = good(&device(&place, &gateway, &["create", "dock-1"]));
    let body = json!({ "payload": { "content": "e30=", "contentType": "application/json" } });
    let made = gateway.iot("PUT", "/commands/reboot", &body);
    let start = json!({ "commandArn": made["commandArn"], "targetArn": arn("thing/dock-1") });
    // It has a session, which waits for it, once it was there.
    job(&gateway, "first", "thing/dock-1");
    let _ = told(&place, &gateway, &["dock-1", "--takes", "0", "--executions", "1"]);
    let started = gateway.call("iot-jobs-data", "POST", "/command-executions", &[], &start).ok();
    let execution = started["executionId"].as_str().unwrap();
    let lines = told(&place, &gateway, &["dock-1", "--takes", "0", "--executions", "1"]);
    let line = |status| json!({ "device": "dock-1", "event": "command", "executionId": execution, "status": status });
    let wanted = [line("IN_PROGRESS"), line("SUCCEEDED")];
    let found: Vec<&Value> = lines.iter().filter(|line| line["event"] == "command").collect();
    assert_eq!(found, wanted.iter().collect::<Vec<_>>());
    let path = format!("/command-executions/{execution}?targetArn={}", arn("thing%2Fdock-1"));
    assert_eq!(gateway.iot("GET", &path, &Value::Null)["status"], "SUCCEEDED");
}

#[test]
fn a_device_that_drops_off_comes_back_and_goes_on() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let _ = good(&device(&place, &gateway, &["create", "dock-1"]));
    job(&gateway, "update", "thing/dock-1");
    let lines = told(&place, &gateway, &["dock-1", "--does", "drop", "--takes", "0", "--executions", "1"]);
    let wanted = [
        json!({ "device": "dock-1", "event": "connected", "again": false }),
        of_job("update", "IN_PROGRESS"),
        json!({ "device": "dock-1", "event": "droppedOff" }),
        json!({ "device": "dock-1", "event": "connected", "again": true }),
        of_job("update", "IN_PROGRESS"),
        of_job("update", "SUCCEEDED"),
    ];
    assert_eq!(lines, wanted);
    job(&gateway, "unwanted", "thing/dock-1");
    let lines = told(&place, &gateway, &["dock-1", "--does", "reject", "--executions", "1"]);
    assert_eq!(lines.last(), Some(&of_job("unwanted", "REJECTED")));
}

#[test]
fn of_a_fleet_some_fail_and_only_its_things_stay() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    gateway.iot("POST", "/thing-groups/lamps", &json!({}));
    let names: Vec<String> = (1..=20).map(|number| format!("lamp-{number:02}")).collect();
    for name in &names {
        gateway.iot("POST", &format!("/things/{name}"), &json!({}));
        let body = json!({ "thingName": name, "thingGroupName": "lamps" });
        gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &body);
    }
    job(&gateway, "update", "thinggroup/lamps");
    let run = ["lamp", "--count", "20", "--takes", "0", "--fail-every", "5", "--executions", "20"];
    let lines = told(&place, &gateway, &run);
    let failed = lines.iter().filter(|line| line["status"] == "FAILED").map(|line| line["device"].as_str().unwrap());
    let mut failed: Vec<&str> = failed.collect();
    failed.sort_unstable();
    assert_eq!(failed, ["lamp-05", "lamp-10", "lamp-15", "lamp-20"]);
    assert_eq!(counts(&gateway, "update"), (16, 4));
    assert_eq!(
        gateway.iot("GET", "/certificates", &Value::Null)["certificates"],
        json!([]),
        "it was for the run alone"
    );
    let things = gateway.iot("GET", "/things?maxResults=100", &Value::Null);
    assert_eq!(things["things"].as_array().unwrap().len(), names.len());
}

#[test]
fn a_device_without_files_is_told_how_to_get_them() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let error = bad(&device(&place, &gateway, &["run", "dock-1"]));
    assert!(error.contains("root-ca.pem` cannot be read") && error.contains("drydock device create dock-1"), "{error}");
}

/// An OTA update of an image in S3 to the device, over MQTT; the stream that was made for it.
fn update(gateway: &Gateway<'_>, id: &str, image: &[u8]) -> String {
    let version = versioned(gateway, "images", &format!("{id}.bin"), image);
    let signature = json!({
        "signature": { "inlineDocument": "c2lnbmF0dXJl" }, "certificateChain": { "certificateName": "/certs/code.crt" },
        "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA",
    });
    let location = json!({ "s3Location": { "bucket": "images", "key": format!("{id}.bin"), "version": version } });
    let file =
        json!({ "fileName": "/app.bin", "fileLocation": location, "codeSigning": { "customCodeSigning": signature } });
    let role = "arn:aws:iam::123456789012:role/ota";
    let body = json!({ "targets": [arn("thing/dock-1")], "files": [file], "roleArn": role, "protocols": ["MQTT"] });
    gateway.iot("POST", &format!("/otaUpdates/{id}"), &body);
    wait_for("the update", || {
        let info = gateway.iot("GET", &format!("/otaUpdates/{id}"), &Value::Null)["otaUpdateInfo"].clone();
        (info["otaUpdateStatus"] == "CREATE_COMPLETE").then_some(())
    });
    let listed = gateway.iot("GET", "/streams", &Value::Null);
    listed["streams"].as_array().unwrap().last().unwrap()["streamId"].as_str().unwrap().to_owned()
}

#[test]
fn a_device_fetches_what_an_update_brings_by_stream() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    let _ = good(&device(&place, &gateway, &["create", "dock-1"]));
    let stream = update(&gateway, "first", &vec![7; 300_001]);
    let run = ["dock-1", "--takes", "0", "--executions", "1"];
    let lines = told(&place, &gateway, &run);
    gateway.iot("DELETE", &format!("/streams/{stream}"), &Value::Null);
    let fetched = json!({ "device": "dock-1", "event": "fetched", "stream": stream });
    assert_eq!(lines[1..], [of_job("AFR_OTA-first", "IN_PROGRESS"), fetched, of_job("AFR_OTA-first", "SUCCEEDED")]);

    // What is not to be had fails the job.
    let stream = update(&gateway, "second", b"image");
    gateway.iot("DELETE", &format!("/streams/{stream}"), &Value::Null);
    let lines = told(&place, &gateway, &run);
    assert_eq!(lines[2]["event"], "refused", "{lines:?}");
    assert_eq!(lines[3], of_job("AFR_OTA-second", "FAILED"));
}
