//! Connections that say nothing: the memory that each takes.

use crate::Options;
use crate::brokers::both;
use crate::devices::Devices;
use crate::link::Link;
use crate::meter::resident;
use crate::report::Report;
use futures_util::future::join_all;
use std::time::Duration;

/// Connections that are there before the first look, so that what a server allocates once is not counted.
const BEFORE: usize = 200;
/// Connects at a time.
const AT_ONCE: usize = 50;
/// The most kilobytes for a connection over TLS.
const TARGET: f64 = 25.0;

/// Runs the scenario.
pub(crate) async fn run(name: &str, options: &Options, report: &mut Report) {
    if options.callgrind {
        eprintln!("  memory is not measured under callgrind");
        return;
    }
    let devices = Devices::new();
    // The descriptors of this process bound how many there can be.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(BEFORE + 100);
    let count = options.count(10_000, 0).min(room);
    let mut found = Vec::new();
    for server in both(options, &devices) {
        let way = server.way(&devices, true);
        let mut links: Vec<Link> = Vec::with_capacity(BEFORE + count);
        let mut before = 0;
        while links.len() < BEFORE + count {
            if links.len() >= BEFORE && before == 0 {
                before = settled(server.pid()).await;
            }
            let from = links.len();
            let most = if from < BEFORE { BEFORE } else { BEFORE + count };
            let names: Vec<String> = (from..most.min(from + AT_ONCE)).map(|n| format!("client-{n}")).collect();
            links.extend(join_all(names.iter().enumerate().map(|(n, name)| way.connect(name, from + n))).await);
        }
        let grown = settled(server.pid()).await.saturating_sub(before);
        found.push((server.name, grown as f64 / 1000.0 / count as f64));
    }
    report.number(name, count, "kilobytes each", found[0].1, None, Some(TARGET));
    if let Some(beside) = found.get(1) {
        report.number(name, count, "kilobytes each", found[0].1, Some(*beside), None);
    }
}

/// A process's memory once it does not change any more.
pub(crate) async fn settled(pid: u32) -> u64 {
    let mut last = resident(pid);
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = resident(pid);
        if now == last {
            break;
        }
        last = now;
    }
    last
}
