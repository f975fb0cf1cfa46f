//! 10,000 devices over MQTT that go through a rollout whose rate grows, until every fifth of so many has failed and the job is aborted.
//! The clock is moved from minute to minute; within one, each device that is told does its job.

use crate::Options;
use crate::brokers::Server;
use crate::devices::Devices;
use crate::link::{Link, publish};
use crate::report::Report;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Value, json};
use std::time::Instant;

/// The job is looked at for its abort once so many executions have come to an end, in a hundredth of the devices.
const LOOKED_AT: usize = 50;
/// From this part of the devices on, in hundredths, they fail.
const GOOD: usize = 40;

/// A device waits until it is told of its job, and does it.
async fn does(mut link: Link, n: usize, fails: bool) {
    link.receive(1, |_| ()).await;
    let own = format!("$aws/things/rolling-{n}/jobs");
    let status = if fails { "FAILED" } else { "SUCCEEDED" };
    link.write(&publish(&format!("{own}/start-next"), None, b"{}")).await;
    link.receive(1, |_| ()).await;
    let update = json!({ "status": status }).to_string();
    link.write(&publish(&format!("{own}/all/update"), None, update.as_bytes())).await;
    link.receive(1, |_| ()).await;
}

/// How a job stands.
fn job(server: &Server) -> (String, usize, usize) {
    let job = server.iot("GET", "/jobs/all", &Value::Null)["job"].clone();
    let of = |name: &str| usize::try_from(job["jobProcessDetails"][name].as_u64().unwrap()).unwrap();
    let ended = of("numberOfSucceededThings") + of("numberOfFailedThings");
    (job["status"].as_str().unwrap().to_owned(), ended + of("numberOfQueuedThings"), ended)
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let server = Server::drydock(options, &devices, true);
    server.manage();
    let count = options.count(10_000, 200);
    server.iot("POST", "/thing-groups/all", &json!({}));
    let way = server.way(&devices, true);
    let mut waiting = FuturesUnordered::new();
    for n in 0..count {
        let thing = format!("rolling-{n}");
        server.iot("POST", &format!("/things/{thing}"), &json!({}));
        let join = json!({ "thingGroupName": "all", "thingName": thing });
        server.iot("PUT", "/thing-groups/addThingToThingGroup", &join);
        let mut link = way.connect(&thing, n).await;
        let own = format!("$aws/things/{thing}/jobs");
        let filters = ["notify-next", "start-next/+", "all/update/+"].map(|of| format!("{own}/{of}"));
        link.subscribe(&filters, 0).await;
        waiting.push(does(link, n, n * 100 >= count * GOOD));
    }
    let grows = json!({ "numberOfSucceededThings": count / 20 });
    let rate = json!({ "baseRatePerMinute": (count / 100).clamp(1, 1000), "incrementFactor": 2.0, "rateIncreaseCriteria": grows });
    let abort = json!({
        "failureType": "FAILED", "action": "CANCEL", "thresholdPercentage": 20.0, "minNumberOfExecutedThings": count * LOOKED_AT / 100,
    });
    let body = json!({
        "targets": ["arn:aws:iot:us-east-1:123456789012:thinggroup/all"], "document": "{}",
        "jobExecutionsRolloutConfig": { "maximumPerMinute": 1000, "exponentialRate": rate },
        "abortConfig": { "criteriaList": [abort] },
    });
    server.clock(&json!({ "stop": true }));
    let meter = server.meter();
    let begun = Instant::now();
    server.iot("PUT", "/jobs/all", &body);
    let (mut done, mut minutes) = (0, 0);
    loop {
        let (status, told, ended) = job(&server);
        if status != "IN_PROGRESS" {
            assert_eq!(status, "CANCELED", "the job is aborted");
            break;
        }
        if told == ended {
            server.clock(&json!({ "advance": "1m" }));
            minutes += 1;
            continue;
        }
        // Whoever is told does it; those who are not yet wait for it.
        for _ in ended..told {
            assert!(waiting.next().await.is_some(), "more were told than there are");
            done += 1;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let spent = meter.stop();
    report.spent(name, done, spent, None, None);
    report.number(name, done, "executions a second", done as f64 / seconds, None, None);
    report.number(name, done, "minutes of the clock", f64::from(minutes), None, None);
}
