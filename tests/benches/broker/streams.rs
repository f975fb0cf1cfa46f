//! A file of 1 MB that devices fetch by stream, in blocks of 4 KiB, 32 a request.

use crate::Options;
use crate::brokers::{Load, Server, take_turns};
use crate::devices::Devices;
use crate::link::{Link, Way, publish};
use crate::report::Report;
use futures_util::future::join_all;
use serde_json::json;
use std::time::Instant;

const DEVICES: usize = 20;
const FILE: usize = 1024 * 1024;
/// Bytes of a block, and blocks of a request: 128 KiB, the most that a request may ask for.
const BLOCK: (usize, usize) = (4096, 32);

struct Fetching {
    devices: Vec<Link>,
    files: usize,
    seconds: f64,
}

impl Fetching {
    async fn new(way: &Way, files: usize) -> Self {
        let mut devices = Vec::new();
        for n in 0..DEVICES {
            let mut link = way.connect(&format!("fetching-{n}"), n).await;
            link.subscribe(&[format!("$aws/things/fetching-{n}/streams/firmware/data/json")], 0).await;
            devices.push(link);
        }
        Self { devices, files, seconds: 0.0 }
    }
}

impl Load for Fetching {
    async fn turn(&mut self) {
        let begun = Instant::now();
        let files = self.files;
        join_all(self.devices.iter_mut().enumerate().map(|(n, link)| async move {
            let topic = format!("$aws/things/fetching-{n}/streams/firmware/get/json");
            for first in (0..files).flat_map(|_| (0..FILE / BLOCK.0).step_by(BLOCK.1)) {
                let ask = json!({ "f": 0, "l": BLOCK.0, "o": first, "n": BLOCK.1 });
                link.write(&publish(&topic, None, ask.to_string().as_bytes())).await;
                link.receive(BLOCK.1, |block| assert!(block.len() > BLOCK.0, "a whole block is due")).await;
            }
        }))
        .await;
        self.seconds += begun.elapsed().as_secs_f64();
    }
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let server = Server::drydock(options, &devices, true);
    server.manage();
    server.s3("/firmware", b"");
    server.s3("/firmware/image", &vec![0x5A; FILE]);
    let file = json!({ "fileId": 0, "s3Location": { "bucket": "firmware", "key": "image" } });
    let stream = json!({ "files": [file], "roleArn": "arn:aws:iam::123456789012:role/files" });
    server.iot("POST", "/streams/firmware", &stream);
    let turns = if options.callgrind { 1 } else { options.turns };
    let blocks = FILE / BLOCK.0;
    let files = options.count(100_000, 5_120).div_ceil(blocks * DEVICES * turns);
    let mut loads = vec![(&server, Fetching::new(&server.way(&devices, true), files).await)];
    let spent = take_turns(turns, &mut loads).await;
    let count = files * blocks * DEVICES * turns;
    report.spent(name, count, spent[0], None, None);
    report.number(name, count, "blocks a second", count as f64 / loads[0].1.seconds, None, None);
}
