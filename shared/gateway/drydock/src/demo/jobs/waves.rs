//! How the waves of releases are shown: bars while they go on, a table when they are over.

use crate::cli::print;
use crate::demo::timeline::Timeline;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A bar for each wave that goes on. Shown on a terminal alone.
pub(super) struct Waves {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Waves {
    /// None yet; what the timeline prints from now on stands above them.
    pub(super) fn new(timeline: &mut Timeline) -> Self {
        let all = MultiProgress::new();
        if timeline.is_quiet() {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        timeline.above(&all);
        Self { all, bars: BTreeMap::new() }
    }

    /// Shows how the waves of a release stand.
    pub(super) fn look(&mut self, release: &Value) {
        let version = release.pointer("/definition/what/version").and_then(Value::as_str).unwrap_or_default();
        for run in runs(release) {
            let job = run.get("jobId").and_then(Value::as_str).unwrap_or_default().to_owned();
            let all = &self.all;
            let bar = self.bars.entry(job).or_insert_with(|| {
                let style = ProgressStyle::with_template("{prefix:>14}  {bar:40}  {pos}/{len}  {msg}");
                let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                all.add(bar.with_prefix(format!("{version} {}", name(run))))
            });
            let failed = count(run, FAILED);
            bar.set_length(count(run, &["targets"]));
            bar.set_position(count(run, &["succeeded"]) + failed);
            let failures = if failed > 0 { print::bad(format!("{failed} failed")) } else { String::new() };
            bar.set_message(format!("{} {failures}", outcome(run)));
            if matches!(outcome(run), "well" | "stopped") {
                bar.abandon();
            }
        }
    }

    /// Takes them off the terminal.
    pub(super) fn clear(&self) {
        // A terminal that cannot be written to shows nothing anyway.
        let _ = self.all.clear();
    }
}

/// What counts as failed.
const FAILED: &[&str] = &["failed", "rejected", "timedOut"];

/// The jobs of a release so far.
pub(super) fn runs(release: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    release.get("runs").and_then(Value::as_array).into_iter().flatten()
}

/// The wave's name.
pub(super) fn name(run: &Value) -> &str {
    run.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// What became of a wave.
pub(super) fn outcome(run: &Value) -> &str {
    run.get("outcome").and_then(Value::as_str).unwrap_or_default()
}

/// The sum of some of a run's counts; `targets` is the number of its things.
pub(super) fn count(run: &Value, names: &[&str]) -> u64 {
    let of = |name: &str| if name == "targets" { run.get(name) } else { run.get("counts")?.get(name) };
    names.iter().filter_map(|name| of(name)?.as_u64()).sum()
}

/// How many devices have a job of a release that they have not ended.
pub(super) fn pending(release: &Value) -> u64 {
    runs(release).map(|run| count(run, &["queued", "inProgress"])).sum()
}

/// Whether the wave that goes on has things that its rate has not let it tell yet.
pub(super) fn waits_for_its_rate(release: &Value) -> bool {
    runs(release).next_back().is_some_and(|run| {
        let told = count(run, FAILED) + count(run, &["succeeded", "queued", "inProgress"]);
        outcome(run) == "going" && count(run, &["targets"]) > told
    })
}

/// What the table and its lines for machines have.
const COLUMNS: [&str; 7] = ["version", "wave", "things", "succeeded", "failed", "pending", "outcome"];

/// What each wave did, as a table.
pub(super) fn table(releases: &[Value]) -> String {
    let mut table = print::table(COLUMNS);
    for line in lines(releases) {
        table.add_row(line.map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)));
    }
    table.to_string()
}

/// The same for machines.
pub(super) fn json(releases: &[Value]) -> Value {
    let line = |line| COLUMNS.map(str::to_owned).into_iter().zip::<[Value; 7]>(line).collect::<Map<_, _>>();
    lines(releases).map(line).collect()
}

fn lines(releases: &[Value]) -> impl Iterator<Item = [Value; 7]> {
    releases.iter().flat_map(|release| {
        let version = release.pointer("/definition/what/version").cloned().unwrap_or_default();
        runs(release).map(move |run| {
            // Things that joined the group later are not in the number that the wave began with.
            let executions = count(run, FAILED) + count(run, &["succeeded", "queued", "inProgress"]);
            [
                version.clone(),
                json!(name(run)),
                json!(count(run, &["targets"]).max(executions)),
                json!(count(run, &["succeeded"])),
                json!(count(run, FAILED)),
                json!(count(run, &["queued", "inProgress"])),
                json!(outcome(run)),
            ]
        })
    })
}
