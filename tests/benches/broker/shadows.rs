//! 200 devices that update their shadows, each change on disk before its `accepted` comes, beside 200 that publish as much with QoS 1 to
//! a topic that a rule takes, which is on disk before its PUBACK.

use crate::Options;
use crate::brokers::{Load, Server, take_turns};
use crate::devices::Devices;
use crate::link::{Link, Way, publish};
use crate::report::Report;
use futures_util::future::join_all;
use serde_json::json;
use std::time::Instant;

const DEVICES: usize = 200;
/// What a device reports beside its counter, so that an update is about as long as a message of the other scenarios.
const REPORTED: usize = 200;

/// What the devices do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Updates,
    Publishes,
}

struct Reporting {
    devices: Vec<Link>,
    what: What,
    rounds: usize,
    done: usize,
    seconds: f64,
}

impl Reporting {
    async fn new(way: &Way, what: What, rounds: usize) -> Self {
        let mut devices = Vec::new();
        for n in 0..DEVICES {
            let name = if what == What::Updates { "updating" } else { "publishing" };
            let mut link = way.connect(&format!("{name}-{n}"), n).await;
            if what == What::Updates {
                link.subscribe(&[format!("$aws/things/updating-{n}/shadow/update/accepted")], 0).await;
            }
            devices.push(link);
        }
        Self { devices, what, rounds, done: 0, seconds: 0.0 }
    }

    /// Every device reports once, and hears that it was taken.
    async fn round(&mut self) {
        let (what, done) = (self.what, self.done);
        join_all(self.devices.iter_mut().enumerate().map(|(n, link)| async move {
            let state = json!({ "state": { "reported": { "counter": done, "text": "x".repeat(REPORTED) } } });
            let topic = match what {
                What::Updates => format!("$aws/things/updating-{n}/shadow/update"),
                What::Publishes => format!("bench/publishing-{n}/ruled"),
            };
            match what {
                // Its answer says more than its PUBACK would.
                What::Updates => {
                    link.write(&publish(&topic, None, state.to_string().as_bytes())).await;
                    link.receive(1, |_| ()).await;
                }
                What::Publishes => {
                    link.write(&publish(&topic, Some(1), state.to_string().as_bytes())).await;
                    link.acknowledged(1).await;
                }
            }
        }))
        .await;
        self.done += 1;
    }
}

impl Load for Reporting {
    async fn turn(&mut self) {
        let begun = Instant::now();
        for _ in 0..self.rounds {
            self.round().await;
        }
        self.seconds += begun.elapsed().as_secs_f64();
    }
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let server = Server::drydock(options, &devices, true);
    server.manage();
    let action = json!({ "republish": { "topic": "bench/done", "roleArn": "arn:aws:iam::123456789012:role/rules" } });
    server.iot("POST", "/rules/ruled", &json!({ "sql": "SELECT * FROM 'bench/+/ruled'", "actions": [action] }));
    let turns = if options.callgrind { 1 } else { options.turns };
    let rounds = options.count(100_000, 4_000).div_ceil(DEVICES * turns);
    let mut loads: Vec<(&Server, Reporting)> = Vec::new();
    for what in [What::Updates, What::Publishes] {
        let mut load = Reporting::new(&server.way(&devices, true), what, rounds).await;
        load.round().await;
        loads.push((&server, load));
    }
    let spent = take_turns(turns, &mut loads).await;
    let count = rounds * DEVICES * turns;
    let beside = "a publish that a rule takes";
    report.spent(name, count, spent[0], Some((beside, spent[1])), None);
    let rates: Vec<f64> = loads.iter().map(|(_, load)| count as f64 / load.seconds).collect();
    report.number(name, count, "a second", rates[0], Some((beside, rates[1])), None);
}
