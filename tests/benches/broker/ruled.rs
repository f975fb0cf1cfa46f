//! 200 publishers whose messages all match a rule, which republishes them to one subscriber: a gateway that keeps its state on
//! disk beside one that keeps it in memory, where nothing is written down of a message.

use crate::Options;
use crate::brokers::{Load, Server, beside, take_turns};
use crate::devices::Devices;
use crate::link::{Link, Way, burst};
use crate::report::Report;
use futures_util::future::{join, join_all};
use serde_json::json;
use std::time::Instant;

const PUBLISHERS: usize = 200;

struct Ruled {
    /// Each with what it writes in a round.
    publishers: Vec<(Link, Vec<u8>)>,
    subscriber: Link,
    qos: u8,
    burst: usize,
    rounds: usize,
    /// Milliseconds from the write of a burst to its last acknowledgement.
    waits: Vec<f64>,
}

impl Ruled {
    async fn new(way: &Way, qos: u8, burst_size: usize, rounds: usize) -> Self {
        let mut subscriber = way.connect("subscriber", 0).await;
        subscriber.subscribe(&["bench/done".to_owned()], 0).await;
        let mut publishers = Vec::new();
        for n in 0..PUBLISHERS {
            let link = way.connect(&format!("publisher-{n}"), n).await;
            publishers.push((link, burst(&format!("bench/publisher-{n}/ruled"), qos, burst_size)));
        }
        Self { publishers, subscriber, qos, burst: burst_size, rounds, waits: Vec::new() }
    }

    /// Every publisher writes its burst; it is over when all is acknowledged and the rule has acted on all of it.
    async fn round(&mut self) {
        let (qos, burst) = (self.qos, self.burst);
        let due = burst * self.publishers.len();
        let publishers = self.publishers.iter_mut().map(|(link, bytes)| async move {
            let begun = Instant::now();
            link.write(bytes).await;
            if qos > 0 {
                link.acknowledged(burst).await;
            }
            begun.elapsed().as_secs_f64() * 1000.0
        });
        let (waits, ()) = join(join_all(publishers), self.subscriber.receive(due, |_| ())).await;
        self.waits.extend(waits);
    }
}

impl Load for Ruled {
    async fn turn(&mut self) {
        for _ in 0..self.rounds {
            self.round().await;
        }
    }
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, qos: u8, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let action = json!({ "republish": { "topic": "bench/done", "roleArn": "arn:aws:iam::123456789012:role/rules" } });
    let rule = json!({ "sql": "SELECT * FROM 'bench/+/ruled'", "actions": [action] });
    let servers = [true, false].map(|durable| {
        let server = Server::drydock(options, &devices, durable);
        server.iot("POST", "/rules/ruled", &rule);
        server
    });
    let turns = if options.callgrind { 1 } else { options.turns };
    let per_round = options.burst * PUBLISHERS;
    let rounds = options.count(200_000, 20_000).div_ceil(per_round * turns);
    let mut loads: Vec<(&Server, Ruled)> = Vec::new();
    for server in &servers {
        let mut load = Ruled::new(&server.way(&devices, true), qos, options.burst, rounds).await;
        load.round().await;
        loads.push((server, load));
    }
    let spent = take_turns(turns, &mut loads).await;
    let count = rounds * per_round * turns;
    report.spent(name, count, spent[0], beside(&spent, &servers), None);
    if options.callgrind || qos == 0 {
        return;
    }
    let mut medians = loads.iter_mut().map(|(server, load)| {
        load.waits.sort_unstable_by(f64::total_cmp);
        (server.name, load.waits[load.waits.len() / 2])
    });
    let (_, ours) = medians.next().unwrap();
    report.number(name, count, "a burst's PUBACKs, p50, milliseconds", ours, medians.next(), None);
}
