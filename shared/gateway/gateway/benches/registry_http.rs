//! A hundred thousand things over HTTP: made by many callers at once, each answered once its thing is on disk, then listed by page
//! and by attribute, and exported. Prints the rates, the latency and the memory of the whole gateway.
//! `THINGS=10000 CALLERS=16 cargo bench --package drydock-gateway --bench registry_http` takes fewer.
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
use drydock_gateway::Dock;
use http::Method;
use measure::{number, rate, resident};
use serde_json::{Value, json};
use std::time::Instant;
use waits::latency;

/// The largest page there is.
const PAGE: usize = 250;

/// Every page of a list of things.
async fn pages(api: &Api, query: &str) -> usize {
    let mut found = 0;
    let mut token = String::new();
    loop {
        let body = api.call(Method::GET, &format!("/things?maxResults={PAGE}{query}{token}"), &Value::Null).await;
        let page: Value = serde_json::from_slice(&body).unwrap();
        found += page["things"].as_array().unwrap().len();
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => return found,
        }
    }
}

#[tokio::main]
async fn main() {
    let (count, callers) = (number("THINGS", 100_000), number("CALLERS", 64));
    let folder = tempfile::tempdir().unwrap();
    let dock = Dock::empty().data_dir(folder.path()).start().await.unwrap();
    let gateway = dock.gateway().clone();
    let api = Api::of(&gateway);
    let before = resident();
    let begin = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let api = api.clone();
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(count / callers + 1);
                for n in (caller..count).step_by(callers) {
                    let attributes = json!({ "serial": format!("SN-{n:08}"), "site": format!("site-{}", n % 100) });
                    let body = json!({ "attributePayload": { "attributes": attributes } });
                    let begin = Instant::now();
                    api.call(Method::POST, &format!("/things/charger-{n:07}"), &body).await;
                    waits.push(begin.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::with_capacity(count);
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    rate(&format!("CreateThing, {callers} callers, each on disk"), count, begin.elapsed());
    latency("latency of it", waits);
    let bytes = resident().saturating_sub(before);
    println!("{:<46} {:>9} MiB {:>12} bytes a thing", "memory, callers included", bytes >> 20, bytes / count as u64);

    let begin = Instant::now();
    assert_eq!(pages(&api, "").await, count);
    rate("ListThings, pages of 250", count, begin.elapsed());
    let begin = Instant::now();
    for n in 0..1_000 {
        assert_eq!(pages(&api, &format!("&attributeName=serial&attributeValue=SN-{n:08}")).await, 1);
    }
    rate("ListThings of one serial number", 1_000, begin.elapsed());
    let begin = Instant::now();
    let text = api.call(Method::GET, "/_drydock/export", &Value::Null).await;
    rate(&format!("export, {} MiB", text.len() >> 20), count, begin.elapsed());
    drop(api);
    dock.stop().await;
}
