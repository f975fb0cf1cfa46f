//! Ten thousand devices that report every five minutes and are judged by a profile of eight behaviors, for two hours (as many datapoints
//! as are kept): how many reports and how many of AWS IoT's own datapoints are taken a second, rows for the disk included, and what a
//! device takes of memory. `DEVICES=1000 PERIODS=12 cargo bench --package drydock-detect --bench reports` takes fewer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]

#[path = "../../core/benches/support/measure.rs"]
mod measure;

use behaviors::report::Format;
use drydock_core::{Done, Ids, Scope, Timestamp};
use drydock_detect::{Activity, Context, Detect, Fleet, Traffic};
use drydock_model::{Operation, Wire, iot};
use measure::{number, rate, resident};
use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PERIOD: i64 = 300_000;
const NOW: Timestamp = Timestamp(1_793_491_200_000);
/// One device of so many violates in each period.
const BAD: usize = 100;

struct Everybody;

impl Fleet for Everybody {
    fn has_thing(&self, _thing: &str) -> bool {
        true
    }
    fn has_group(&self, _group: &str) -> bool {
        false
    }
    fn groups_of(&self, _thing: &str) -> Vec<String> {
        Vec::new()
    }
    fn groups_above(&self, _group: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Ids that differ, with no source of randomness in the measurement.
struct Counting(AtomicU64);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
    }
}

fn input<O: Operation>(value: &Value) -> O::Input {
    O::Input::read(value, &drydock_model::wire::At::ROOT).unwrap()
}

/// What would go to the disk, in bytes.
fn written<T>(done: Done<T>) -> usize {
    done.writes.iter().map(|write| write.key.len() + write.value.as_ref().map_or(0, String::len)).sum()
}

fn profile(book: &mut Detect, context: &Context<'_>) {
    let less = |name: &str, metric: &str, seconds: Option<i64>| {
        let mut criteria = json!({ "comparisonOperator": "less-than", "value": { "count": 1000 } });
        if let Some(seconds) = seconds {
            criteria["durationSeconds"] = json!(seconds);
        }
        json!({ "name": name, "metric": metric, "criteria": criteria })
    };
    let ports = json!({ "name": "ports", "metric": "aws:listening-tcp-ports",
        "criteria": { "comparisonOperator": "not-in-port-set", "value": { "ports": [23, 2323] } } });
    let behaviors = json!([
        less("sent", "aws:num-messages-sent", Some(300)),
        less("received", "aws:num-messages-received", Some(300)),
        less("size", "aws:message-byte-size", None),
        less("refused", "aws:num-authorization-failures", Some(300)),
        less("out", "aws:all-bytes-out", Some(300)),
        less("in", "aws:all-bytes-in", Some(300)),
        less("connections", "aws:num-established-tcp-connections", None),
        ports,
    ]);
    let request = json!({ "securityProfileName": "meters", "behaviors": behaviors });
    drop(book.create_profile(input::<iot::ops::CreateSecurityProfile>(&request), context.now).unwrap());
    let target = Scope::new("123456789012", "us-east-1").arn("iot", "all/things");
    let attach = json!({ "securityProfileName": "meters", "securityProfileTargetArn": target.as_str() });
    drop(book.attach(&input::<iot::ops::AttachSecurityProfile>(&attach), context).unwrap());
}

fn report(id: usize, is_bad: bool) -> Vec<u8> {
    let open = if is_bad { 2323 } else { 443 };
    json!({
        "header": { "report_id": id, "version": "1.0" },
        "metrics": {
            "listening_tcp_ports": { "ports": [{ "port": 22 }, { "port": open }], "total": 2 },
            "network_stats": { "bytes_in": 700, "bytes_out": 300, "packets_in": 7, "packets_out": 3 },
            "tcp_connections": { "established_connections": { "total": 1,
                "connections": [{ "remote_addr": "192.0.2.1:443", "local_port": 40_000 }] } },
        },
    })
    .to_string()
    .into_bytes()
}

fn main() {
    let (devices, periods) = (number("DEVICES", 10_000), number("PERIODS", 24));
    let ids = Counting(AtomicU64::new(1));
    let at = |period: usize| NOW.plus_millis(i64::try_from(period).unwrap() * PERIOD);
    let context = |period: usize| Context { now: at(period), fleet: &Everybody, ids: &ids };
    let mut book = Detect::new(Scope::new("123456789012", "us-east-1"));
    profile(&mut book, &context(0));
    let names: Vec<SmolStr> = (0..devices).map(|n| format_smolstr!("meter-{n:07}")).collect();
    let (good, bad) = (report(1, false), report(1, true));

    let before = resident();
    let (mut reporting, mut judging, mut longest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut bytes = 0;
    for period in 0..periods {
        let begin = Instant::now();
        for (n, name) in names.iter().enumerate() {
            let payload = if (n + period).is_multiple_of(BAD) { &bad } else { &good };
            bytes += written(book.report(name, Format::Json, payload, &context(period)).unwrap());
        }
        reporting += begin.elapsed();
        let traffic = Traffic { sent: 5, least: 100, most: 300, received: 2, failures: 0 };
        let activity = |n: usize| {
            let sent = if (n + period).is_multiple_of(BAD) { 5_000 } else { 5 };
            let traffic = vec![(format_smolstr!("dt/meter-{n:07}/telemetry"), Traffic { sent, ..traffic })];
            Activity { traffic, connected: true, ..Activity::default() }
        };
        let activities: BTreeMap<SmolStr, Activity> =
            names.iter().enumerate().map(|(n, name)| (name.clone(), activity(n))).collect();
        let begin = Instant::now();
        bytes += written(book.period(at(period + 1), &activities, &context(period + 1)));
        let took = begin.elapsed();
        judging += took;
        longest = longest.max(took);
    }
    let memory = resident().saturating_sub(before);
    let reports = devices * periods;
    assert!(book.active_violations().count() >= devices / BAD, "those that are bad are found");

    rate("reports, each judged by two behaviors", reports, reporting);
    rate("datapoints of periods, judged by six", reports * 4, judging);
    println!("{:<46} {:>12.1} ms", "the longest end of a period", longest.as_secs_f64() * 1e3);
    println!("{:<46} {:>12} bytes", "written for the disk, a device and a period", bytes / reports.max(1));
    println!(
        "{:<46} {:>9} MiB {:>12} bytes a device, {} a datapoint",
        "memory",
        memory >> 20,
        memory / devices as u64,
        memory / (reports * 8).max(1) as u64
    );
}
