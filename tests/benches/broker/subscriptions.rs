//! A million subscriptions that do not match: the memory that they take, and that messages cost no more for them.

use crate::Options;
use crate::brokers::{Load, Server, beside, both, take_turns};
use crate::devices::Devices;
use crate::idle::settled;
use crate::link::{Link, PAYLOAD, Way, publish};
use crate::meter::Spent;
use crate::report::Report;
use futures_util::future::{join, join_all};

/// Clients that the subscriptions are spread over.
const CLIENTS: usize = 500;
/// Groups of devices, each with a level of its own.
const GROUPS: usize = 1_000;
/// The subscriptions of the server that is compared with: one for each group.
const FEW: usize = GROUPS;
/// Messages written at once.
const BURST: usize = 50;
/// Topics that the publisher of the look-ups takes turns with: more than a connection remembers.
const TOPICS: usize = 20_000;
/// How much more a message may cost than with few subscriptions. It must not grow; the rest is noise. For topics that are new to
/// a connection this is a target for instructions alone: a look-up in a table that has outgrown the caches takes no more
/// steps, but waits for memory.
const TARGET: f64 = 1.1;

/// One publisher and one subscriber of one topic, or a publisher of many topics that nobody subscribes to.
struct Publisher {
    link: Link,
    subscriber: Option<Link>,
    bursts: Vec<Vec<u8>>,
    rounds: usize,
}

impl Publisher {
    async fn delivering(way: &Way, rounds: usize) -> Self {
        let mut subscriber = way.connect("subscriber", 0).await;
        subscriber.subscribe(&["bench/one/telemetry".to_owned()], 0).await;
        let bursts = vec![crate::link::burst("bench/one/telemetry", 1, BURST)];
        Self { link: way.connect("publisher", 1).await, subscriber: Some(subscriber), bursts, rounds }
    }

    async fn looking_up(way: &Way, rounds: usize) -> Self {
        let message = |n: usize, id: usize| {
            let topic = format!("bench/{}/{n}/state", n % GROUPS);
            publish(&topic, Some(u16::try_from(id + 1).unwrap()), &[b'x'; PAYLOAD])
        };
        let burst = |at: usize| (0..BURST).flat_map(|n| message(at * BURST + n, n)).collect();
        let bursts = (0..TOPICS / BURST).map(burst).collect();
        Self { link: way.connect("looker", 1).await, subscriber: None, bursts, rounds }
    }
}

impl Load for Publisher {
    async fn turn(&mut self) {
        let Self { link, subscriber, bursts, rounds } = self;
        for bytes in bursts.iter().cycle().take(*rounds) {
            let publishing = async {
                link.write(bytes).await;
                link.acknowledged(BURST).await;
            };
            let receiving = async {
                if let Some(subscriber) = subscriber.as_mut() {
                    subscriber.receive(BURST, |_| ()).await;
                }
            };
            join(publishing, receiving).await;
        }
    }
}

/// What the messages cost each server.
async fn messages(servers: &[&Server], devices: &Devices, rounds: usize, turns: usize) -> [Vec<Spent>; 2] {
    let mut delivering: Vec<(&Server, Publisher)> = Vec::new();
    let mut looking_up: Vec<(&Server, Publisher)> = Vec::new();
    for &server in servers {
        let way = server.way(devices, false);
        delivering.push((server, Publisher::delivering(&way, rounds).await));
        looking_up.push((server, Publisher::looking_up(&way, rounds).await));
    }
    for (_, load) in delivering.iter_mut().chain(&mut looking_up) {
        load.turn().await;
    }
    [take_turns(turns, &mut delivering).await, take_turns(turns, &mut looking_up).await]
}

/// Subscribes.
struct Subscribing {
    clients: Vec<(Link, Vec<String>)>,
}

impl Subscribing {
    async fn new(way: &Way, count: usize) -> Self {
        let each = count / CLIENTS;
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            // One in ten has a wildcard, the first one of each group of devices among them: the paths that a look-up follows,
            // and that lead nowhere, are the same few however many subscriptions there are.
            let filter = |at: usize| match at / GROUPS % 10 {
                0 => format!("bench/{}/+/command-{at}", at % GROUPS),
                _ => format!("bench/{}/device-{at}/command", at % GROUPS),
            };
            let link = way.connect(&format!("client-{n}"), n).await;
            clients.push((link, (n * each..(n + 1) * each).map(filter).collect()));
        }
        Self { clients }
    }
}

impl Load for Subscribing {
    async fn turn(&mut self) {
        join_all(self.clients.iter_mut().map(|(link, filters)| async move {
            for some in filters.chunks(80) {
                link.subscribe(some, 0).await;
            }
        }))
        .await;
    }
}

/// Runs the scenario: one Drydock and mosquitto get the subscriptions, another Drydock beside them a few of them.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let peers = both(options, &devices);
    let turns = if options.callgrind { 1 } else { options.turns };
    let rounds = if options.callgrind { 100 } else { 4_000 };
    let count = options.count(1_000_000, 100_000) / CLIENTS * CLIENTS;

    let mut loads: Vec<(&Server, Subscribing)> = Vec::new();
    let mut before = Vec::new();
    for server in &peers {
        loads.push((server, Subscribing::new(&server.way(&devices, false), count).await));
        before.push(settled(server.pid()).await);
    }
    let spent = take_turns(1, &mut loads).await;
    report.spent(&format!("{name}: to subscribe"), count, spent[0], beside(&spent, &peers), None);
    if !options.callgrind {
        let mut bytes = Vec::new();
        for (server, before) in peers.iter().zip(before) {
            bytes.push((server.name, (settled(server.pid()).await - before) as f64 / count as f64));
        }
        report.number(name, count, "bytes each", bytes[0].1, bytes.get(1).copied(), None);
    }

    let quiet = Server::drydock(options, &devices, false);
    let mut few = Subscribing::new(&quiet.way(&devices, false), FEW).await;
    few.turn().await;
    let servers: Vec<&Server> = peers.iter().chain([&quiet]).collect();
    let spent = messages(&servers, &devices, rounds, turns).await;
    let sent = rounds * BURST * turns;
    let titles = [("a delivered message", true), ("a message to a new topic", options.callgrind)];
    for ((title, is_judged), spent) in titles.into_iter().zip(spent) {
        let title = format!("{name}: {title}");
        let few = ("with 1,000 of them", spent[peers.len()]);
        report.spent(&title, sent, spent[0], Some(few), is_judged.then_some(TARGET));
        report.spent(&title, sent, spent[0], beside(&spent[..peers.len()], &peers), None);
    }
}
