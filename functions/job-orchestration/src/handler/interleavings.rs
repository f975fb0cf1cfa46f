//! Releases at every interleaving: each job is made once under its id, each phase is told once, and what was told last agrees with the
//! row.

use super::tests::{World, definition, ended, event};
use super::*;
use fleet::alert::Alert;
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, Scenario, check, told};
use fleet::release::definition::Definition;
use fleet::release::{Counts, environment};
use iot_events::SqsBatch;
use serde_json::{Value, json};

/// A release, what devices make of its jobs, and what people ask for meanwhile.
struct Play {
    definition: Definition,
    made: Vec<(String, Counts)>,
    commands: Vec<Value>,
    /// Whether AWS IoT's events are lost.
    is_silent: bool,
    /// The phases that it may end in, each with the jobs that are then there and what was told.
    ends: Vec<(Phase, &'static [&'static str], &'static [Phase])>,
}

#[derive(Clone)]
enum Job {
    Command(Value),
    Event(String),
    /// The schedule, which comes by once a job is there whose event is lost.
    Schedule,
}

/// In short: a schedule that ends wrong is told by these.
impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command(command) => f.write_str(command["command"].as_str().unwrap_or_default()),
            Self::Event(job_id) => f.write_str(job_id),
            Self::Schedule => f.write_str("schedule"),
        }
    }
}

impl Scenario for Play {
    type World = World;
    type Job = Job;

    fn world(&self, faults: &Faults) -> World {
        World::with(faults, self.made.clone())
    }

    fn jobs(&self) -> Vec<Job> {
        let create = json!({ "command": "create", "release": self.definition, "by": "alice" });
        std::iter::once(create).chain(self.commands.iter().cloned()).map(Job::Command).collect()
    }

    fn invoke<'a>(&'a self, world: &'a World, job: Job, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let ports = world.ports();
            match job {
                Job::Command(command) => {
                    let command: Command = serde_json::from_value(command).map_err(|error| error.to_string())?;
                    match obey(&ports, &command, now).await.map_err(|error| error.to_string())? {
                        Answer::Refused { refused } if refused.contains("try again") => Err(refused),
                        _ => Ok(()),
                    }
                }
                Job::Event(job_id) => {
                    let message = json!({ "messageId": "m", "body": event(&job_id, "a", "succeeded").to_string() });
                    let batch: SqsBatch =
                        serde_json::from_value(json!({ "Records": [message] })).map_err(|error| error.to_string())?;
                    let (response, mut handled) = handle_batch(&ports, &batch, now).await;
                    match handled.pop() {
                        Some(Err(error)) => Err(error.to_string()),
                        _ if response.batch_item_failures.is_empty() => Ok(()),
                        _ => Err("comes again".to_owned()),
                    }
                }
                Job::Schedule => {
                    let looked = obey(&ports, &Command::Reconcile {}, now).await.map_err(|error| error.to_string())?;
                    match looked {
                        Answer::Reconciled { failed, .. } if failed.is_empty() => Ok(()),
                        other => Err(format!("{other:?}")),
                    }
                }
            }
        })
    }

    fn queued(&self, world: &World) -> Vec<Job> {
        let told = std::iter::from_fn(|| world.jobs.told());
        told.map(|job_id| if self.is_silent { Job::Schedule } else { Job::Event(job_id) }).collect()
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let release = world.release(&self.definition.release_id);
        let (jobs, told) = (world.jobs.all(), told(&world.alerts.sent(), faults)?);
        let told: Vec<_> = told
            .iter()
            .filter_map(|alert| if let Alert::Release(telling) = alert { Some(telling.phase) } else { None })
            .collect();
        let made: Vec<_> = jobs.keys().map(String::as_str).collect();
        let is = |end: &&(Phase, &[&str], &[Phase])| end.0 == release.phase && end.1 == made && end.2 == told;
        if !self.ends.iter().any(|end| is(&end)) {
            return Err(format!("ends as {:?} with {made:?}, told {told:?}: {release:?}", release.phase));
        }
        if !release.todo.is_empty() || release.busy_until.is_some() {
            return Err(format!("something is left to do: {release:?}"));
        }
        let row = world.releases.row(&environment::key("production"));
        if row.as_ref().and_then(environment::active).is_some() {
            return Err(format!("the environment is still held: {row:?}"));
        }
        let asked: usize = jobs.values().map(|job| job.asked - 1).sum();
        if asked > faults {
            return Err(format!("jobs were asked for {asked} times more after {faults} faults: {jobs:?}"));
        }
        let mut ids: Vec<_> = release.runs.iter().map(|run| run.job_id.as_str()).collect();
        ids.sort_unstable();
        if ids != made {
            return Err(format!("the row has the runs {ids:?}, and there are the jobs {made:?}"));
        }
        if release.phase == Phase::Stopped
            && jobs.values().any(|job| job.canceled.is_none() && job.counts.pending() > 0)
        {
            return Err(format!("a job goes on: {jobs:?}"));
        }
        Ok(())
    }
}

fn play(waves: Value, made: &[(&str, Counts)], ends: Vec<(Phase, &'static [&'static str], &'static [Phase])>) -> Play {
    let made = made.iter().map(|(id, counts)| ((*id).to_owned(), *counts)).collect();
    Play { definition: definition("r", json!({ "waves": waves })), made, commands: Vec::new(), is_silent: false, ends }
}

fn one() -> Value {
    json!([{ "name": "canary", "group": "canary" }])
}

fn two() -> Value {
    json!([{ "name": "canary", "group": "canary" }, { "name": "all", "group": "all" }])
}

#[test]
fn one_wave() {
    let well =
        play(one(), &[("release-r-w1", ended(2, 0))], vec![(Phase::Succeeded, &["release-r-w1"], &[Phase::Succeeded])]);
    check("releases: one wave", &well, Most::Faults(2));
    let silent = Play { is_silent: true, ..well };
    check("releases: one wave, its events are lost", &silent, Most::Faults(1));
    let bad =
        play(one(), &[("release-r-w1", ended(1, 1))], vec![(Phase::Stopped, &["release-r-w1"], &[Phase::Stopped])]);
    check("releases: one wave that fails", &bad, Most::Faults(2));
}

#[test]
fn two_waves() {
    let well = play(
        two(),
        &[("release-r-w1", ended(2, 0)), ("release-r-w2", ended(4, 0))],
        vec![(Phase::Succeeded, &["release-r-w1", "release-r-w2"], &[Phase::Succeeded])],
    );
    check("releases: two waves", &well, Most::Faults(1));
    let bad = play(
        two(),
        &[("release-r-w1", ended(2, 0)), ("release-r-w2", ended(1, 3))],
        vec![(Phase::Stopped, &["release-r-w1", "release-r-w2"], &[Phase::Stopped])],
    );
    check("releases: the second wave fails", &bad, Most::Faults(1));
}

#[test]
fn somebody_stops_it_meanwhile() {
    let stop = json!({ "command": "stop", "releaseId": "r", "by": "bob" });
    let mut well = play(
        one(),
        &[("release-r-w1", ended(2, 0))],
        vec![
            (Phase::Succeeded, &["release-r-w1"], &[Phase::Succeeded]),
            (Phase::Stopped, &["release-r-w1"], &[Phase::Stopped]),
            (Phase::Stopped, &[], &[Phase::Stopped]),
        ],
    );
    well.commands = vec![stop.clone()];
    check("releases: one wave, and a stop", &well, Most::Faults(1));
}
