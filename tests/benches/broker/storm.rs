//! A storm of connects over mutual TLS, beside the handshake alone: what Drydock spends on everything else.

use crate::Options;
use crate::brokers::{Load, Server, take_turns};
use crate::devices::Devices;
use crate::link::Way;
use crate::report::Report;
use futures_util::future::join_all;

/// Connects at a time.
const AT_ONCE: usize = 8;
/// The most that a connect may cost of the handshake alone.
const TARGET: f64 = 1.3;

struct Storm {
    way: Way,
    /// Whether MQTT is spoken after the handshake.
    mqtt: bool,
    /// Connects in a turn of each that are made at a time.
    each: usize,
}

impl Load for Storm {
    async fn turn(&mut self) {
        let Self { way, mqtt, each } = self;
        let client = |n: usize| {
            let (way, mqtt, each) = (&*way, *mqtt, *each);
            async move {
                for round in 0..each {
                    let mut link = way.open(round * AT_ONCE + n).await;
                    if mqtt {
                        link.connect(&format!("client-{n}-{}", round % 100)).await;
                        link.disconnect().await;
                    } else {
                        link.close().await;
                    }
                }
            }
        };
        join_all((0..AT_ONCE).map(client)).await;
    }
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let mut servers = vec![Server::drydock(options, &devices, false), Server::acceptor(options)];
    if !options.alone {
        servers.push(Server::mosquitto(options, &devices));
    }
    let turns = if options.callgrind { 1 } else { options.turns };
    let each = options.count(5_000, 400).div_ceil(AT_ONCE * turns);
    let mut loads: Vec<(&Server, Storm)> = Vec::new();
    for server in &servers {
        let mqtt = server.name != "handshake alone";
        let mut storm = Storm { way: server.way(&devices, true), mqtt, each: 100usize.div_ceil(AT_ONCE) };
        storm.turn().await;
        storm.each = each;
        loads.push((server, storm));
    }
    let spent = take_turns(turns, &mut loads).await;
    let targets = [None, Some(TARGET), None];
    for ((spent_beside, server), target) in spent.iter().zip(&servers).zip(targets).skip(1) {
        report.spent(name, each * AT_ONCE * turns, spent[0], Some((server.name, *spent_beside)), target);
    }
}
