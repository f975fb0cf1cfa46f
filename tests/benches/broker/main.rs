//! The broker under load, beside Debian's mosquitto in the same run.
//!
//! ```text
//! cargo bench -p drydock-tests --bench broker                      every scenario, CPU time
//! cargo bench -p drydock-tests --bench broker -- fan-in tls        those whose names have both words
//! cargo bench -p drydock-tests --bench broker -- --callgrind       instructions instead, with fewer messages
//! ```
//!
//! The brokers run on one core, the load on another. Both brokers are up at the same time and take turns, so that a noisy
//! machine is noisy for both. What is counted is what a broker's process spends (`/proc/<pid>/stat`), user and kernel; with
//! `--callgrind` the instructions that it executes itself, which hardly vary; and cycles, where `perf stat` can count them.
//!
//! - `brokers`: the three servers: `drydock up`, mosquitto, and an acceptor that does the TLS handshake and nothing else.
//! - `link`: one client's connection. `meter`: what a process spends. `report`: the table.
//! - `fan`, `pairs`, `ruled`, `watched`, `storm`, `idle`, `subscriptions`: the scenarios of the broker. `shadows`, `streams`, `rollout`:
//!   those of what stands on it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark whose set-up does not work ends"
)]

mod brokers;
mod devices;
mod fan;
mod idle;
mod link;
mod meter;
mod pairs;
mod report;
mod rollout;
mod ruled;
mod shadows;
mod storm;
mod streams;
mod subscriptions;
mod watched;

use clap::Parser;
use report::Report;
use std::path::PathBuf;
use std::process::Command;

/// What the benchmark is asked to do.
#[derive(Debug, Clone, Parser)]
#[command(name = "broker", about = "Load on the broker, beside mosquitto")]
pub(crate) struct Options {
    /// Run the scenarios whose names have all these words; all of them where there are none.
    words: Vec<String>,
    /// Count instructions with callgrind, with fewer messages.
    #[arg(long)]
    callgrind: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Messages that a publisher writes at once.
    #[arg(long, default_value_t = 10)]
    burst: usize,
    /// Messages, connects, connections or subscriptions per scenario, instead of each scenario's own number.
    #[arg(long)]
    count: Option<usize>,
    /// Turns that each broker takes.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// The `drydock` binary to measure, instead of one built in the profile of the benchmark.
    #[arg(long, value_name = "FILE")]
    drydock: Option<PathBuf>,
    /// Leave mosquitto out.
    #[arg(long)]
    alone: bool,
    /// Keep callgrind's files in this folder, to look into with `callgrind_annotate`.
    #[arg(long, value_name = "DIR", requires = "callgrind")]
    keep: Option<PathBuf>,
    /// Print the names of the scenarios.
    #[arg(long)]
    list: bool,
    /// Serve as the acceptor that does nothing but the handshake; the benchmark starts itself so.
    #[arg(long, hide = true, value_name = "FILE")]
    acceptor: Option<PathBuf>,
    /// `cargo bench` says this.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// How many of something to do: what was asked for, or a scenario's own number, which is smaller under callgrind.
    pub(crate) fn count(&self, usual: usize, callgrind: usize) -> usize {
        self.count.unwrap_or(if self.callgrind { callgrind } else { usual })
    }
}

/// One scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Fan { out: bool, qos: u8, tls: bool },
    Pairs,
    Ruled { qos: u8 },
    Watched { qos: u8 },
    Storm,
    Idle,
    Subscriptions,
    Shadows,
    Streams,
    Rollout,
}

impl Scenario {
    fn all() -> Vec<Self> {
        let fans = [false, true].into_iter().flat_map(|out| {
            [0, 1].into_iter().flat_map(move |qos| [false, true].map(move |tls| Self::Fan { out, qos, tls }))
        });
        fans.chain([
            Self::Pairs,
            Self::Ruled { qos: 0 },
            Self::Ruled { qos: 1 },
            Self::Watched { qos: 0 },
            Self::Watched { qos: 1 },
            Self::Storm,
            Self::Idle,
            Self::Subscriptions,
            Self::Shadows,
            Self::Streams,
            Self::Rollout,
        ])
        .collect()
    }

    fn name(self) -> String {
        match self {
            Self::Fan { out, qos, tls } => format!(
                "{} qos{qos} {}",
                if out { "fan-out 1→500" } else { "fan-in 200→1" },
                if tls { "tls" } else { "plain" }
            ),
            Self::Pairs => "pairs 500 at 2,000/s qos1 tls".to_owned(),
            Self::Ruled { qos } => format!("a rule for each of 200 publishers, on disk, qos{qos} tls"),
            Self::Watched { qos } => format!("fan-in 200→1 with a security profile on all devices, qos{qos} tls"),
            Self::Storm => "storm of connects tls".to_owned(),
            Self::Idle => "idle connections tls".to_owned(),
            Self::Subscriptions => "subscriptions".to_owned(),
            Self::Shadows => "shadow updates on disk tls".to_owned(),
            Self::Streams => "a file of 1 MB by stream tls".to_owned(),
            Self::Rollout => "a rollout to 10,000 devices that is aborted tls".to_owned(),
        }
    }

    async fn run(self, options: &Options, report: &mut Report) {
        let name = self.name();
        match self {
            Self::Fan { out, qos, tls } => fan::run(&name, fan::Shape { out, qos, tls }, options, report).await,
            Self::Pairs => pairs::run(&name, options, report).await,
            Self::Ruled { qos } => ruled::run(&name, qos, options, report).await,
            Self::Watched { qos } => watched::run(&name, qos, options, report).await,
            Self::Storm => storm::run(&name, options, report).await,
            Self::Idle => idle::run(&name, options, report).await,
            Self::Subscriptions => subscriptions::run(&name, options, report).await,
            Self::Shadows => shadows::run(&name, options, report).await,
            Self::Streams => streams::run(&name, options, report).await,
            Self::Rollout => rollout::run(&name, options, report).await,
        }
    }
}

fn main() {
    let options = Options::parse();
    if let Some(ready) = &options.acceptor {
        brokers::acceptor::serve(ready);
        return;
    }
    let wanted: Vec<Scenario> =
        Scenario::all().into_iter().filter(|s| options.words.iter().all(|word| s.name().contains(word))).collect();
    if options.list {
        wanted.iter().for_each(|scenario| println!("{}", scenario.name()));
        return;
    }
    prepare();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut report = Report::new(options.json);
    for scenario in wanted {
        eprintln!("{} …", scenario.name());
        runtime.block_on(scenario.run(&options, &mut report));
    }
    report.print();
}

/// Puts this process on the second core, where there is one, and lets it have as many connections as it may.
fn prepare() {
    if brokers::cores() > 1 {
        let pid = std::process::id().to_string();
        let moved = Command::new("taskset").args(["-cp", "1", &pid]).output();
        assert!(moved.is_ok_and(|out| out.status.success()), "`taskset` does not run: it comes with util-linux");
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
}
