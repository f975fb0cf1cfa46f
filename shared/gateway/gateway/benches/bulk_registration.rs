//! Bulk registration of a hundred thousand lines: things alone, then things with a certificate for the line's own signing request and a
//! policy. All of it is on disk when a line is counted. Prints the rates, what a device that publishes meanwhile waits, and the memory.
//! `LINES=10000 cargo bench --package drydock-gateway --bench bulk_registration` takes fewer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

#[path = "support/api.rs"]
mod api;
#[path = "../../core/benches/support/measure.rs"]
mod measure;
#[path = "support/waits.rs"]
mod waits;

use api::Api;
use bytes::Bytes;
use drydock_gateway::Dock;
use http::Method;
use measure::{number, rate, resident};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use waits::latency;

async fn call(api: &Api, method: Method, path: &str, body: &Value) -> Value {
    serde_json::from_slice(&api.call(method, path, body).await).unwrap_or_default()
}

/// A signing request for each of some names, of one key: making keys is the maker's work, not the gateway's.
fn request(key: &rcgen::KeyPair, name: &str) -> String {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn template(certificates: bool) -> String {
    let mut template = json!({
        "Parameters": { "ThingName": { "Type": "String" }, "Serial": { "Type": "String" } },
        "Resources": { "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": { "ThingName": { "Ref": "ThingName" }, "AttributePayload": { "serial": { "Ref": "Serial" } } },
        } },
    });
    if certificates {
        let document = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] });
        template["Parameters"]["CSR"] = json!({ "Type": "String" });
        template["Resources"]["certificate"] =
            json!({ "Type": "AWS::IoT::Certificate", "Properties": { "CertificateSigningRequest": { "Ref": "CSR" } } });
        template["Resources"]["policy"] =
            json!({ "Type": "AWS::IoT::Policy", "Properties": { "PolicyDocument": document.to_string() } });
    }
    template.to_string()
}

#[tokio::main]
async fn main() {
    let lines = number("LINES", 100_000);
    let folder = tempfile::tempdir().unwrap();
    let dock = Dock::empty().data_dir(folder.path()).start().await.unwrap();
    let gateway = dock.gateway().clone();
    let api = Api::of(&gateway);
    gateway.host.cloud.s3().ensure_bucket("inputs", false).await.unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    for certificates in [false, true] {
        let kind = if certificates { "thing, certificate and policy" } else { "thing" };
        let mut text = String::new();
        for n in 0..lines {
            let name = format!("{}-{n:07}", if certificates { "charger" } else { "meter" });
            let mut line = json!({ "ThingName": name, "Serial": format!("SN-{n:08}") });
            if certificates {
                line["CSR"] = json!(request(&key, &name));
            }
            writeln!(text, "{line}").unwrap();
        }
        let input = if certificates { "full.json" } else { "things.json" };
        gateway.host.cloud.s3().put("inputs", input, Bytes::from(text), "application/x-ndjson").await.unwrap();
        let before = resident();
        let begin = Instant::now();
        let body = json!({
            "templateBody": template(certificates), "inputFileBucket": "inputs", "inputFileKey": input,
            "roleArn": "arn:aws:iam::123456789012:role/bulk",
        });
        let task =
            call(&api, Method::POST, "/thing-registration-tasks", &body).await["taskId"].as_str().unwrap().to_owned();
        let mut waits = Vec::new();
        loop {
            let asked = Instant::now();
            api.call(Method::POST, "/topics/live?qos=1", &Value::Null).await;
            waits.push(asked.elapsed());
            let seen = call(&api, Method::GET, &format!("/thing-registration-tasks/{task}"), &Value::Null).await;
            if seen["status"] != "InProgress" {
                assert_eq!((&seen["status"], &seen["successCount"]), (&json!("Completed"), &json!(lines)), "{seen}");
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rate(kind, lines, begin.elapsed());
        latency("  a publish over HTTP meanwhile", waits);
        let bytes = resident().saturating_sub(before);
        println!("{:<46} {:>9} MiB {:>12} bytes a line", "  memory", bytes >> 20, bytes / lines as u64);
    }
    dock.stop().await;
}
