//! 500 pairs of a publisher and a subscriber at a fixed rate: what a message costs when there is no batch, and how long it takes.

use crate::Options;
use crate::brokers::{Load, Server, beside, both, take_turns};
use crate::devices::Devices;
use crate::link::{Link, PAYLOAD, Way, publish};
use crate::report::Report;
use futures_util::future::{join, join_all};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

const PAIRS: usize = 500;
/// Messages a second, all together.
const RATE: u32 = 2_000;

struct Pairs {
    begun: Instant,
    publishers: Vec<Link>,
    subscribers: Vec<Link>,
    /// Messages of a pair in a turn.
    each: usize,
    /// Microseconds from the publisher's write to the subscriber's read.
    latencies: Vec<u64>,
}

impl Pairs {
    async fn new(way: &Way, each: usize) -> Self {
        let (mut publishers, mut subscribers) = (Vec::new(), Vec::new());
        for n in 0..PAIRS {
            let mut link = way.connect(&format!("subscriber-{n}"), n).await;
            link.subscribe(&[format!("bench/pair/{n}")], 1).await;
            subscribers.push(link);
            publishers.push(way.connect(&format!("publisher-{n}"), n).await);
        }
        Self { begun: Instant::now(), publishers, subscribers, each, latencies: Vec::new() }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap()
}

impl Load for Pairs {
    async fn turn(&mut self) {
        let (begun, each, count) = (self.begun, self.each, self.publishers.len());
        let publishers = &mut self.publishers;
        let sending = async {
            let start = tokio::time::Instant::now();
            for n in 0..each * count {
                sleep_until(start + Duration::from_secs(1) * u32::try_from(n).unwrap() / RATE).await;
                let link = &mut publishers[n % count];
                if n >= count {
                    link.acknowledged(1).await;
                }
                let mut payload = [b'x'; PAYLOAD];
                payload[..8].copy_from_slice(&micros(begun).to_be_bytes());
                link.write(&publish(&format!("bench/pair/{}", n % count), Some(1), &payload)).await;
            }
            join_all(publishers.iter_mut().map(|link| link.acknowledged(1))).await;
        };
        let receiving = self.subscribers.iter_mut().map(|link| async move {
            let mut latencies = Vec::with_capacity(each);
            for _ in 0..each {
                let note = |payload: &[u8]| {
                    let sent = u64::from_be_bytes(payload[..8].try_into().unwrap());
                    latencies.push(micros(begun) - sent);
                };
                link.receive(1, note).await;
            }
            latencies
        });
        let ((), latencies) = join(sending, join_all(receiving)).await;
        self.latencies.extend(latencies.into_iter().flatten());
    }
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let servers = both(options, &devices);
    let turns = if options.callgrind { 1 } else { options.turns };
    let each = options.count(30_000, 4_000).div_ceil(PAIRS * turns);
    let mut loads: Vec<(&Server, Pairs)> = Vec::new();
    for server in &servers {
        loads.push((server, Pairs::new(&server.way(&devices, true), each).await));
    }
    let spent = take_turns(turns, &mut loads).await;
    let count = each * PAIRS * turns;
    report.spent(name, count, spent[0], beside(&spent, &servers), None);
    if options.callgrind {
        return;
    }
    for (measure, percent) in [("p50, milliseconds", 50), ("p99, milliseconds", 99)] {
        let mut values = loads.iter_mut().map(|(server, pairs)| {
            pairs.latencies.sort_unstable();
            let value = pairs.latencies[(pairs.latencies.len() - 1) * percent / 100];
            (server.name, value as f64 / 1000.0)
        });
        let (_, ours) = values.next().unwrap();
        report.number(name, count, measure, ours, values.next(), None);
    }
}
