//! 200 publishers to one subscriber, and one publisher to 500 subscribers.

use crate::Options;
use crate::brokers::{Load, Server, beside, both, take_turns};
use crate::devices::Devices;
use crate::link::{Link, Way, burst};
use crate::report::Report;
use futures_util::future::{join, join_all};

pub(crate) const PUBLISHERS: usize = 200;
const SUBSCRIBERS: usize = 500;
/// The most that DESIGN's targets allow of mosquitto's cost, in and out.
const TARGETS: (f64, f64) = (0.6, 0.35);

/// Which of them.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) out: bool,
    pub(crate) qos: u8,
    pub(crate) tls: bool,
}

pub(crate) struct Fan {
    /// Each with what it writes in a round.
    publishers: Vec<(Link, Vec<u8>)>,
    subscribers: Vec<Link>,
    qos: u8,
    burst: usize,
    rounds: usize,
}

impl Fan {
    pub(crate) async fn new(way: &Way, shape: Shape, burst_size: usize, rounds: usize) -> Self {
        let (publishers, subscribers) = if shape.out { (1, SUBSCRIBERS) } else { (PUBLISHERS, 1) };
        let mut subscribing = Vec::new();
        for n in 0..subscribers {
            let mut link = way.connect(&format!("subscriber-{n}"), n).await;
            link.subscribe(&["bench/+/telemetry".to_owned()], shape.qos).await;
            subscribing.push(link);
        }
        let mut publishing = Vec::new();
        for n in 0..publishers {
            let link = way.connect(&format!("publisher-{n}"), n).await;
            publishing.push((link, burst(&format!("bench/publisher-{n}/telemetry"), shape.qos, burst_size)));
        }
        Self { publishers: publishing, subscribers: subscribing, qos: shape.qos, burst: burst_size, rounds }
    }

    /// Every publisher writes its burst; it is over when all is delivered and acknowledged.
    pub(crate) async fn round(&mut self) {
        let (qos, burst) = (self.qos, self.burst);
        let due = burst * self.publishers.len();
        let publishers = self.publishers.iter_mut().map(|(link, bytes)| async move {
            link.write(bytes).await;
            if qos > 0 {
                link.acknowledged(burst).await;
            }
        });
        let subscribers = self.subscribers.iter_mut().map(|link| link.receive(due, |_| ()));
        join(join_all(publishers), join_all(subscribers)).await;
    }
}

impl Load for Fan {
    async fn turn(&mut self) {
        for _ in 0..self.rounds {
            self.round().await;
        }
    }
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, shape: Shape, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let servers = both(options, &devices);
    let turns = if options.callgrind { 1 } else { options.turns };
    let per_round = options.burst * if shape.out { SUBSCRIBERS } else { PUBLISHERS };
    let rounds = options.count(500_000, 20_000).div_ceil(per_round * turns);
    let mut loads: Vec<(&Server, Fan)> = Vec::new();
    for server in &servers {
        let mut fan = Fan::new(&server.way(&devices, shape.tls), shape, options.burst, rounds).await;
        fan.round().await;
        loads.push((server, fan));
    }
    let spent = take_turns(turns, &mut loads).await;
    let target = shape.tls.then_some(if shape.out { TARGETS.1 } else { TARGETS.0 });
    report.spent(name, rounds * per_round * turns, spent[0], beside(&spent, &servers), target);
}
