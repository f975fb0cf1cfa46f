//! A job on a hundred thousand things, on disk: how fast its executions are made once the clock lets them, and what each takes of memory
//! and of a start. Devices that go through a rollout are in the scenario `rollout` of `cargo bench -p drydock-tests --bench broker`.
//! `THINGS=10000 CALLERS=16 cargo bench --package drydock-gateway --bench jobs` takes fewer.
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

use api::Api;
use drydock_core::Timestamp;
use drydock_gateway::Dock;
use drydock_gateway::dock::Clock;
use http::Method;
use measure::{number, rate, resident};
use serde_json::{Value, json};
use std::time::Instant;

/// How many executions AWS makes a minute, at most.
const A_MINUTE: usize = 1_000;

fn name(n: usize) -> String {
    format!("charger-{n:07}")
}

/// Makes things, and puts them into the group, as many callers at once.
async fn make(api: &Api, (count, callers): (usize, usize)) {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let api = api.clone();
            tokio::spawn(async move {
                for n in (caller..count).step_by(callers) {
                    api.call(Method::POST, &format!("/things/{}", name(n)), &json!({})).await;
                    let join = json!({ "thingGroupName": "all", "thingName": name(n) });
                    api.call(Method::PUT, "/thing-groups/addThingToThingGroup", &join).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn counted(api: &Api, of: &str) -> usize {
    let job: Value = serde_json::from_slice(&api.call(Method::GET, "/jobs/all", &Value::Null).await).unwrap();
    usize::try_from(job["job"]["jobProcessDetails"][of].as_u64().unwrap()).unwrap()
}

#[tokio::main]
async fn main() {
    let (count, callers) = (number("THINGS", 100_000), number("CALLERS", 64));
    let folder = tempfile::tempdir().unwrap();
    let monday = Timestamp(1_793_491_200_000);
    let start = || Dock::empty().data_dir(folder.path()).clock(Clock::stopped_at(monday)).start();
    let dock = start().await.unwrap();
    let api = Api::of(dock.gateway());
    api.call(Method::POST, "/thing-groups/all", &json!({})).await;
    make(&api, (count, callers)).await;

    let before = resident();
    let begin = Instant::now();
    let group = "arn:aws:iot:us-east-1:123456789012:thinggroup/all";
    let job = json!({ "targets": [group], "document": "{\"install\":\"1.2\"}" });
    api.call(Method::PUT, "/jobs/all", &job).await;
    println!("{:<46} {:>12.1} ms", format!("CreateJob on a group of {count}"), begin.elapsed().as_secs_f64() * 1e3);
    let minutes = i64::try_from(count.div_ceil(A_MINUTE)).unwrap();
    let begin = Instant::now();
    dock.clock().advance(minutes * 60_000).await.unwrap();
    rate(&format!("executions made, {minutes} minutes of the clock"), count, begin.elapsed());
    assert_eq!(counted(&api, "numberOfQueuedThings").await, count);
    let bytes = resident().saturating_sub(before);
    println!("{:<46} {:>9} MiB {:>12} bytes an execution", "memory", bytes >> 20, bytes / count as u64);

    drop(api);
    dock.stop().await;

    let begin = Instant::now();
    let dock = start().await.unwrap();
    rate("a start with them on disk", count, begin.elapsed());
    assert_eq!(counted(&Api::of(dock.gateway()), "numberOfQueuedThings").await, count);
    dock.stop().await;
}
