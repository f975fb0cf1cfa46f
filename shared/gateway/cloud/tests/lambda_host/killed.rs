//! A gateway that is killed with events on their way.

use crate::common::{durable, message_of, open};
use crate::function_named;
use crate::synchronous::is_running;
use drydock_cloud::lambda::{Definition, EventInvokeConfig};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const EVENTS: usize = 25;

/// Where each function that runs leaves a file named like its process.
fn pids(dir: &Path) -> PathBuf {
    dir.join("pids")
}

/// What the functions wait for.
fn go(dir: &Path) -> PathBuf {
    dir.join("go")
}

fn table() -> Value {
    json!({
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn row() -> Value {
    json!({"pk": {"S": "a"}, "n": {"N": "1"}})
}

/// The gateway: accepts events for a function that never ends, says which, and waits for its death.
pub(crate) fn gateway() {
    let dir = std::env::var("TEST_DIR").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (cloud, _notices) = open(durable(dir.as_ref()));
        cloud.lambda().register(function_named("f")).unwrap();
        let queue = cloud.sqs().ensure("kept", &json!({})).await.unwrap();
        queue.send(vec![drydock_cloud::sqs::NewMessage::text("still here")]).await.unwrap();
        cloud.dynamodb().ensure("rows", &table()).await.unwrap();
        cloud.dynamodb().call("PutItem", json!({"TableName": "rows", "Item": row()}).to_string()).await.unwrap();
        for n in 0..EVENTS {
            let event = json!({"n": n, "pid_in": pids(dir.as_ref()), "wait_for": go(dir.as_ref())});
            println!("{}", cloud.lambda().invoke_async("f", event.to_string().into()).await.unwrap());
        }
        while std::fs::read_dir(pids(dir.as_ref())).unwrap().next().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        println!("done");
        std::future::pending::<()>().await;
    });
}

pub(crate) async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(pids(dir.path())).unwrap();
    let mut gateway = Command::new(std::env::current_exe().unwrap())
        .env("TEST_ROLE", "gateway")
        .env("TEST_DIR", dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(gateway.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut accepted: BTreeSet<String> = lines.take_while(|line| line != "done").collect();
    assert_eq!(accepted.len(), EVENTS);
    // While it lives, nobody else may have its directory.
    let refused = drydock_cloud::Cloud::open(durable(dir.path()));
    assert!(matches!(refused.err(), Some(drydock_cloud::CloudError::InUse { .. })));
    gateway.kill().unwrap();
    gateway.wait().unwrap();

    // The functions that it had started find no Runtime API any more, once they are let go, and end by themselves.
    let orphans: Vec<String> = std::fs::read_dir(pids(dir.path()))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!orphans.is_empty());
    std::fs::write(go(dir.path()), "").unwrap();
    for orphan in orphans {
        while is_running(&orphan) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let (cloud, _notices) = open(durable(dir.path()));
    assert_eq!(cloud.pending_events(), EVENTS);
    cloud.sqs().ensure("good", &json!({})).await.unwrap();
    let events = EventInvokeConfig { on_success: Some(cloud.sqs().arn("good")), ..Default::default() };
    cloud.lambda().register(Definition { events, ..function_named("f") }).unwrap();
    cloud.resume();
    while !accepted.is_empty() {
        let record = message_of(&cloud, "good").await;
        assert!(accepted.remove(record["requestContext"]["requestId"].as_str().unwrap()), "an event ran twice");
    }
    assert_eq!(crate::common::text_of(&cloud, "kept").await, "still here");
    cloud.dynamodb().ensure("rows", &table()).await.unwrap();
    let get = json!({"TableName": "rows", "Key": {"pk": {"S": "a"}}}).to_string();
    let got: Value = serde_json::from_str(&cloud.dynamodb().call("GetItem", get).await.unwrap()).unwrap();
    assert_eq!(got["Item"], row());
    while cloud.pending_events() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    cloud.shutdown().await;
    let (cloud, _notices) = open(durable(dir.path()));
    assert_eq!(cloud.pending_events(), 0);
    cloud.shutdown().await;
}
